"""Bytes as frames.

Nothing is lost: what would not be built again byte for byte (a wrong checksum, reserved bits)
stays bytes, at the innermost level that holds it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct
from collections.abc import Callable

from ..model import packet, protocol_numbers
from ..model.protocol_numbers import IpAddress
from . import encode, ethernet
from .ethernet import Content, Extension, Frame, Option, Segment


class NoFrame(ValueError):
    """The bytes are too short for Ethernet's header and its tags."""


def parse(octets: bytes) -> Frame:
    """Return the frame that has these bytes.

    Raises:
        NoFrame: as above.
    """
    if len(octets) < packet.LINK_HEADER:
        raise NoFrame(f"{len(octets)} bytes are no Ethernet frame")
    destination, source = octets[:6].hex(":"), octets[6:12].hex(":")
    tags, rest = _tags(octets[12:])
    ethertype, body = int.from_bytes(rest[:2], "big"), rest[2:]
    content, trailer = _content(ethertype, body)
    return Frame(
        source=source, destination=destination, content=content, tags=tags, trailer=trailer
    )


def mended(octets: bytes) -> Frame:
    """Return the frame that these bytes would be with the right checksums and lengths.

    Raises:
        NoFrame: as `parse`.
    """
    frame = parse(octets)
    content = frame.content
    if isinstance(content, ethernet.Other):
        reader = _READERS.get(content.protocol)
        content = (reader(content.body) if reader else None) or content
    if isinstance(content, ethernet.Ipv4 | ethernet.Ipv6):
        content = dataclasses.replace(content, content=_mended(content))
    return dataclasses.replace(frame, content=content)


def _mended(content: ethernet.Ipv4 | ethernet.Ipv6) -> Segment:
    segment = content.content
    if not isinstance(segment, ethernet.Other) or _is_later(content):
        return segment
    reader = _SEGMENTS.get((segment.protocol, content.source.version))
    if reader is None or len(segment.body) < 8:  # noqa: PLR2004 - the least that any takes
        return segment
    return next(iter(reader(segment.body)), segment)


def _is_later(content: ethernet.Ipv4 | ethernet.Ipv6) -> bool:
    if isinstance(content, ethernet.Ipv4):
        return bool(content.fragment_offset)
    return any(isinstance(e, ethernet.Fragment) and e.offset for e in content.extensions)


def _tags(rest: bytes) -> tuple[tuple[ethernet.Tag, ...], bytes]:
    tags = []
    while int.from_bytes(rest[:2], "big") in protocol_numbers.TAGS:
        if len(rest) < packet.TAG + 2:
            raise NoFrame("it ends within a VLAN tag")
        ethertype, control = struct.unpack("!HH", rest[:4])
        if control & 0x1000:  # drop eligible, which nobody sends
            break
        tags.append(ethernet.Tag(vid=control & 0xFFF, priority=control >> 13, ethertype=ethertype))
        rest = rest[4:]
    return tuple(tags), rest


def _content(ethertype: int, body: bytes) -> tuple[Content, bytes]:
    if ethertype < protocol_numbers.FIRST_ETHERTYPE and ethertype <= len(body):
        return ethernet.Length(body=body[:ethertype]), body[ethertype:]
    reader = _READERS.get(ethertype)
    found = reader(body) if reader else None
    if found is not None:
        octets = encode.content_octets(found)
        if body.startswith(octets):
            return found, body[len(octets) :]
    return ethernet.Other(protocol=ethertype, body=body), b""


def _arp(body: bytes) -> Content | None:
    if len(body) < 28 or body[2:6] != b"\x08\0\x06\x04":  # noqa: PLR2004 - for IPv4 over MACs
        return None
    return ethernet.Arp(
        hardware_type=int.from_bytes(body[:2], "big"),
        operation=int.from_bytes(body[6:8], "big"),
        sender_mac=body[8:14].hex(":"),
        sender_ip=ipaddress.IPv4Address(body[14:18]),
        target_mac=body[18:24].hex(":"),
        target_ip=ipaddress.IPv4Address(body[24:28]),
    )


def _ipv4(body: bytes) -> Content | None:
    if packet.find_transport(protocol_numbers.ETH_IPV4, body) is None:
        return None
    length, identification, fragment = struct.unpack("!HHH", body[2:8])
    start = (body[0] & 15) * 4
    source, destination = ipaddress.IPv4Address(body[12:16]), ipaddress.IPv4Address(body[16:20])
    offset = fragment & 0x1FFF
    inner = body[start:length]
    plain = ethernet.Other(protocol=body[9], body=inner)
    return ethernet.Ipv4(
        source=source,
        destination=destination,
        content=plain if offset else _segment(body[9], inner, source, destination),
        ttl=body[8],
        service=body[1],
        identification=identification,
        fragment_offset=offset,
        has_more=bool(fragment & 0x2000),
        is_whole=bool(fragment & 0x4000),
        options=body[20:start],
    )


def _ipv6(body: bytes) -> Content | None:
    if len(body) < packet.IPV6_HEADER or body[0] >> 4 != 6:  # noqa: PLR2004 - the version
        return None
    first, length, number, hop_limit = struct.unpack("!IHBB", body[:8])
    if len(body) < packet.IPV6_HEADER + length:
        return None
    source, destination = ipaddress.IPv6Address(body[8:24]), ipaddress.IPv6Address(body[24:40])
    extensions, number, inner, is_later = _extensions(number, body[40 : 40 + length])
    plain = ethernet.Other(protocol=number, body=inner)
    return ethernet.Ipv6(
        source=source,
        destination=destination,
        content=plain if is_later else _segment(number, inner, source, destination),
        extensions=extensions,
        hop_limit=hop_limit,
        flow=first & 0xFFFFF,
        traffic=first >> 20 & 0xFF,
    )


def _extensions(number: int, rest: bytes) -> tuple[tuple[Extension, ...], int, bytes, bool]:
    """Return the extension headers, what follows them, and whether that is a later fragment."""
    found: list[Extension] = []
    is_later = False
    while not is_later:
        read = _extension(number, rest)
        if read is None:
            break
        extension, size = read
        is_later = isinstance(extension, ethernet.Fragment) and bool(extension.offset)
        found.append(extension)
        number, rest = rest[0], rest[size:]
    return tuple(found), number, rest, is_later


def _extension(  # noqa: PLR0911 - one for each kind
    number: int, rest: bytes
) -> tuple[Extension, int] | None:
    if len(rest) < 8:  # noqa: PLR2004 - the least that any takes
        return None
    if number in {
        protocol_numbers.HOP_BY_HOP,
        protocol_numbers.DESTINATION,
        protocol_numbers.ROUTING,
    }:
        size = (rest[1] + 1) * 8
        return (
            (ethernet.Options(number=number, body=rest[2:size]), size)
            if len(rest) >= size
            else None
        )
    if number == protocol_numbers.FRAGMENT:
        place, identification = struct.unpack("!HI", rest[2:8])
        if rest[1] or place & 6:
            return None
        fragment = ethernet.Fragment(
            offset=place >> 3, has_more=bool(place & 1), identification=identification
        )
        return fragment, 8
    if number == protocol_numbers.AUTHENTICATION:
        size = (rest[1] + 2) * 4
        if size < 12 or len(rest) < size or rest[2:4] != b"\0\0":  # noqa: PLR2004 - its fields
            return None
        spi, sequence = struct.unpack("!II", rest[4:12])
        value = rest[12:size]
        return ethernet.Authentication(spi=spi, sequence=sequence, value=value), size
    return None


def _segment(number: int, body: bytes, source: IpAddress, destination: IpAddress) -> Segment:
    plain = ethernet.Other(protocol=number, body=body)
    reader = _SEGMENTS.get((number, source.version))
    if reader is None or len(body) < 8:  # noqa: PLR2004 - the least that any takes
        return plain
    for found in reader(body):
        if encode.segment(found, source, destination) == (number, body):
            return found
    return plain


def _udp(body: bytes) -> list[Segment]:
    source, destination = struct.unpack("!HH", body[:4])
    return [ethernet.Udp(source_port=source, destination_port=destination, body=body[8:])]


def _tcp(body: bytes) -> list[Segment]:
    if len(body) < 20:  # noqa: PLR2004 - its header
        return []
    source, destination, sequence, acknowledgement, _, flags, window = struct.unpack(
        "!HHIIBBH", body[:16]
    )
    return [
        ethernet.Tcp(
            source_port=source,
            destination_port=destination,
            flags=flags,
            sequence=sequence,
            acknowledgement=acknowledgement,
            window=window,
            body=body[20:],
        )
    ]


def _icmp(body: bytes) -> list[Segment]:
    return [ethernet.Icmp(type=body[0], code=body[1], body=body[4:])]


def _icmpv6(body: bytes) -> list[Segment]:
    return [*_discovery(body), *_icmp(body)]


def _discovery(body: bytes) -> list[Segment]:
    kind, word = body[0], int.from_bytes(body[4:8], "big")
    if kind in {protocol_numbers.ROUTER_SOLICIT, protocol_numbers.ROUTER_ADVERT}:
        start = 8 if kind == protocol_numbers.ROUTER_SOLICIT else 16
        options = _options(body[start:])
        lifetime = word & 0xFFFF if kind == protocol_numbers.ROUTER_ADVERT else 0
        return (
            []
            if options is None
            else [ethernet.Router(type=kind, lifetime=lifetime, options=options)]
        )
    start = 40 if kind == protocol_numbers.REDIRECT else 24
    if kind not in {135, 136, protocol_numbers.REDIRECT} or len(body) < start:
        return []
    options = _options(body[start:])
    if options is None:
        return []
    second = ipaddress.IPv6Address(body[24:40]) if kind == protocol_numbers.REDIRECT else None
    target = ipaddress.IPv6Address(body[8:24])
    return [
        ethernet.Neighbour(
            type=kind, target=target, flags=word, options=options, destination=second
        )
    ]


def _options(rest: bytes) -> tuple[Option, ...] | None:
    found = []
    while rest:
        size = rest[1] * 8 if len(rest) > 1 else 0
        if not size or len(rest) < size:
            return None
        found.append(Option(type=rest[0], body=rest[2:size]))
        rest = rest[size:]
    return tuple(found)


_READERS: dict[int, Callable[[bytes], Content | None]] = {
    protocol_numbers.ETH_ARP: _arp,
    protocol_numbers.ETH_IPV4: _ipv4,
    protocol_numbers.ETH_IPV6: _ipv6,
}
_SEGMENTS: dict[tuple[int, int], Callable[[bytes], list[Segment]]] = {
    (protocol_numbers.UDP, 4): _udp,
    (protocol_numbers.UDP, 6): _udp,
    (protocol_numbers.TCP, 4): _tcp,
    (protocol_numbers.TCP, 6): _tcp,
    (protocol_numbers.ICMP, 4): _icmp,
    (protocol_numbers.IPV6_ICMP, 6): _icmpv6,
}
