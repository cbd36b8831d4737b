"""Routes of a bridged NIC that let it send as somebody else; pure.

lxd/device/nic_bridged.go, allowedIPNets, the same from 5.0.2 to 6.9: with an IP filter a NIC may
send from its address and from each of its `ipvX.routes` and `ipvX.routes.external`, of any width.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...inventory import host_ruleset, nics
from ...inventory.bridge_port import KEPT, UNSET, Family, Port, is_blocked
from ...inventory.nics import Nic
from ...lxd import config_values
from ...verdict import CannotTell

ROUTES = ("routes", "routes.external")
EVERYBODY = "everybody"

Net = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """A route of the NIC that lets it send as somebody else.

    Attributes:
        key: Where it is said.
        route: As it is said there.
        who: As whom it may send.
        others: The other routes of the key.
    """

    key: str
    route: str
    who: str
    others: tuple[str, ...]


def wide(found: Port, family: Family, beside: Iterable[Net] = ()) -> Iterator[Wide]:
    """Yield the routes that include addresses of the bridge, of other NICs, or all addresses.

    Args:
        found: Where the NIC plugs in.
        family: Of the routes.
        beside: The addresses of others on the bridge, as far as they are known.

    Raises:
        CannotTell: a route or the network's address is none.
    """
    if is_blocked(found, family):
        return
    by_key = dict(_routes(found, family))
    parts = (_net(key, route) for key, each in by_key.items() for route in each)
    is_all = _are_all(net for net in parts if net.prefixlen)
    for key, routes in by_key.items():
        for route in routes:
            net = _net(key, route)
            is_one = is_all or not net.prefixlen
            who = EVERYBODY if is_one else _who(found, family, net) or _among(beside, net, found)
            if who:
                others = tuple(other for other in routes if other != route)
                yield Wide(key=key, route=route, who=who, others=others)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _net(key: str, text: str) -> Net:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise CannotTell(f"{key} is {text!r}, which is no range of addresses") from error


def _routes(found: Port, family: Family) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in ROUTES:
        key = f"{family.key}.{name}"
        yield key, _list(config_values.string(found.config, key))


def _are_all(nets: Iterable[Net]) -> bool:
    """Return whether routes make up every address, in one or in several parts."""
    by_version: dict[int, list[Net]] = {}
    for net in nets:
        by_version.setdefault(net.version, []).append(net)
    return any(
        net.prefixlen == 0
        for each in by_version.values()
        for net in ipaddress.collapse_addresses(each)  # type: ignore[type-var]  # one version each
    )


def _among(beside: Iterable[Net], net: Net, found: Port) -> str:
    for other in beside:
        if other.version == net.version and net.overlaps(other):
            return f"others on {found.parent} ({other.network_address})"
    return ""


def _who(found: Port, family: Family, net: Net) -> str:
    if found.network is None:
        return ""
    address = config_values.string(found.network.config, f"{family.key}.address")
    if address in UNSET:
        return ""
    bridge = _net(f"{family.key}.address of {found.parent}", address)
    is_own = str(net.network_address) == found.config.get(f"{family.key}.address")
    if net.version != bridge.version or not net.overlaps(bridge):
        return ""
    return "" if is_own and net.num_addresses == 1 else f"others on {found.parent} ({bridge})"


def of_nic(evidence: Evidence, nic: Nic, found: Port, family: Family) -> tuple[Wide, ...]:
    """Return the routes that `wide` finds, with all known NICs on the NIC's bridge."""
    has_routes = any(routes for _, routes in _routes(found, family))
    return tuple(wide(found, family, _others(evidence, nic))) if has_routes else ()


def _others(evidence: Evidence, nic: Nic) -> tuple[Net, ...]:
    """Return the configured addresses of other NICs on the bridge, and the host's own."""
    known = _by_bridge(evidence).get(nic.parent, {})
    found = [net for key, nets in known.items() if key != nic.key for net in nets]
    with contextlib.suppress(CannotTell):  # without a shell there is the configuration alone
        link = host_ruleset.link(evidence, nic.parent)
        found += map(_alone, link.addresses if link is not None else ())
    return tuple(found)


@functools.lru_cache(maxsize=KEPT)
def _by_bridge(evidence: Evidence) -> Mapping[str, Mapping[str, tuple[Net, ...]]]:
    networks = {(n.project, n.name): n for n in evidence.networks.complete()}
    found: dict[str, dict[str, tuple[Net, ...]]] = {}
    for instance in evidence.instances.complete():
        with contextlib.suppress(CannotTell):  # its own subjects say so
            for nic in nics.of(instance, networks):
                found.setdefault(nic.parent, {})[nic.key] = tuple(_addresses(nic))
    return found


def _addresses(nic: Nic) -> Iterator[Net]:
    for key in ("ipv4.address", "ipv6.address"):
        with contextlib.suppress(ValueError):
            yield _alone(config_values.string(nic.config, key))


def _alone(address: str) -> Net:
    return ipaddress.ip_network(ipaddress.ip_interface(address).ip)


def narrowed(found: Iterable[Wide]) -> Mapping[str, str]:
    """Return the settings that remove these routes from a NIC and keep the others."""
    left: dict[str, list[str]] = {}
    for one in found:
        kept = left.get(one.key, one.others)
        left[one.key] = [route for route in kept if route in one.others]
    return {key: ",".join(routes) for key, routes in left.items()}
