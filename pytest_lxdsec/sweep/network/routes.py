"""Routes of the daemon's network, of all tables.

A router has a million routes; only those that matter to a control are kept: routes to a single
address, to the host itself, through a NIC's interface on the host, or learned from router
advertisements.
"""

from __future__ import annotations

import dataclasses
import socket
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence

from ..common import context, lxd_daemons, netlink, netns
from . import links

GETROUTE = 26  # RTM_GETROUTE
MESSAGE = struct.Struct("=BBBBBBBBI")  # linux/rtnetlink.h, struct rtmsg
NEXT_HOP = struct.Struct("=HBBi")  # struct rtnexthop
DST, OIF, GATEWAY, PRIORITY, MULTIPATH, TABLE, VIA = 1, 4, 5, 6, 9, 15, 18  # RTA_*
KINDS = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
BY_ADVERTISEMENT = 9  # RTPROT_RA
CLONED = 0x200  # RTM_F_CLONED: an exception of the kernel's own, such as a path's MTU
# Kinds of the interface that LXD makes on the host for a NIC: a pair for a container, a tap for a
# virtual machine.
ENDS = ("veth", "tun")
BITS: Mapping[int, int] = {socket.AF_INET: 32, socket.AF_INET6: 128}


@dataclasses.dataclass(frozen=True)
class Route:
    """Decoded as `evidence.network_facts.Route`."""

    to: str
    kind: str
    via: str
    interface: str
    table: int
    protocol: int
    metric: int


def every(facts: context.Context) -> tuple[Route, ...]:
    """Section: read the routes of both families that matter to a control."""
    server: lxd_daemons.Daemon = facts.require("server")
    interfaces: Sequence[links.Link] = facts.require("links")
    names = {link.index: link.name for link in interfaces}
    ends = [link.name for link in interfaces if link.kind in ENDS]
    return netns.in_network_of(server.pid, lambda: kept(names, ends))


def kept(interfaces: Mapping[int, str], wanted: Collection[str]) -> tuple[Route, ...]:
    """Return the routes of both families that matter to a control.

    Args:
        interfaces: Their names by index.
        wanted: The interfaces of which all routes are kept.
    """
    found = {
        route
        for family in BITS
        for route in _routes(family, interfaces)
        if _is_kept(route, wanted)
    }
    return tuple(sorted(found, key=dataclasses.astuple))


def _is_kept(route: Route, wanted: Collection[str]) -> bool:
    is_host = route.to.endswith("/128" if ":" in route.to else "/32")
    is_wanted = route.interface in wanted or not route.interface
    # A local route of any length applies to its prefix before any other table is asked.
    is_local = route.kind == "local"
    return is_host or is_local or route.protocol == BY_ADVERTISEMENT or is_wanted


def _routes(family: int, interfaces: Mapping[int, str]) -> Iterator[Route]:
    for entry in netlink.dump(netlink.ROUTE, GETROUTE, bytes([family]) + bytes(MESSAGE.size - 1)):
        own, length, _, _, table, protocol, _, kind, flags = MESSAGE.unpack_from(entry)
        if kind not in KINDS or flags & CLONED or own != family:
            continue
        attributes = netlink.attributes(entry[MESSAGE.size :])
        address = attributes.get(DST, bytes(BITS[family] // 8))
        for index, via in _hops(attributes):
            yield Route(
                to=f"{socket.inet_ntop(family, address)}/{length}",
                kind=KINDS[kind],
                via=via,
                interface=interfaces.get(index, f"{index}" if index else ""),
                table=netlink.number(attributes[TABLE]) if TABLE in attributes else table,
                protocol=protocol,
                metric=netlink.number(attributes[PRIORITY]) if PRIORITY in attributes else 0,
            )


def _hops(attributes: Mapping[int, bytes]) -> Iterator[tuple[int, str]]:
    """Yield a route's outgoing interfaces and gateways; 0 and "" if it has none."""
    if MULTIPATH not in attributes:
        yield netlink.number(attributes[OIF]) if OIF in attributes else 0, _gateway(attributes)
        return
    rest = attributes[MULTIPATH]
    while len(rest) >= NEXT_HOP.size:
        length, _, _, index = NEXT_HOP.unpack_from(rest)
        yield index, _gateway(netlink.attributes(rest[NEXT_HOP.size : length]))
        rest = rest[max(length, NEXT_HOP.size) :]


def _gateway(attributes: Mapping[int, bytes]) -> str:
    if VIA in attributes:  # a gateway of the other family: struct rtvia
        (family,) = struct.unpack_from("=H", attributes[VIA])
        return socket.inet_ntop(family, attributes[VIA][2:])
    if GATEWAY not in attributes:
        return ""
    family = (
        socket.AF_INET
        if len(attributes[GATEWAY]) == BITS[socket.AF_INET] // 8
        else socket.AF_INET6
    )
    return socket.inet_ntop(family, attributes[GATEWAY])
