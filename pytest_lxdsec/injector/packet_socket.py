"""Packet sockets: the frames that an interface receives and sends."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import time
from typing import TYPE_CHECKING

from . import netns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
VLAN_VALID, TPID_VALID = 0x10, 0x40
BUFFER = 8 << 20
LONGEST = 65536
# Classic BPF: load the last four bytes of the source MAC, jump if equal, return.
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
SOURCE_MAC = 8


class End:
    """An interface of an instance or of the host, with a packet socket on it.

    Attributes:
        pid: A process in its network namespace.
        interface: The interface there.
        mac: Its MAC address, as 12 hexadecimal digits.
        socket: A packet socket on it.
    """

    def __init__(self, pid: int, interface: str) -> None:
        self.pid = pid
        self.interface = interface
        self.socket = netns.inside(pid, lambda: opened(interface))
        self.mac = netns.mac_address(self.socket, interface)

    def send(self, octets: bytes) -> None:
        """Send a frame from this interface."""
        self.socket.send(octets)


def instance(order: dict[str, Any], role: str) -> End:
    """Return the interface of a probe instance.

    Raises:
        OSError: it does not exist.
        RuntimeError: the process is in the daemon's network, or its NIC is not the one we made.
    """
    pid = order[role]["pid"]
    if netns.is_same(pid, order["server"]):
        raise RuntimeError(f"process {pid} is in the daemon's own network")
    end = End(pid, order[role]["interface"])
    if end.mac != order[role]["mac"]:
        raise RuntimeError(f"the NIC of process {pid} is not the one that was made: {end.mac}")
    return end


def opened(interface: str) -> socket.socket:
    """Return a socket for all frames that an interface of this namespace receives; turn it on."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    netns.set_up(made, interface)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.bind((interface, ETH_P_ALL))
    made.setblocking(False)
    return made


def listen_to(tap: socket.socket, macs: Iterable[str]) -> None:
    """Filter a socket for the frames of these senders: a busy bridge has many others."""
    tails = [int(mac[4:], 16) for mac in macs]
    program = [(LOAD_WORD, 0, 0, SOURCE_MAC)]
    for number, tail in enumerate(tails):
        program.append((JUMP_EQUAL, len(tails) - number, 0, tail))
    program += [(RETURN, 0, 0, 0), (RETURN, 0, 0, LONGEST)]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    held = ctypes.create_string_buffer(code)
    tap.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HP", len(program), ctypes.addressof(held)),
    )


def received(tap: socket.socket) -> bytes:
    """Return the next frame, with the VLAN tag back in its place."""
    octets, ancillary, _, _ = tap.recvmsg(LONGEST, 256)
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, control, ethertype = struct.unpack("IIIHHHH", data[:20])
            if status & VLAN_VALID:
                seen = ethertype if status & TPID_VALID else 0x8100
                return octets[:12] + struct.pack("!HH", seen, control) + octets[12:]
    return octets


def received_until_quiet(taps: list[socket.socket], quiet: float, most: float) -> list[set[bytes]]:
    """Return the frames of each socket until all are quiet, but for `most` seconds at most."""
    seen: list[set[bytes]] = [set() for _ in taps]
    until = time.monotonic() + most
    while time.monotonic() < until:
        ready = select.select(taps, [], [], quiet)[0]
        if not ready:
            break
        for tap in ready:
            try:
                seen[taps.index(tap)].add(received(tap))
            except BlockingIOError:
                continue
    return seen
