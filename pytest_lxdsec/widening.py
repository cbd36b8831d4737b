"""Routes of a bridged NIC that let it send as somebody else; pure.

lxd/device/nic_bridged.go, allowedIPNets, the same from 5.0.2 to 6.9: with an IP filter a NIC may
send from its address and from each of its `ipvX.routes` and `ipvX.routes.external`, of any width.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import lxdconf
from .bridging import UNSET, Family, Port, is_blocked
from .verdict import CannotTell

ROUTES = ("routes", "routes.external")

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


def wide(found: Port, family: Family) -> Iterator[Wide]:
    """The routes that take in addresses of the bridge itself, or every address.

    Raises:
        CannotTell: a route or the network's address is none.
    """
    if is_blocked(found, family):
        return
    for key in (f"{family.key}.{name}" for name in ROUTES):
        routes = _list(lxdconf.string(found.config, key))
        for route in routes:
            who = _who(found, family, _net(key, route))
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


def _who(found: Port, family: Family, net: Net) -> str:
    if net.prefixlen == 0:
        return "everybody"
    if found.network is None:
        return ""
    address = lxdconf.string(found.network.config, f"{family.key}.address")
    if address in UNSET:
        return ""
    bridge = _net(f"{family.key}.address of {found.parent}", address)
    is_own = str(net.network_address) == found.config.get(f"{family.key}.address")
    if net.version != bridge.version or not net.overlaps(bridge):
        return ""
    return "" if is_own and net.num_addresses == 1 else f"others on {found.parent} ({bridge})"


def narrowed(found: Iterable[Wide]) -> tuple[str, ...]:
    """What to set on a NIC so that these routes are gone and the others stay."""
    left: dict[str, list[str]] = {}
    for one in found:
        kept = left.get(one.key, one.others)
        left[one.key] = [route for route in kept if route in one.others]
    return tuple(f"{key}={','.join(routes)}" for key, routes in left.items())
