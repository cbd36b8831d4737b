"""Packets that a throw-away routed NIC sent: which sources got through; pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...evidence.trial_facts import RoutedTrial, SentPacket
from ...verdict import CannotTell

ROLES = ("own", "foreign", "neighbour's")


def got_through(trial: RoutedTrial) -> tuple[SentPacket, ...]:
    """Return the packets of foreign sources that reached the host.

    Raises:
        CannotTell: nothing was tried, or not every source, or its own did not get through.
    """
    if trial.error:
        raise CannotTell(f"no probe on {trial.parent or 'the host'}: {trial.error}")
    sent = _by_role(trial)
    for family in trial.families:
        own = sent[f"own {family}"]
        if not own.arrived:
            raise CannotTell(f"packets of its own address ({own.source}) did not arrive either")
    return tuple(p for p in sent.values() if p.arrived and not p.role.startswith("own "))


def _by_role(trial: RoutedTrial) -> Mapping[str, SentPacket]:
    found = {packet.role: packet for packet in trial.packets}
    for family in trial.families:
        for role in ROLES:
            packet = found.get(f"{role} {family}")
            if packet is None:
                raise CannotTell(f"a packet of {role} address ({family}) was not sent")
            if not packet.left:
                raise CannotTell(f"the packet from {packet.source} did not leave the instance")
    return found
