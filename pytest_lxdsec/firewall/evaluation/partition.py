"""What rules tell apart: the constants that they compare a field with."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator

from ..model import fields, packet, rules, values
from . import chains

# What the kernel takes from no network as a source: this network, loopback, groups, class E.
_NO_SOURCES = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "224.0.0.0/3",
    "::/127",
    "::ffff:0:0/96",
    "ff00::/8",
)

Asked = tuple[rules.Field, tuple[values.Among, ...]]


_FIXED = ("nfproto", "protocol", "l4proto", "xt protocol")


def _rules(ruleset: rules.RuleSet, seen: packet.Packet) -> Iterator[rules.Rule]:
    """Yield the rules that may concern packets of this family and protocol."""
    for table in ruleset.tables:
        if table.family in {"inet", "netdev", seen.family}:
            for chain in table.chains:
                yield from (rule for rule in chain.rules if _may_concern(rule, seen))


def _may_concern(rule: rules.Rule, seen: packet.Packet) -> bool:
    for step in rule.steps:
        tests = step.readings if isinstance(step, rules.AmbiguousMatch) else (step,)
        fixed = [
            isinstance(test, rules.Match)
            and isinstance(test.field, rules.Meta)
            and test.field.key in _FIXED
            and chains.holds(test, seen, fields.FRESH) is False
            for test in tests
        ]
        if all(fixed):
            return False
    return True


def matches(ruleset: rules.RuleSet, seen: packet.Packet) -> Iterator[Asked]:
    """Yield every field that is asked about, with the values."""
    for rule in _rules(ruleset, seen):
        for step in rule.steps:
            yield from _asked(step)


def _asked(step: rules.Statement) -> Iterator[Asked]:
    if isinstance(step, rules.Match):
        yield from _columns(step.field, (step.among,))
    elif isinstance(step, rules.VerdictMap):
        yield from _columns(step.field, tuple(among for among, _ in step.entries))
    elif isinstance(step, rules.AmbiguousMatch):
        for reading in step.readings:
            yield from _asked(reading)


def _columns(field: rules.Field, amongs: tuple[values.Among, ...]) -> Iterator[Asked]:
    if not isinstance(field, rules.Joined):
        yield field, amongs
        return
    rows = [row for among in amongs if isinstance(among, values.Rows) for row in among.rows]
    for at, each in enumerate(field.fields):
        yield each, tuple(row[at] for row in rows)


def _pairs(steps: Iterable[Asked], wanted: rules.Payload) -> Iterator[tuple[int, int]]:
    for field, amongs in steps:
        if not isinstance(field, rules.Payload) or not _begins(field, wanted):
            continue
        shift = wanted.length - field.length
        for among in amongs:
            if isinstance(among, values.Intervals):
                yield from (
                    (low << shift, (high << shift) | (1 << shift) - 1) for low, high in among
                )


def _begins(field: rules.Payload, wanted: rules.Payload) -> bool:
    """Return whether a field is the first bits of another."""
    is_there = (field.base, field.offset) == (wanted.base, wanted.offset)
    return is_there and field.length <= wanted.length


def uneven(steps: Iterable[Asked], wanted: rules.Payload) -> str:
    """Return why intervals of the field do not tell all: a rule asks about scattered bits."""
    for field, _ in steps:
        inner = field.field if isinstance(field, rules.Masked) else field
        if not isinstance(inner, rules.Payload) or not fields.overlap(inner, wanted):
            continue
        if isinstance(field, rules.Masked) or not _begins(inner, wanted):
            return "a rule asks about single bits of the source address"
    return ""


def starts(steps: Iterable[Asked], wanted: rules.Payload, end: int) -> Iterator[int]:
    """Yield the first value of each interval that is told apart."""
    yield 0
    for low, high in _pairs(steps, wanted):
        yield low
        if high + 1 < end:
            yield high + 1


def intervals(
    steps: Iterable[Asked], wanted: rules.Payload, version: int
) -> Iterator[tuple[int, int]]:
    """Yield the intervals of an address field that rules tell apart, without what is no source."""
    excluded = [
        (int(net.network_address), int(net.broadcast_address))
        for net in map(ipaddress.ip_network, _NO_SOURCES)
        if net.version == version
    ]
    end = 1 << wanted.length
    cuts = {*starts(steps, wanted, end), *(low for low, _ in excluded)}
    cuts |= {high + 1 for _, high in excluded if high + 1 < end}
    ordered = [*sorted(cuts), end]
    for low, after in itertools.pairwise(ordered):
        if not any(first <= low <= last for first, last in excluded):
            yield low, after - 1


def translated_ports(ruleset: rules.RuleSet, seen: packet.Packet, port: int) -> list[int]:
    """Return the ports of which some rule asks, where any rule translates."""
    steps = [step for rule in _rules(ruleset, seen) for step in rule.steps]
    if not any(isinstance(step, rules.Translate) for step in steps):
        return []
    asked = [each for step in steps for each in _asked(step)]
    return sorted({*starts(asked, fields.PORT, 1 << 16)} - {port, 0})
