"""Frames sent by an instance, and received by the host and by another instance of the bridge."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import packet_socket

if TYPE_CHECKING:
    from typing import Any

BATCH = 64  # frames: fewer than the queue of a network device holds
TRIES = 3  # a frame may be lost once by chance
QUIET, MOST = 0.03, 0.5  # seconds
PATIENCE = 20.0  # seconds until the bridge forwards: a spanning tree needs fifteen
EXPERIMENT = "88b5" + 46 * "5e"  # an EtherType for experiments (IEEE 802)


class Wires:
    """The interfaces: of the tested instance, of the other one, the bridge, and the port.

    Raises:
        OSError: an interface does not exist.
        RuntimeError: an instance is not the expected one.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.sender = packet_socket.instance(order, "sender")
        self.peer = packet_socket.instance(order, "peer")
        self.bridge = packet_socket.End(order["server"], order["bridge"])
        self.port = packet_socket.End(order["server"], order["port"])
        self.ends = [self.sender, self.peer, self.bridge, self.port]
        senders = [end.mac for end in self.ends[:3]] + order["macs"]
        for end in self.ends:
            packet_socket.listen_to(end.socket, senders)

    def arrivals(self, octets: set[bytes]) -> list[set[bytes]]:
        """Return which of these frames each interface has received since the last call."""
        taps = [end.socket for end in self.ends]
        return [octets & seen for seen in packet_socket.received_until_quiet(taps, QUIET, MOST)]


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Send every frame to the bridge and to the other instance; return which arrived.

    Args:
        order: `frames` are hexadecimal; their destinations are replaced by the two addresses.
    """
    wires = Wires(order)
    _wait(wires)
    frames = [bytes.fromhex(text) for text in order["frames"]]
    rows = [["", "", ""] for _ in frames]
    for at in range(0, len(frames), BATCH):
        _send(wires, frames[at : at + BATCH], rows[at : at + BATCH])
        _wait(wires)  # harmless frames must still arrive, else silence means nothing
    return {"bridge_mac": wires.bridge.mac, "seen": ["".join(row) for row in rows]}


def _wait(wires: Wires) -> None:
    """Wait until harmless frames arrive on every path that is listened on.

    Raises:
        RuntimeError: they do not.
    """
    paths = [
        (wires.peer, wires.bridge, "from the second instance to the host"),
        (wires.bridge, wires.peer, "from the host to the second instance"),
        (wires.bridge, wires.sender, "from the host to the first instance"),
    ]
    until, missing = time.monotonic() + PATIENCE, paths
    while missing and time.monotonic() < until:
        made = {bytes.fromhex(to.mac + by.mac + EXPERIMENT): by for by, to, _ in missing}
        for octets, by in made.items():
            by.send(octets)
        seen = wires.arrivals(set(made))
        arrived = {wires.ends[at].mac for at, found in enumerate(seen) if found}
        missing = [path for path in missing if path[1].mac not in arrived]
    if missing:
        raise RuntimeError(f"no frame arrives {missing[0][2]}")


def _send(wires: Wires, frames: list[bytes], rows: list[list[str]]) -> None:
    """Fill the rows: `L` if a frame left the instance, `H` and `P` for where it arrived."""
    ends = ((wires.bridge, 2, "H"), (wires.peer, 1, "P"))
    for _ in range(TRIES):
        for to, tap, letter in ends:
            made = {bytes.fromhex(to.mac) + octets[6:]: octets for octets in frames}
            for octets in made:
                wires.sender.send(octets)
            seen = wires.arrivals(set(made))
            for octets, row in zip(made, rows):
                row[0] = "L" if octets in seen[3] else row[0]
                at = 1 if letter == "H" else 2
                row[at] = letter if octets in seen[tap] else row[at]
        if all("".join(row) == "LHP" for row in rows):
            return
