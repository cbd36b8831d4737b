"""The bytes of a frame."""

from __future__ import annotations

import struct

from ..model import protocol_numbers
from ..model.protocol_numbers import IpAddress
from .ethernet import (
    Arp,
    Authentication,
    Content,
    Extension,
    Fragment,
    Frame,
    Icmp,
    Ipv4,
    Ipv6,
    Length,
    Neighbour,
    Options,
    Other,
    Router,
    Segment,
    Tcp,
    Udp,
)


def octets(frame: Frame) -> bytes:
    """Return the frame's bytes, without padding and checksum of Ethernet's own."""
    macs = b"".join(_mac(text) for text in (frame.destination, frame.source))
    tags = b"".join(
        struct.pack("!HH", tag.ethertype, tag.priority << 13 | tag.vid) for tag in frame.tags
    )
    kind = frame.ethertype.to_bytes(2, "big")
    return macs + tags + kind + content_octets(frame.content) + frame.trailer


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def content_octets(content: Content) -> bytes:
    """Return the bytes from the network header on."""
    match content:
        case Arp():
            return _arp(content)
        case Ipv4():
            return _ipv4(content)
        case Ipv6():
            return _ipv6(content)
        case Length(body=body) | Other(body=body):
            return body


def _arp(arp: Arp) -> bytes:
    start = struct.pack(
        "!HHBBH", arp.hardware_type, protocol_numbers.ETH_IPV4, 6, 4, arp.operation
    )
    sender = _mac(arp.sender_mac) + arp.sender_ip.packed
    return start + sender + _mac(arp.target_mac) + arp.target_ip.packed


def _ipv4(packet: Ipv4) -> bytes:
    number, body = segment(packet.content, packet.source, packet.destination)
    words = 5 + len(packet.options) // 4
    fragment = packet.is_whole << 14 | packet.has_more << 13 | packet.fragment_offset
    start = struct.pack(
        "!BBHHHBBH",
        4 << 4 | words,
        packet.service,
        words * 4 + len(body),
        packet.identification,
        fragment,
        packet.ttl,
        number,
        0,
    )
    header = start + packet.source.packed + packet.destination.packed + packet.options
    return header[:10] + _checksum(header).to_bytes(2, "big") + header[12:] + body


def _ipv6(packet: Ipv6) -> bytes:
    number, body = segment(packet.content, packet.source, packet.destination)
    for extension in reversed(packet.extensions):
        number, body = _extension(extension, number, body)
    first = 6 << 28 | packet.traffic << 20 | packet.flow
    start = struct.pack("!IHBB", first, len(body), number, packet.hop_limit)
    return start + packet.source.packed + packet.destination.packed + body


def _extension(extension: Extension, following: int, body: bytes) -> tuple[int, bytes]:
    match extension:
        case Options(number=number, body=inner):
            return number, bytes([following, (len(inner) + 2) // 8 - 1]) + inner + body
        case Fragment():
            place = extension.offset << 3 | extension.has_more
            header = struct.pack("!BBHI", following, 0, place, extension.identification)
            return protocol_numbers.FRAGMENT, header + body
        case Authentication(value=value):
            length = (12 + len(value)) // 4 - 2
            fields = struct.pack("!BBHII", following, length, 0, extension.spi, extension.sequence)
            return protocol_numbers.AUTHENTICATION, fields + value + body


def segment(content: Segment, source: IpAddress, destination: IpAddress) -> tuple[int, bytes]:
    """Return a transport's number and its bytes, with the checksum over the addresses."""
    match content:
        case Udp():
            body = struct.pack(
                "!HHHH", content.source_port, content.destination_port, 8 + len(content.body), 0
            )
            whole = _summed(protocol_numbers.UDP, body + content.body, 6, source, destination)
            return protocol_numbers.UDP, whole
        case Tcp():
            return protocol_numbers.TCP, _summed(
                protocol_numbers.TCP, _tcp(content), 16, source, destination
            )
        case Icmp() if source.version == 4:  # noqa: PLR2004 - IPv4
            start = bytes([content.type, content.code, 0, 0]) + content.body
            return protocol_numbers.ICMP, start[:2] + _checksum(start).to_bytes(2, "big") + start[
                4:
            ]
        case Icmp() | Neighbour() | Router():
            body = _icmpv6(content)
            return protocol_numbers.IPV6_ICMP, _summed(
                protocol_numbers.IPV6_ICMP, body, 2, source, destination
            )
        case Other():
            return content.protocol, content.body


def _tcp(content: Tcp) -> bytes:
    return (
        struct.pack(
            "!HHIIBBHHH",
            content.source_port,
            content.destination_port,
            content.sequence,
            content.acknowledgement,
            5 << 4,
            content.flags,
            content.window,
            0,
            0,
        )
        + content.body
    )


def _icmpv6(content: Icmp | Neighbour | Router) -> bytes:
    if isinstance(content, Icmp):
        return bytes([content.type, content.code, 0, 0]) + content.body
    options = b"".join(
        bytes([option.type, (len(option.body) + 2) // 8]) + option.body
        for option in content.options
    )
    start = bytes([content.type, 0, 0, 0])
    if isinstance(content, Neighbour):
        second = content.destination.packed if content.destination is not None else b""
        return start + struct.pack("!I", content.flags) + content.target.packed + second + options
    if content.type == protocol_numbers.ROUTER_SOLICIT:
        return start + bytes(4) + options
    return start + struct.pack("!BBHII", 0, 0, content.lifetime, 0, 0) + options


def _summed(
    protocol: int, body: bytes, at: int, source: IpAddress, destination: IpAddress
) -> bytes:
    """Return the bytes with the checksum at its place, over the pseudo header too."""
    pseudo = source.packed + destination.packed + struct.pack("!II", len(body), protocol)
    total = _checksum(pseudo + body)
    if protocol == protocol_numbers.UDP and total == 0:
        total = 0xFFFF  # zero would mean: not summed
    return body[:at] + total.to_bytes(2, "big") + body[at + 2 :]


def _checksum(given: bytes) -> int:
    """Return the internet's checksum (RFC 1071)."""
    if len(given) % 2:
        given += b"\0"
    total: int = sum(struct.unpack(f"!{len(given) // 2}H", given))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
