"""What the daemon's listeners answer to versions of TLS; pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from ...evidence.host_facts import Daemon
from ...evidence.model import Evidence
from ...evidence.remote_facts import Handshake, Offer, endpoint
from ...verdict import CannotTell, Remedy
from . import listen_options, x509

WANTED = "TLSv1.3"
REFUSED = ("TLSv1", "TLSv1.1", "TLSv1.2")
# These do not speak TLS: lxd/endpoints/pprof.go, lxd/dns, lxd/bgp.
PLAIN = ("core.debug_address", "core.dns_address", "core.bgp_address")
# LXD up to 6.2 takes TLS 1.2 where it is set: shared/network.go, InitTLSConfig.
INSECURE = "LXD_INSECURE_TLS"
REMEDY = Remedy(
    command=f"sed -i /^{INSECURE}=/d /etc/environment && "
    "{ systemctl restart lxd || systemctl restart snap.lxd.daemon; }",
    note="a drop-in of the service may set LXD_INSECURE_TLS too; a bad certificate is replaced by "
    "server.crt and server.key in LXD's data directory, before the restart",
)


def listeners(evidence: Evidence) -> Iterator[Handshake]:
    """Yield the listeners that speak TLS.

    Raises:
        CannotTell: one of them was not asked, or does not answer.
    """
    plain = {
        found.port
        for key, found in listen_options.options(evidence.server).items()
        if key in PLAIN
    }
    asked = {(shake.address, shake.port): shake for shake in evidence.handshakes}
    for listener in evidence.listeners:
        if listener.port in plain:
            continue
        shake = asked.get((listener.address, listener.port))
        if shake is None:
            raise CannotTell(f"{listener.text} was not asked")
        yield shake


def faults(shake: Handshake, now: datetime.datetime) -> Iterator[str]:
    """Yield what is wrong with a listener.

    Raises:
        CannotTell: it took no version at all, did not say why it refused one, or its certificate
            cannot be read: then a refusal proves nothing.
    """
    where = endpoint(shake.address, shake.port)
    offers = {offer.version: offer for offer in shake.offers}
    accepted = [version for version in REFUSED if _is_accepted(where, offers.get(version))]
    if accepted:
        yield f"{where} accepts {', '.join(accepted)}"
    if shake.newest != WANTED:
        raise CannotTell(f"{where} does not accept TLS 1.3: {shake.error or shake.newest}")
    for fault in x509.faults(x509.parse(shake.certificate), now):
        yield f"the certificate of {where}: {fault}"


def _is_accepted(where: str, offer: Offer | None) -> bool:
    if offer is None:
        raise CannotTell(f"{where} was not tested with every old version of TLS")
    if offer.answer not in ("accepted", "alert"):
        raise CannotTell(f"{where} does not answer {offer.version}: {offer.detail}")
    return offer.answer == "accepted"


def describe(shake: Handshake) -> str:
    """Return what a listener took and refused, and its certificate."""
    refused = {f"{offer.version} by alert {offer.detail}" for offer in shake.offers}
    found = x509.describe(x509.parse(shake.certificate))
    where = endpoint(shake.address, shake.port)
    return f"{where} takes {shake.newest}, refuses {', '.join(sorted(refused))}; {found}"


def origin(daemon: Daemon) -> str:
    """Return where the listener's readiness comes from."""
    setting = daemon.environment.get(INSECURE)
    if setting is None:
        return "the listener itself"
    return f"the listener itself; the daemon was started with {INSECURE}={setting}"
