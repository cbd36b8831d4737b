"""Whether a public key infrastructure revokes what it should; pure.

LXD reads the authority's certificate and the revocation list when it starts, and not again; it
does not look at the day by which the list must be replaced (shared/cert.go).
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ...evidence.model import Evidence
from ...evidence.objects import Server
from ...evidence.remote_facts import Pki, PkiFile
from ...inventory import packaging
from ...lxd import config_values, versions
from ...verdict import CannotTell

SIGNERS = (
    rsa.RSAPublicKey,
    ec.EllipticCurvePublicKey,
    ed25519.Ed25519PublicKey,
    ed448.Ed448PublicKey,
)
TRUST = "core.trust_ca_certificates"
LIST = "ca.crl"
PEM_BEGINS = "-----BEGIN X509 CRL-----"
# The first of each series that asks the authority also where `TRUST` is off: CVE-2024-6156.
_ASKS_SINCE = {"4.0": (4, 0, 10), "5.0": (5, 0, 4), "5.21": (5, 21, 2)}
_FEATURE_ASKS_SINCE = (6, 1)
RESTART = "{ systemctl restart lxd || systemctl restart snap.lxd.daemon; }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, and the command that repairs it."""

    text: str
    repair: str


def trusts_all(server: Server) -> bool:
    """Return whether every client of the authority is an administrator; off by LXD's default."""
    return config_values.boolean(server.config, TRUST, default=False)


def authority(pki: Pki) -> PkiFile | None:
    """Return the authority's certificate; None where the daemon asks for none.

    Raises:
        CannotTell: a file was not looked at, or could not be.
    """
    name = "cluster.ca" if _there(pki, "cluster.crt") else "server.ca"
    return _there(pki, name)


def _there(pki: Pki, name: str) -> PkiFile | None:
    found = [one for one in pki.files if one.name == name]
    if len(found) != 1:
        raise CannotTell(f"the host was not asked for {name}")
    if found[0].file.error:
        raise CannotTell(f"{found[0].file.path}: {found[0].file.error}")
    return found[0] if found[0].file.exists else None


def faults(pki: Pki, ca: PkiFile, now: datetime.datetime) -> Iterator[Fault]:
    """Yield what is wrong with the revocation list of an authority that is there."""
    directory = shlex.quote(ca.file.path.rpartition("/")[0])
    fetch = f"test -s {directory}/{LIST} && {RESTART}"
    crl = _there(pki, LIST)
    if crl is None:
        text = f"{ca.file.path} exists without {LIST}: no certificate can be revoked"
        yield Fault(text=text, repair=fetch)
        return
    yield from (Fault(text=text, repair=fetch) for text in _list_faults(crl, ca, now))
    for one in (ca, crl):
        if one.changed > pki.started:
            text = f"{one.file.path} has changed since LXD was started, and LXD reads it only then"
            yield Fault(text=text, repair=RESTART)


def _list_faults(crl: PkiFile, ca: PkiFile, now: datetime.datetime) -> Iterator[str]:
    if PEM_BEGINS not in crl.text:
        yield f"{crl.file.path} is not a revocation list in PEM format"
        return
    try:
        found = x509.load_pem_x509_crl(crl.text.encode())
        signer = x509.load_pem_x509_certificate(ca.text.encode())
    except ValueError as error:
        yield f"{crl.file.path} cannot be read: {error}"
        return
    ends = found.next_update_utc
    if ends is None:
        yield f"{crl.file.path} has no next update time"
    elif ends < now:
        yield f"{crl.file.path} expired on {ends:%Y-%m-%d}"
    if not _is_signed(found, signer):
        yield f"{crl.file.path} is not signed by {ca.file.path}"


def _is_signed(found: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    public = signer.public_key()
    return isinstance(public, SIGNERS) and found.is_signature_valid(public)


def require_asked(evidence: Evidence, server: Server) -> str:
    """Return why a release that does not ask the authority is at fault; "" where it does ask.

    Raises:
        CannotTell: a distribution's build of such a release may have the fix or not.
    """
    try:
        version = versions.parse(server.environment.server_version)
    except ValueError as error:
        raise CannotTell(str(error)) from error
    if version.numbers >= _ASKS_SINCE.get(version.series, _FEATURE_ASKS_SINCE):
        return ""
    text = f"LXD {version} ignores the revocation list while {TRUST} is off (CVE-2024-6156)"
    package = packaging.distribution_package(evidence, server, version)
    if package:
        raise CannotTell(f"{text}; whether package lxd {package} has the fix is not known")
    return text
