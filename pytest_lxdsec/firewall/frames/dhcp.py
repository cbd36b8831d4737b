"""DHCP messages as the content of UDP datagrams."""

from __future__ import annotations

import struct

from ..model import protocol_numbers
from . import ethernet

SERVER, CLIENT = 67, 68
SERVER_V6, CLIENT_V6 = 547, 546
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
_COOKIE = b"\x63\x82\x53\x63"
_KINDS = {1: "DISCOVER", 2: "OFFER", 3: "REQUEST", 5: "ACK", 7: "RELEASE"}
_KINDS_V6 = {1: "SOLICIT", 2: "ADVERTISE", 3: "REQUEST", 7: "REPLY"}
_MESSAGE_TYPE, _END = 53, 255
_HARDWARE_TYPE, _HEADER = 1, 240


def message(kind: int, client_mac: str, *, transaction: int = 1) -> ethernet.Udp:
    """Return a DHCPv4 message.

    DISCOVER and REQUEST as a client sends them, the others as a server.
    """
    is_client = kind in {DISCOVER, REQUEST}
    mac = protocol_numbers.mac_number(client_mac).to_bytes(6, "big")
    start = struct.pack("!BBBBIHH", 1 if is_client else 2, _HARDWARE_TYPE, 6, 0, transaction, 0, 0)
    addresses, names = bytes(16), bytes(192)
    options = _COOKIE + bytes([_MESSAGE_TYPE, 1, kind, _END])
    return ethernet.Udp(
        source_port=CLIENT if is_client else SERVER,
        destination_port=SERVER if is_client else CLIENT,
        body=start + addresses + mac + bytes(10) + names + options,
    )


def solicit(client_mac: str, *, transaction: int = 1) -> ethernet.Udp:
    """Return a DHCPv6 SOLICIT, by a client that is known by its MAC address (DUID-LL)."""
    identity = struct.pack("!HH", 3, 1) + protocol_numbers.mac_number(client_mac).to_bytes(
        6, "big"
    )
    body = struct.pack("!I", 1 << 24 | transaction) + struct.pack("!HH", 1, len(identity))
    return ethernet.Udp(source_port=CLIENT_V6, destination_port=SERVER_V6, body=body + identity)


def describe(datagram: ethernet.Udp) -> str:
    """Return `DHCP DISCOVER for 00:16:..`; "" for what is no such message."""
    ports = {datagram.source_port, datagram.destination_port}
    body = datagram.body
    if ports == {SERVER, CLIENT} and len(body) > _HEADER + 2 and body[236:240] == _COOKIE:
        is_typed = body[_HEADER] == _MESSAGE_TYPE
        kind = _KINDS.get(body[_HEADER + 2], "message") if is_typed else "message"
        return f"DHCP {kind} for {body[28:34].hex(':')}"
    if ports == {SERVER_V6, CLIENT_V6} and body:
        return f"DHCPv6 {_KINDS_V6.get(body[0], 'message')}"
    return ""
