"""Which frames of an instance reach the host, and which another instance of the same bridge."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import packet_socket

if TYPE_CHECKING:
    from typing import Any

BATCH = 64  # frames; less than a network device queues before it drops
TRIES = 3  # a frame that is lost once may have been unlucky
QUIET, MOST = 0.03, 0.5  # seconds
PATIENCE = 20.0  # seconds until the bridge forwards: spanning trees think for fifteen
EXPERIMENT = "88b5" + 46 * "5e"  # an EtherType for experiments (IEEE 802)


class Wires:
    """The ends: of the instance under test, of the other one, the bridge's own, and the port.

    Raises:
        OSError: one of them is not there.
        RuntimeError: an instance is not what it is taken for.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.sender = packet_socket.instance(order, "sender")
        self.peer = packet_socket.instance(order, "peer")
        self.bridge = packet_socket.End(order["server"], order["bridge"])
        self.port = packet_socket.End(order["server"], order["port"])
        self.ends = [self.sender, self.peer, self.bridge, self.port]
        known = [end.mac for end in self.ends[:3]] + order["macs"]
        for end in self.ends:
            packet_socket.listen_to(end.socket, known)

    def told(self, octets: set[bytes]) -> list[set[bytes]]:
        """Return which of these frames each of the ends has received since the last time."""
        taps = [end.socket for end in self.ends]
        return [octets & seen for seen in packet_socket.heard(taps, QUIET, MOST)]


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Send every frame to the bridge and to the other instance; say which arrived.

    Args:
        order: `ethernet` are hexadecimal, for everybody: each is sent to the two addresses only.
    """
    wires = Wires(order)
    _wait(wires)
    frames = [bytes.fromhex(text) for text in order["frames"]]
    rows = [["", "", ""] for _ in frames]
    for at in range(0, len(frames), BATCH):
        _tell(wires, frames[at : at + BATCH], rows[at : at + BATCH])
        _wait(wires)  # what arrived before must still arrive after: else silence tells nothing
    return {"bridge_mac": wires.bridge.mac, "seen": ["".join(row) for row in rows]}


def _wait(wires: Wires) -> None:
    """Wait until harmless frames get through by every leg that is listened on.

    Raises:
        RuntimeError: they do not.
    """
    legs = [
        (wires.peer, wires.bridge, "from the second instance to the host"),
        (wires.bridge, wires.peer, "from the host to the second instance"),
        (wires.bridge, wires.sender, "from the host to the first instance"),
    ]
    until, missing = time.monotonic() + PATIENCE, legs
    while missing and time.monotonic() < until:
        made = {bytes.fromhex(to.mac + by.mac + EXPERIMENT): by for by, to, _ in missing}
        for octets, by in made.items():
            by.send(octets)
        seen = wires.told(set(made))
        arrived = {wires.ends[at].mac for at, found in enumerate(seen) if found}
        missing = [leg for leg in missing if leg[1].mac not in arrived]
    if missing:
        raise RuntimeError(f"no frame gets through {missing[0][2]}")


def _tell(wires: Wires, frames: list[bytes], rows: list[list[str]]) -> None:
    """Fill the rows with `L` for what left the instance, `H` and `P` for where it arrived."""
    ends = ((wires.bridge, 2, "H"), (wires.peer, 1, "P"))
    for _ in range(TRIES):
        for to, tap, letter in ends:
            made = {bytes.fromhex(to.mac) + octets[6:]: octets for octets in frames}
            for octets in made:
                wires.sender.send(octets)
            seen = wires.told(set(made))
            for octets, row in zip(made, rows):
                row[0] = "L" if octets in seen[3] else row[0]
                at = 1 if letter == "H" else 2
                row[at] = letter if octets in seen[tap] else row[at]
        if all("".join(row) == "LHP" for row in rows):
            return
