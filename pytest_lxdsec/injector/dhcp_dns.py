"""DHCP and DNS messages, as far as a probe needs them."""

from __future__ import annotations

import socket
import struct

BROADCAST = "ffffffffffff"
COOKIE = bytes.fromhex("63825363")
DISCOVER, OFFER, REQUEST, ACK, RELEASE = 1, 2, 3, 5, 7
TYPE, NAME, WANTED, SERVER, END = 53, 12, 50, 54, 255
FIXED = 240  # bytes before the options
BOOTREPLY = 2
CODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}


def dhcp(  # noqa: PLR0913 - each is a field of the message
    kind: int,
    transaction: int,
    client: str,
    *,
    name: str = "",
    wanted: bytes = b"",
    server: bytes = b"",
    own: bytes = bytes(4),
) -> bytes:
    """Return a client's message; MAC addresses are 12 hexadecimal digits, IP addresses bytes."""
    start = struct.pack("!BBBBIHH4s12x", 1, 1, 6, 0, transaction, 0, 0x8000, own)
    if kind == RELEASE:
        start = struct.pack("!BBBBIHH4s12x", 1, 1, 6, 0, transaction, 0, 0, own)
    options = _option(TYPE, bytes([kind])) + _option(NAME, name.encode())
    options += _option(WANTED, wanted) + _option(SERVER, server)
    return start + bytes.fromhex(client) + bytes(10 + 192) + COOKIE + options + bytes([END])


def _option(number: int, body: bytes) -> bytes:
    return bytes([number, len(body)]) + body if body else b""


def udp(
    macs: tuple[str, str], ends: tuple[bytes, bytes], ports: tuple[int, int], body: bytes
) -> bytes:
    """Return a frame with an IPv4 datagram; each pair is source and destination."""
    datagram = struct.pack("!HHHH", ports[0], ports[1], 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0x4000, 64, 17, 0)
    header += ends[0] + ends[1]
    header = header[:10] + checksum(header) + header[12:]
    return bytes.fromhex(macs[1] + macs[0] + "0800") + header + datagram


def checksum(given: bytes) -> bytes:
    """Return the internet checksum (RFC 1071)."""
    given += bytes(len(given) % 2)
    total = sum(struct.unpack(f"!{len(given) // 2}H", given))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def reply(octets: bytes, transaction: int) -> dict[int, bytes]:
    """Return the options of a DHCP server's answer, and its address as 0; {} for other frames."""
    if octets[12:14] != b"\x08\x00" or octets[23:24] != b"\x11":
        return {}
    body = octets[14 + (octets[14] & 15) * 4 + 8 :]
    if len(body) < FIXED or body[0] != BOOTREPLY or body[4:8] != struct.pack("!I", transaction):
        return {}
    found, rest = {0: body[16:20]}, body[FIXED:]
    while len(rest) > 1 and rest[0] != END:
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def question(number: int, name: str) -> bytes:
    """Return a DNS question for the IPv4 addresses of a name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def addresses(answer: bytes, name: str) -> tuple[str, list[str]]:
    """Return the name of a DNS answer's code, and its IPv4 addresses.

    Raises:
        ValueError: it is cut off.
    """
    try:
        flags, count = struct.unpack_from("!2xH2xH", answer)
        rest = answer[12 + len(name) + 2 + 4 :]
        found = []
        for _ in range(count):
            # dnsmasq writes the name as a pointer to the question's.
            kind, length = struct.unpack_from("!2xH2x4xH", rest)
            if kind == 1:
                found.append(socket.inet_ntoa(rest[12:16]))
            rest = rest[12 + length :]
    except (struct.error, OSError) as error:
        raise ValueError("a DNS answer is cut off") from error
    return CODES.get(flags & 15, f"code {flags & 15}"), sorted(found)
