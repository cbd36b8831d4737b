"""Who may log in: the clients that LXD lists, and those of whom it lists the group only; pure.

Since 5.21 (API extension `access_management`) clients are identities: with a certificate, of an
identity provider, or with a bearer token. The trust store lists those with certificates that are
not in groups; the rest is in the list of identities only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ..evidence.model import Evidence
from ..evidence.objects import Certificate, Identity, Server
from ..lxd import timestamps
from ..verdict import CannotTell

# shared/api/auth.go: who may do everything without being in a group.
FULL_TYPES = ("Client certificate (unrestricted)", "Server certificate", "Initial UI token bearer")
PENDING = "(pending)"  # as above: invited, and nobody has come yet
TLS, BEARER = "tls", "bearer"
CERTIFIED = ("client", "metrics", "server")  # in the trust store, which holds certificates only
# Clients of which no list tells the people behind them.
PROVIDER_GROUP = "identity provider group"
EVERY_USER = "every user of a login service"
CANDID, OIDC = "candid.api.url", "oidc.issuer"
ACCESS = "access_management"  # the extension that gives users of OIDC groups, and so less
EXPIRY = "access_management_expiry"  # only then no `expires_at` means that there is no token
_FINGERPRINT = re.compile(r"[0-9a-f]{12,64}", re.IGNORECASE)


def every(evidence: Evidence) -> Iterator[Certificate]:
    """Yield the trust store, every identity that is not in it, and whoever else may log in."""
    stored = {certificate.fingerprint for certificate in evidence.certificates}
    yield from evidence.certificates
    for one in evidence.identities:
        if one.id not in stored:
            yield Certificate(
                fingerprint=one.id,
                name=one.name,
                type=one.type,
                restricted=one.type not in FULL_TYPES,
                projects=None,
                certificate=one.tls_certificate,
            )
    for group in evidence.provider_groups:
        yield _people(f"identity-provider-group/{group.name}", group.name, PROVIDER_GROUP)
    for option in (CANDID, OIDC):
        if _opens_to_all(evidence.server, option):
            yield _people(option, option, EVERY_USER)


def _people(key: str, name: str, kind: str) -> Certificate:
    return Certificate(
        fingerprint=key, name=name, type=kind, restricted=False, projects=None, certificate=""
    )


def _opens_to_all(server: Server, option: str) -> bool:
    """Return whether whom a login service knows is a client that no listing tells of."""
    is_set = bool(server.config.get(option))
    return is_set and not (option == OIDC and ACCESS in server.api_extensions)


def identity(evidence: Evidence, client: Certificate) -> Identity | None:
    """Return the client as an identity; None where it is none."""
    found = [one for one in evidence.identities.complete() if one.id == client.fingerprint]
    return found[0] if found else None


def has_certificate(evidence: Evidence, client: Certificate) -> bool:
    """Return whether a client is one by a certificate, be it that LXD does not tell which."""
    if client.certificate or client.type in CERTIFIED:
        return True
    found = identity(evidence, client)
    is_by_tls = found is not None and found.authentication_method == TLS
    return is_by_tls and PENDING not in client.type


def token_until(evidence: Evidence, client: Certificate) -> str:
    """Until when the token of a bearer is good; "" where the client has none, or none any more.

    Raises:
        CannotTell: the time cannot be read.
    """
    found = identity(evidence, client)
    if found is None or found.authentication_method != BEARER:
        return ""
    if not found.expires_at:
        told = EXPIRY in evidence.server.api_extensions
        return "" if told else "that LXD does not tell the end of"
    try:
        ends = timestamps.parse_rfc3339(found.expires_at)
    except ValueError as error:
        raise CannotTell(f"{title(client)}: the end of its token is no time: {error}") from error
    if ends is None:
        return "without an end"
    return f"until {ends:%Y-%m-%d}" if ends > evidence.now else ""


def is_named(evidence: Evidence, client: Certificate, names: Collection[str]) -> bool:
    """Return whether one of these means the client, and no other one."""
    return any(len(_meant(evidence, name)) == 1 for name in names if _is_called(client, name))


def namesakes(evidence: Evidence, client: Certificate, names: Collection[str]) -> str:
    """Return what to say where a name means the client and others too; else ""."""
    shared = [name for name in names if _is_called(client, name)]
    count = len(_meant(evidence, shared[0])) if shared else 0
    return f"; {count} clients are called {shared[0]}" if shared else ""


def _meant(evidence: Evidence, name: str) -> list[str]:
    return [one.fingerprint for one in every(evidence) if _is_called(one, name)]


def _is_called(client: Certificate, name: str) -> bool:
    """Return whether this is the client's name, its id, or the beginning of its fingerprint."""
    if not name:
        return False
    begins = _FINGERPRINT.fullmatch(name) and client.fingerprint.startswith(name.lower())
    return name in (client.name, client.fingerprint) or bool(begins)


def title(client: Certificate) -> str:
    """Name and kind."""
    return f"{client.name or client.key} ({client.type})"
