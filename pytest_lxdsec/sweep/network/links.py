"""The interfaces of the daemon's network: names, kinds, bridges, addresses."""

from __future__ import annotations

import dataclasses
import socket
import struct
from collections.abc import Sequence

from ..common import context, lxd_daemons, netlink, netns

# linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
_GET_LINK, _GET_ADDRESS = 18, 22
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_OF_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_MAC, _NAME, _MASTER, _LINK_INFO, _INFO_KIND = 1, 3, 10, 18, 1
_ADDRESS, _LOCAL = 1, 2
_LOOPBACK = 0x8  # IFF_LOOPBACK


@dataclasses.dataclass(frozen=True)
class Link:
    """Decoded as `evidence.network_facts.Link`."""

    name: str
    index: int
    kind: str
    mac: str
    is_loopback: bool
    master: int
    addresses: Sequence[str]


def every(facts: context.Context) -> tuple[Link, ...]:
    """Section: list the interfaces, by index."""
    server: lxd_daemons.Daemon = facts.require("server")
    return netns.in_network_of(server.pid, _links)


def _links() -> tuple[Link, ...]:
    addresses = _addresses()
    messages = netlink.dump(netlink.ROUTE, _GET_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
    found = [_link(message, addresses) for message in messages]
    return tuple(sorted(found, key=lambda link: link.index))


def _link(message: bytes, addresses: dict[int, list[str]]) -> Link:
    _, _, index, flags, _ = _LINK.unpack_from(message)
    attributes = netlink.attributes(message[_LINK.size :])
    inner = netlink.attributes(attributes.get(_LINK_INFO, b""))
    return Link(
        name=netlink.text(attributes[_NAME]),
        index=index,
        kind=netlink.text(inner.get(_INFO_KIND, b"")),
        mac=":".join(f"{octet:02x}" for octet in attributes.get(_MAC, b"")),
        is_loopback=bool(flags & _LOOPBACK),
        master=struct.unpack("=i", attributes[_MASTER])[0] if _MASTER in attributes else 0,
        addresses=tuple(sorted(addresses.get(index, ()))),
    )


def _addresses() -> dict[int, list[str]]:
    """Return ADDRESS/LENGTH by the index of the interface that has it."""
    found: dict[int, list[str]] = {}
    body = _OF_ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    for message in netlink.dump(netlink.ROUTE, _GET_ADDRESS, body):
        family, length, _, _, index = _OF_ADDRESS.unpack_from(message)
        attributes = netlink.attributes(message[_OF_ADDRESS.size :])
        # On a point-to-point link the other attribute is the peer's.
        own = attributes.get(_LOCAL, attributes.get(_ADDRESS))
        if own is not None:
            text = f"{socket.inet_ntop(family, own)}/{length}"
            found.setdefault(index, []).append(text)
    return found
