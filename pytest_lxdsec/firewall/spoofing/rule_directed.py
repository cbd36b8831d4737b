"""Frames aimed at a rule: what it asks for, written into a frame that pretends.

A rule that somebody put before LXD's may accept one port, one destination or one EtherType only,
or LXD's drop may have got an exception, and no frame of a fixed list or of chance would find that.
So each rule is read for what it asks, along the jumps that lead to it: frames that pretend are
made to have just that; of a rule that drops, to have just not that.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from ..frames import decode, encode, ethernet
from ..frames.ethernet import Frame
from ..model import rules, values
from ..model.rules import Kind
from . import frame_draft, frame_kinds
from .filtered_nic import FilteredNic, Surroundings

# Frames that pretend, each in another way, and what is forbidden to a NIC without an address.
BASES = (
    "ipv4_spoof_src",
    "ipv6_spoof_src",
    "garp_spoof_spa",
    "arp_spoof_sha",
    "mac_spoof_ipv4",
    "mac_spoof_ipv6",
    "mac_spoof_arp_shaOwn",
    "eth_88b5_bcast",
    "ra_rogue",
    "ra_rogue_dstopts",
    "na_spoof_target_ownsrc",
    "na_own_target_vicsrc",
    "na_spoof_tlla",
    "legit_ipv4_udp",
    "legit_arp_req",
    "legit_ipv6_udp",
    "vlan100_ipv4_spoof",
    "vlan100_arp_spoof",
    "s_tag_88a8_vid0_ipv4",
    "qinq_88a8_8100_ipv4",
    "llc_802_3",
)
MOST = 1000  # rules, by all ways that lead to them
VALUES = 16  # of those that a rule names are tried
_BEHIND = ("ip", "ip6", "inet")  # families whose rules come after the bridge's
_DEEPEST = 4  # jumps
_ROOM = bytes(48)  # for fields of other transports' headers


class TooManyError(ValueError):
    """There are more rules than frames can be aimed at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A rule, by the positions of its table and chain and its own.

    Attributes:
        table: Among the tables.
        chain: Among its chains.
        rule: Among its rules.
        entry: The entry of its verdict map.
        besides: The one condition that is not to hold, of a rule that drops; None for none.
    """

    table: int
    chain: int
    rule: int
    entry: int = 0
    besides: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePath:
    """How a frame is made.

    Attributes:
        kind: What it was before.
        way: The rules whose conditions are written into it, those that jump before the last.
        value: 0 writes the first of the values that a rule names where the frame has none of
            them; N writes the Nth.
    """

    kind: str
    way: tuple[Place, ...]
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectedFrame:
    """A frame, and the port by which it would leave; "" for any other."""

    frame: Frame
    out: str = ""


def every(part: rules.RuleSet) -> Iterator[RulePath]:
    """Yield all aims at a rule set, plain ones first.

    Raises:
        TooManyError: there are more than `MOST` ways.
    """
    ways = list(itertools.islice(_ways(part), MOST + 1))
    if len(ways) > MOST:
        raise TooManyError(f"there are more than {MOST} rules to aim at")
    for way in ways:
        for value in range(_choices(part, way)):
            for kind in BASES:
                yield RulePath(kind=kind, way=way, value=value)


def directed_frame(
    aim: RulePath, part: rules.RuleSet, nic: FilteredNic, around: Surroundings
) -> DirectedFrame | None:
    """Return the frame of an aim.

    None where a rule asks for what cannot be written into this one.
    """
    made = frame_draft.Draft(octets=bytearray(_base(aim.kind, nic, around)))
    for place in aim.way:
        steps = _rule(part, place).steps
        if place.besides is not None:
            is_done = made.evade(steps[place.besides], aim.value)
        else:
            is_done = all(made.fulfil(step, aim.value, place.entry) for step in steps)
        if not is_done:
            return None
    with contextlib.suppress(decode.NoFrame):
        return DirectedFrame(frame=decode.mended(bytes(made.octets)), out=made.out)
    return None


@functools.lru_cache(maxsize=64)
def _base(kind: str, nic: FilteredNic, around: Surroundings) -> bytes:
    return encode.octets(_roomy(frame_kinds.every(nic, around)[kind]))


def _roomy(frame: Frame) -> Frame:
    """Return the same frame, with so many bytes that every header fits in."""
    content = frame.content
    if isinstance(content, ethernet.Ipv4 | ethernet.Ipv6) and isinstance(
        content.content, ethernet.Udp
    ):
        longer = dataclasses.replace(content.content, body=_ROOM)
        return dataclasses.replace(frame, content=dataclasses.replace(content, content=longer))
    return frame


# --- the ways to rules -------------------------------------------------------------------------


def _rule(part: rules.RuleSet, place: Place) -> rules.Rule:
    return part.tables[place.table].chains[place.chain].rules[place.rule]


def _ways(part: rules.RuleSet) -> Iterator[tuple[Place, ...]]:
    """Yield the rules to direct frames at, without those behind the bridge.

    Hosts have thousands, and few ask who sends.
    """
    marking = [
        Place(table=t, chain=c, rule=r)
        for t, table in enumerate(part.tables)
        if table.family not in _BEHIND
        for c, chain in enumerate(table.chains)
        for r, rule in enumerate(chain.rules)
        if any(isinstance(step, rules.SetMark) for step in rule.steps)
    ]
    for at, table in enumerate(part.tables):
        for number, chain in enumerate(table.chains):
            if _is_early(table, chain):
                for way in _into(table, at, number, ()):
                    yield way
                    if _asks_mark(part, way[-1]):
                        yield from ((mark, *way) for mark in marking if mark != way[-1])


def _is_early(table: rules.Table, chain: rules.Chain) -> bool:
    hook = chain.hook
    return hook is not None and (table.family not in _BEHIND or hook.name == "ingress")


def _into(
    table: rules.Table, at: int, number: int, before: tuple[Place, ...]
) -> Iterator[tuple[Place, ...]]:
    for position, rule in enumerate(table.chains[number].rules):
        if _drops(rule):
            place = Place(table=at, chain=number, rule=position)
            for step in _evadable(rule):
                yield (*before, dataclasses.replace(place, besides=step))
            continue
        for entry, target in _ends(rule):
            way = (*before, Place(table=at, chain=number, rule=position, entry=entry))
            yield way
            inner = next((i for i, c in enumerate(table.chains) if c.name == target), None)
            if target and inner is not None and len(way) <= _DEEPEST:
                yield from _into(table, at, inner, way)


def _drops(rule: rules.Rule) -> bool:
    last = rule.steps[-1] if rule.steps else None
    return isinstance(last, rules.Action) and last.kind is Kind.DROP


def _evadable(rule: rules.Rule) -> Iterator[int]:
    """Yield the conditions that a frame may not meet.

    By which port it came in is not its to choose.
    """
    for at, step in enumerate(rule.steps):
        if isinstance(step, rules.Match) and not isinstance(step.among, values.Names):
            yield at


def _ends(rule: rules.Rule) -> Iterator[tuple[int, str]]:
    """Yield the chains that a rule leads to, by a map's entries; "" where it leads to none."""
    for step in rule.steps:
        if isinstance(step, rules.VerdictMap):
            yield from ((at, action.target) for at, (_, action) in enumerate(step.entries))
            return
    targets = (s.target for s in rule.steps if isinstance(s, rules.Action) and s.target)
    yield 0, next(targets, "")


def _asks_mark(part: rules.RuleSet, place: Place) -> bool:
    asked = (s.field for s in _rule(part, place).steps if isinstance(s, rules.Match))
    inner = (each.field if isinstance(each, rules.Masked) else each for each in asked)
    return rules.Meta(key="mark") in inner


def _choices(part: rules.RuleSet, way: tuple[Place, ...]) -> int:
    """Return how many values are worth writing: as many as the rule with the most names."""
    steps = (step for place in way for step in _rule(part, place).steps)
    counts = [_count(step.among) for step in steps if isinstance(step, rules.Match)]
    return 1 + min(max(counts, default=0), VALUES)


def _count(among: values.Among) -> int:
    match among:
        case values.Intervals():
            return len({end for pair in among for end in pair})
        case values.Names(patterns=patterns):
            return len(patterns)
        case values.Rows(rows=rows):
            return len(rows)
