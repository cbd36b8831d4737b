"""Sends frames from an instance's network namespace and reports where each arrived.

It runs inside the lab, as text on an interpreter's command line, with the standard library only.
Each batch is one line of JSON, and so is its answer: for every frame, whether the host's bridge
and the other instance's NIC received it, and whether the host accepted its content as ICMPv6.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import struct
import sys
import threading

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000
VLAN_VALID, TPID_VALID = 0x10, 0x40
SILENCE = 0.03  # Seconds without a frame that end a batch.


def opened(pid: int, interface: str) -> socket.socket:
    """Open a packet socket in the network namespace of a process; the socket stays there."""
    made: list[socket.socket] = []

    def enter() -> None:
        with open(f"/proc/{pid}/ns/net", "rb") as space:  # noqa: PTH123 - a short program
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) < 0:
                return
        made.append(packet_socket(interface))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if not made:
        raise OSError(f"cannot enter the network of process {pid}")
    return made[0]


def packet_socket(interface: str) -> socket.socket:
    """Open a socket for all frames that an interface receives."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    made.bind((interface, ETH_P_ALL))
    made.setblocking(False)
    return made


def icmpv6_socket() -> socket.socket:
    """Open a socket for all ICMPv6 that the host accepts, behind its packet filter."""
    made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    made.setblocking(False)
    return made


def received(tap: socket.socket) -> bytes:
    """Return the next frame, with its VLAN tag restored."""
    octets, ancillary, _, _ = tap.recvmsg(65536, 256)
    if tap.family != socket.AF_PACKET:
        return octets
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, control, ethertype = struct.unpack("IIIHHHH", data[:20])
            if status & VLAN_VALID:
                seen = ethertype if status & TPID_VALID else 0x8100
                return octets[:12] + struct.pack("!HH", seen, control) + octets[12:]
    return octets


def send(sender: socket.socket, taps: list[socket.socket], batch: list[bytes]) -> list[set[bytes]]:
    """Send a batch; return the frames of it that each tap received."""
    seen: list[set[bytes]] = [set() for _ in taps]
    for octets in batch:
        sender.send(octets)
    while ready := select.select(taps, [], [], SILENCE)[0]:
        for tap in ready:
            try:
                seen[taps.index(tap)].add(received(tap))
            except BlockingIOError:
                continue
    return seen


def main() -> None:
    """Answer batches until the input ends."""
    arguments = json.loads(sys.argv[1])
    sender = opened(arguments["sender"], "eth0")
    taps = [packet_socket(arguments["bridge"]), opened(arguments["peer"], "eth0"), icmpv6_socket()]
    for line in sys.stdin:
        batch = [bytes.fromhex(text) for text in json.loads(line)]
        *seen, bodies = send(sender, taps, batch)
        answer = [
            [octets in each for each in seen] + [octets.endswith(tuple(bodies))]
            for octets in batch
        ]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.umask(0o077)
    main()
