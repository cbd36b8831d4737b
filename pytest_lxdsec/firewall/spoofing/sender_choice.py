"""What the sender of a frame may choose without falling under another guarantee.

A frame that is dropped shows what becomes of its like only where no rule asks for what its sender
could have chosen otherwise: its destination, its ports, what it carries. Those bits are left open,
and the evaluator then answers for all of them at once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ..frames import ethernet
from ..frames.ethernet import Arp, Frame, Ipv4, Ipv6, Neighbour, Router
from ..model import protocol_numbers
from ..model.rules import Base, Payload

_REST = 9000 * 8  # bits: more than any frame has
_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")
_TO = Payload(base=Base.LINK, offset=0, length=48)
_TAG = Payload(base=Base.LINK, offset=112, length=16)  # of a tagged frame: its VLAN and priority
_INNER = Payload(base=Base.NETWORK, offset=0, length=_REST)
_TRANSPORT = Payload(base=Base.TRANSPORT, offset=0, length=_REST)
# Behind the type, which decides what is promised of ICMP for IPv6.
_BEHIND_TYPE = Payload(base=Base.TRANSPORT, offset=8, length=_REST)
_ARP = (
    Payload(base=Base.NETWORK, offset=48, length=16),  # the operation
    Payload(base=Base.NETWORK, offset=144, length=80),  # the target
)
# Service, length, identification; time to live; checksum: neither fragments nor the protocol.
_IPV4 = tuple(
    Payload(base=Base.NETWORK, offset=offset, length=length)
    for offset, length in ((8, 40), (64, 8), (80, 16))
)
_IPV4_TO = Payload(base=Base.NETWORK, offset=128, length=32)
_IPV6 = tuple(
    Payload(base=Base.NETWORK, offset=offset, length=length)
    for offset, length in ((4, 44), (56, 8))
)
_IPV6_TO = Payload(base=Base.NETWORK, offset=192, length=128)


def of(frame: Frame) -> tuple[Payload, ...]:
    """Return the bits of a frame, as the bridge sees it, that its sender may choose."""
    if frame.tags:
        return (_TO, _TAG, _INNER, _TRANSPORT)
    content = frame.content
    if isinstance(content, Arp):
        return (_TO, *_ARP)
    if isinstance(content, Ipv4):
        return (_TO, *_IPV4, *_of_ipv4(content))
    if isinstance(content, Ipv6):
        return (_TO, *_IPV6, *_of_extensions(content), *_of_ipv6(content))
    return (_TO, _INNER)


def _of_ipv4(packet: Ipv4) -> tuple[Payload, ...]:
    """Return who has no address yet may ask for one, and for nothing else."""
    return () if packet.source == ethernet.ANY_IPV4 else (_IPV4_TO, _TRANSPORT)


def _of_extensions(packet: Ipv6) -> Iterator[Payload]:
    """Yield what options hold: the bytes behind each header's number and length."""
    start = 40  # bytes
    for extension in packet.extensions:
        if not isinstance(extension, ethernet.Options):
            break
        size = len(extension.body) + 2
        yield Payload(base=Base.NETWORK, offset=(start + 2) * 8, length=(size - 2) * 8)
        start += size


def _of_ipv6(packet: Ipv6) -> tuple[Payload, ...]:
    """Free the bits of IPv6 that the sender may choose; an advertisement's content is fixed."""
    content = packet.content
    if packet.source in _LINK_LOCAL or packet.source == ethernet.ANY_IPV6:
        return ()
    if isinstance(content, Neighbour) and content.type == protocol_numbers.NEIGHBOUR_ADVERT:
        return (_IPV6_TO,)
    is_icmp = isinstance(content, Neighbour | Router | ethernet.Icmp)
    return (_IPV6_TO, _BEHIND_TYPE if is_icmp else _TRANSPORT)
