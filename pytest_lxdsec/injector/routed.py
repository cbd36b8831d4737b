"""Source addresses of an instance with a routed NIC, and which of them reach the host.

Pings go from the instance to the host's side of the pair. Raw sockets receive them, which the
kernel serves after every packet filter of the input.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import TYPE_CHECKING

from . import dhcp_dns, netns, packet_socket

if TYPE_CHECKING:
    from typing import Any

TRIES, QUIET, PATIENCE = 3, 0.05, 10.0
PING, PING_V6 = 8, 128


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Ping from every source; return the numbers of those that left and of those that arrived.

    Args:
        order: `sources` are pairs of a source and the host's address to send to; `own` are the
            numbers of those that must arrive.
    """
    server, end = order["server"], packet_socket.instance(order, "sender")
    port = packet_socket.End(server, order["port"])
    packet_socket.listen_to(port.socket, [end.mac])
    taps = [_raw(server, socket.AF_INET, "icmp"), _raw(server, socket.AF_INET6, "ipv6-icmp")]
    token = bytes.fromhex(order["token"])
    frames = {
        _ping(end.mac, port.mac, source, to, token, number): number
        for number, (source, to) in enumerate(order["sources"])
    }
    left: set[int] = set()
    arrived: set[int] = set()
    until = time.monotonic() + PATIENCE
    tries = 0
    while tries < TRIES or (set(order["own"]) - arrived and time.monotonic() < until):
        tries += 1
        for octets in frames:
            end.send(octets)
        arrived |= _numbers(taps, token)
        seen = packet_socket.received_until_quiet([port.socket], QUIET, 0.3)[0]
        left |= {number for octets, number in frames.items() if octets in seen}
    return {"left": sorted(left), "arrived": sorted(arrived)}


def _raw(server: int, family: int, protocol: str) -> socket.socket:
    made = netns.inside(
        server, lambda: socket.socket(family, socket.SOCK_RAW, socket.getprotobyname(protocol))
    )
    made.setblocking(False)
    return made


def _numbers(taps: list[socket.socket], token: bytes) -> set[int]:
    """Return the numbers of our pings that the host receives, until it is quiet."""
    found = set()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        ready = select.select(taps, [], [], QUIET)[0]
        if not ready:
            break
        for tap in ready:
            with contextlib.suppress(BlockingIOError):
                octets = tap.recv(2048)
                at = octets.find(token)
                if at >= 0 and len(octets) > at + len(token):
                    found.add(octets[at + len(token)])
    return found


def _ping(source_mac: str, to_mac: str, source: str, to: str, token: bytes, number: int) -> bytes:  # noqa: PLR0913, PLR0917 - as they stand in the frame
    body = token + bytes([number])
    if ":" in source:
        ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, to)
        echo = struct.pack("!BBHHH", PING_V6, 0, 0, 1, 1) + body
        pseudo = ends + struct.pack("!II", len(echo), 58)
        echo = echo[:2] + dhcp_dns.checksum(pseudo + echo) + echo[4:]
        header = struct.pack("!IHBB", 6 << 28, len(echo), 58, 64) + ends
        return bytes.fromhex(to_mac + source_mac + "86dd") + header + echo
    ends = socket.inet_aton(source) + socket.inet_aton(to)
    echo = struct.pack("!BBHHH", PING, 0, 0, 1, 1) + body
    echo = echo[:2] + dhcp_dns.checksum(echo) + echo[4:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(echo), 0, 0x4000, 64, 1, 0) + ends
    header = header[:10] + dhcp_dns.checksum(header) + header[12:]
    return bytes.fromhex(to_mac + source_mac + "0800") + header + echo
