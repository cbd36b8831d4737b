"""Frames that a throw-away NIC sent: which of them got through and should not have; pure.

What the guide promises is in `firewall.laws`; what stock LXD is known to let through all the same
is told apart here, since no configuration of a site's explains it.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...evidence.trial_facts import BridgedTrial
from ...firewall.frames import decode, describe, encode, ethernet
from ...firewall.frames.ethernet import Frame
from ...firewall.model import packet, protocol_numbers
from ...firewall.spoofing import frame_kinds, guarantees
from ...firewall.spoofing.filtered_nic import NOBODY, FilteredNic
from ...inventory import nic_settings
from ...verdict import CannotTell

HOOKS: Mapping[str, str] = {"H": "input", "P": "forward"}
RECEIVERS: Mapping[str, str] = {"H": "the host", "P": "other instances"}
LEFT = "L"
PROMISES = tuple(guarantee for guarantee in guarantees.EVERY if not guarantee.passes)
# Neighbour advertisements that LXD's rules accept by one of their fields and never look at again.
ADVERTISED = frozenset(
    (
        "na_spoof_target_ownsrc",
        "na_own_target_vicsrc",
        "na_noopt_spoof_ownsrc",
        "na_spoof_exthdr_llsrc",
        "na_spoof_exthdr_vicsrc",
        "na_spoof_exthdr_ownsrc",
    )
)
# What LXD's older driver asks of no frame, or only where it has an IPv4 address to ask for.
XTABLES = "xtables"
XTABLES_ALSO = frozenset(
    (
        "arp_spoof_sha",
        "arp_spoof_sha_htype6",
        "na_spoof_tlla",
        "na_spoof_target_no_tlla",
        "na_spoof_tlla_exthdr8",
    )
)
_LINE = re.compile(r"([A-Za-z0-9_]+) (-|L?H?P?) ([0-9a-f]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One kind of frame, and the letters of where it was seen."""

    kind: str
    frame: Frame
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A kind that got through and should not have.

    Attributes:
        sent: The frame.
        receivers: Who got it.
        gap: The control that is about the gap of LXD's that explains it; "" where none does.
    """

    sent: Sent
    receivers: tuple[str, ...]
    gap: str

    @property
    def text(self) -> str:
        """One line for a finding."""
        what = describe.describe(self.sent.frame).replace(" to everybody", "")
        why = f"known gap of LXD's own, see {self.gap}" if self.gap else "no known gap explains it"
        return f"reaches {' and '.join(self.receivers)}: {what}; {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that was seen of one setting."""

    violations: tuple[Violation, ...]
    pretending: int
    legitimate: int


@functools.cache
def kinds_to_try() -> frozenset[str]:
    """Return the kinds that a bridge passes on."""
    anybody = FilteredNic(interface="", mac=NOBODY.other_mac)
    every = frame_kinds.every(anybody, NOBODY)
    return frozenset(n for n, frame in every.items() if packet.is_passed_on(encode.octets(frame)))


def judge(trial: BridgedTrial, driver: str) -> Seen:
    """Hold what was seen against what is promised.

    Args:
        trial: What was tried.
        driver: LXD's firewall driver.

    Raises:
        CannotTell: nothing was tried, or not everything, or legitimate frames did not arrive.
    """
    if trial.error:
        raise CannotTell(f"no probe on {trial.network}: {trial.error}")
    nic, sent = _nic(trial), _sent(trial)
    legitimate = sum(_is_delivered(nic, one) for one in sent)
    found = [_offence(nic, one, driver) for one in sent]
    pretending = sum(any(_broken(nic, one.frame, hook) for hook in HOOKS.values()) for one in sent)
    violations = tuple(one for one in found if one is not None)
    return Seen(violations=violations, pretending=pretending, legitimate=legitimate)


def _nic(trial: BridgedTrial) -> FilteredNic:
    try:
        return FilteredNic(
            interface="",
            mac=trial.mac,
            ipv4=(ipaddress.IPv4Network(trial.ipv4),) if trial.ipv4 else (),
            ipv6=(ipaddress.IPv6Network(trial.ipv6),) if trial.ipv6 else (),
            filters_mac=nic_settings.MAC in trial.filters,
            filters_ipv4=nic_settings.IPV4 in trial.filters,
            filters_ipv6=nic_settings.IPV6 in trial.filters,
        )
    except ValueError as error:
        raise CannotTell(f"the probe's own address cannot be read: {error}") from error


def _sent(trial: BridgedTrial) -> tuple[Sent, ...]:
    found: dict[str, Sent] = {}
    for line in trial.frames.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[1] in found:
            raise CannotTell(f"the probe's list of frames cannot be read: {line[:60]!r}")
        found[match[1]] = Sent(kind=match[1], frame=_frame(match[3]), seen=match[2])
    if missing := sorted(kinds_to_try() - set(found)):
        raise CannotTell(f"{len(missing)} kinds of frames were not tried, {missing[0]} among them")
    if stuck := sorted(name for name, one in found.items() if LEFT not in one.seen):
        raise CannotTell(f"{len(stuck)} frames did not leave the instance, as {stuck[0]}")
    return tuple(found.values())


def _frame(digits: str) -> Frame:
    try:
        return decode.parse(bytes.fromhex(digits))
    except ValueError as error:
        raise CannotTell(f"a frame of the probe cannot be read: {error}") from error


def _is_delivered(nic: FilteredNic, sent: Sent) -> bool:
    """Return whether a frame had to arrive, and did.

    Raises:
        CannotTell: it had to and did not, so that the silence of others means nothing.
    """
    must = [
        letter for letter, hook in HOOKS.items() if guarantees.OWN.concerns(sent.frame, nic, hook)
    ]
    for letter in must:
        if letter not in sent.seen:
            what = describe.describe(sent.frame)
            raise CannotTell(f"a legitimate frame did not reach {RECEIVERS[letter]}: {what}")
    return bool(must)


def _broken(nic: FilteredNic, frame: Frame, hook: str) -> bool:
    """Return whether it is promised that such a frame is dropped."""
    return any(guarantee.concerns(frame, nic, hook) for guarantee in PROMISES)


def _offence(nic: FilteredNic, sent: Sent, driver: str) -> Violation | None:
    got = [
        letter
        for letter, hook in HOOKS.items()
        if letter in sent.seen
        and _broken(nic, sent.frame, hook)
        # There the driver holds advertisements behind the place where they were seen.
        and not (driver == XTABLES and letter == "H" and _is_advertisement(sent.frame))
    ]
    if not got:
        return None
    receivers = tuple(RECEIVERS[letter] for letter in got)
    return Violation(sent=sent, receivers=receivers, gap=_gap(nic, sent, driver))


def _gap(nic: FilteredNic, sent: Sent, driver: str) -> str:
    if sent.kind in ADVERTISED and nic.filters_ipv6 and nic.ipv6:
        return "LXD-BRI-07"
    if driver == XTABLES and sent.kind in XTABLES_ALSO:
        return "LXD-BRI-07" if _is_advertisement(sent.frame) else "LXD-BRI-06"
    has_nets = (nic.filters_ipv4 and nic.ipv4) or (nic.filters_ipv6 and nic.ipv6)
    known = (protocol_numbers.ETH_ARP, protocol_numbers.ETH_IPV4, protocol_numbers.ETH_IPV6)
    is_plain = not sent.frame.tags and sent.frame.ethertype in known
    return "LXD-BRI-08" if not has_nets and not is_plain and not _is_foreign(nic, sent) else ""


def _is_foreign(nic: FilteredNic, sent: Sent) -> bool:
    """Return whether its source MAC address alone should have stopped it."""
    return sent.frame.source != nic.mac


def _is_advertisement(frame: Frame) -> bool:
    content = frame.content.content if isinstance(frame.content, ethernet.Ipv6) else None
    return (
        isinstance(content, ethernet.Neighbour)
        and content.type == protocol_numbers.NEIGHBOUR_ADVERT
    )
