"""Ethernet frames as values.

`encode.octets` makes their bytes, `decode.parse` reads them: checksums and lengths are always
right, so that a frame is what it says and nothing else. Addresses are texts for MACs and
`ipaddress` objects for IP.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ..model import protocol_numbers

BROADCAST = "ff:ff:ff:ff:ff:ff"
NOBODY = "00:00:00:00:00:00"
ANY_IPV4, ANY_IPV6 = ipaddress.IPv4Address(0), ipaddress.IPv6Address(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A VLAN tag; VID 0 only gives a priority, and Linux looks behind it."""

    vid: int = 0
    priority: int = 0
    ethertype: int = protocol_numbers.ETH_8021Q


@dataclass(frozen=True, slots=True, kw_only=True)
class Arp:
    """ARP for IPv4: `operation` 1 asks, 2 answers."""

    sender_mac: str
    sender_ip: ipaddress.IPv4Address
    target_mac: str = NOBODY
    target_ip: ipaddress.IPv4Address = ANY_IPV4
    operation: int = 1
    hardware_type: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Udp:
    """A UDP datagram."""

    source_port: int
    destination_port: int
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A TCP segment without options; `flags` as on the wire, 2 is SYN."""

    source_port: int
    destination_port: int
    flags: int = 2
    sequence: int = 0
    acknowledgement: int = 0
    window: int = 64240
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Icmp:
    """ICMP, of IPv4 or IPv6 by where it is; `body` is what follows the checksum."""

    type: int
    code: int = 0
    body: bytes = b"\0\0\0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of neighbour discovery; its body fills whole units of eight bytes."""

    type: int
    body: bytes

    @classmethod
    def link_layer(cls, kind: int, mac: str) -> Option:
        """Return `protocol_numbers.SOURCE_LINK_LAYER` or `TARGET_LINK_LAYER`, with an address."""
        return cls(type=kind, body=protocol_numbers.mac_number(mac).to_bytes(6, "big"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Neighbour discovery: a solicitation (135), an advertisement (136) or a redirect (137).

    Attributes:
        flags: The first 32 bits: router, solicited, override of an advertisement.
        destination: A redirect's second address.
    """

    type: int
    target: ipaddress.IPv6Address
    flags: int = 0
    options: tuple[Option, ...] = ()
    destination: ipaddress.IPv6Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Router discovery: a solicitation (133), or an advertisement (134) with its seconds."""

    type: int
    lifetime: int = 0
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Any other content: an IP protocol's by number, an EtherType's likewise."""

    protocol: int
    body: bytes = b""


Segment = Udp | Tcp | Icmp | Neighbour | Router | Other


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv4:
    """An IPv4 packet; `fragment_offset` in units of eight bytes, `options` in whole words."""

    source: ipaddress.IPv4Address
    destination: ipaddress.IPv4Address
    content: Segment
    ttl: int = 64
    service: int = 0
    identification: int = 0
    fragment_offset: int = 0
    has_more: bool = False
    is_whole: bool = False
    options: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Hop-by-hop (0) or destination options (60), or a routing header (43): bytes, as they are."""

    number: int
    body: bytes = b"\x01\x04\0\0\0\0"  # one option that only fills


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A fragment header; `offset` in units of eight bytes."""

    offset: int = 0
    has_more: bool = False
    identification: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """An authentication header."""

    spi: int = 256
    sequence: int = 0
    value: bytes = bytes(12)


Extension = Options | Fragment | Authentication


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6:
    """An IPv6 packet and its extension headers, in their order."""

    source: ipaddress.IPv6Address
    destination: ipaddress.IPv6Address
    content: Segment
    extensions: tuple[Extension, ...] = ()
    hop_limit: int = 64
    flow: int = 0
    traffic: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """An 802.3 frame: what follows is told by its length, with an LLC header or without."""

    body: bytes


Content = Arp | Ipv4 | Ipv6 | Length | Other


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An Ethernet frame; `trailer` is what follows the content's own length."""

    source: str
    destination: str
    content: Content
    tags: tuple[Tag, ...] = ()
    trailer: bytes = b""

    @property
    def ethertype(self) -> int:
        """The type of the content, behind all tags; for 802.3 the length."""
        return _ETHERTYPES.get(type(self.content), _own_type(self.content))


_ETHERTYPES: dict[type, int] = {
    Arp: protocol_numbers.ETH_ARP,
    Ipv4: protocol_numbers.ETH_IPV4,
    Ipv6: protocol_numbers.ETH_IPV6,
}


def _own_type(content: Content) -> int:
    if isinstance(content, Length):
        return len(content.body)
    return content.protocol if isinstance(content, Other) else 0
