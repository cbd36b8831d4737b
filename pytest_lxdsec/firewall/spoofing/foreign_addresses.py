"""The addresses that a NIC's rules know and that are not its own: worth pretending to be.

An accept for one other address lets nobody pretend to be any other, and frames that pretend to be
somebody at random would not find it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator

from ..model import fields, protocol_numbers, rules, values
from ..model.rules import Base
from .filtered_nic import NOBODY, FilteredNic, Surroundings

Asked = tuple[rules.Field, values.Among]

MOST = 16  # that are tried for one NIC
_ARP_MAC = rules.Payload(base=Base.NETWORK, offset=64, length=48)
_ARP_IPV4 = rules.Payload(base=Base.NETWORK, offset=112, length=32)
_SOURCE_MAC = rules.Payload(base=Base.LINK, offset=48, length=48)
_MACS = (_ARP_MAC, _SOURCE_MAC)
_IPV4 = (_ARP_IPV4, fields.SOURCE[protocol_numbers.ETH_IPV4])
_IPV6 = (
    fields.SOURCE[protocol_numbers.ETH_IPV6],
    # What neighbour discovery is about, from either header on.
    rules.Payload(base=Base.NETWORK, offset=384, length=128),
    rules.Payload(base=Base.TRANSPORT, offset=64, length=128),
)
_OF_BRIDGES = ("bridge", "netdev")
_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")


class TooManyError(ValueError):
    """The rules know more addresses than can be tried."""


def surroundings(part: rules.RuleSet, nic: FilteredNic) -> tuple[Surroundings, ...]:
    """Nobody in particular, and then whom the rules know; the plain case alone for LXD's own.

    Raises:
        TooManyError: there are more than `MOST` that rules tell apart.
    """
    asked = tuple(_compared(part))
    macs, ipv4, ipv6 = _macs(asked, nic), _ipv4(asked, nic), _ipv6(asked, nic)
    count = max(len(macs), len(ipv4), len(ipv6))
    if count > MOST:
        raise TooManyError(f"the rules about {nic.interface} know {count} addresses of others")
    found = [NOBODY]
    for mac, four, six in itertools.zip_longest(macs, ipv4, ipv6):
        found.append(
            dataclasses.replace(
                NOBODY,
                other_mac=mac or NOBODY.other_mac,
                other_ipv4=four or NOBODY.other_ipv4,
                other_ipv6=six or NOBODY.other_ipv6,
            )
        )
    return tuple(found)


def _macs(asked: Iterable[Asked], nic: FilteredNic) -> list[str]:
    own = protocol_numbers.mac_number(nic.mac)
    return [
        protocol_numbers.mac_text(n)
        for n in _apart(asked, _MACS, 48, lambda number: number != own)
    ]


def _ipv4(asked: Iterable[Asked], nic: FilteredNic) -> list[ipaddress.IPv4Address]:
    def is_foreign(number: int) -> bool:
        return bool(number) and not _is_own(ipaddress.IPv4Address(number), nic)

    return [ipaddress.IPv4Address(number) for number in _apart(asked, _IPV4, 32, is_foreign)]


def _ipv6(asked: Iterable[Asked], nic: FilteredNic) -> list[ipaddress.IPv6Address]:
    def is_foreign(number: int) -> bool:
        address = ipaddress.IPv6Address(number)
        return bool(number) and address not in _LINK_LOCAL and not _is_own(address, nic)

    return [ipaddress.IPv6Address(number) for number in _apart(asked, _IPV6, 128, is_foreign)]


def _is_own(address: protocol_numbers.IpAddress, nic: FilteredNic) -> bool:
    own: tuple[protocol_numbers.IpNetwork, ...] = (*nic.ipv4, *nic.ipv6)
    return any(address in net for net in own if net.version == address.version)


def _apart(
    asked: Iterable[Asked],
    wanted: tuple[rules.Payload, ...],
    bits: int,
    is_foreign: Callable[[int], bool],
) -> list[int]:
    """Return a foreign value of each interval that a field is compared with.

    Of many that no rule tells apart, as the members of a set, the first stands for all.
    """
    about = [
        (field, among, shift)
        for field, among in asked
        if (shift := _shift(field, wanted, bits)) is not None
    ]
    lots: dict[tuple[object, ...], int] = {}
    for _, among, shift in about:
        if isinstance(among, values.Intervals):
            for low, high in among:
                ends = (low << shift, (low << shift) + 1, high << shift)
                value = next((v for v in ends if v >> shift <= high and is_foreign(v)), None)
                if value is not None:
                    lots.setdefault(tuple(_answers(about, value)), value)
    return list(dict.fromkeys(lots.values()))


def _answers(
    about: Iterable[tuple[rules.Field, values.Among, int]], value: int
) -> Iterator[object]:
    """Yield what rules make of a value; the value itself where they look at single bits of it."""
    for field, among, shift in about:
        yield value >> shift in among if isinstance(field, rules.Payload) else value


def _shift(field: rules.Field, wanted: tuple[rules.Payload, ...], bits: int) -> int | None:
    """Return how many bits of the address a field leaves out; None: it is about something else."""
    inner = field.field if isinstance(field, rules.Masked) else field
    if not isinstance(inner, rules.Payload):
        return None
    return next((bits - inner.length for each in wanted if _begins(inner, each)), None)


def _begins(field: rules.Payload, wanted: rules.Payload) -> bool:
    """Return whether a field is the first bits of another.

    In ARP's place there is another's address.
    """
    if field in _MACS:
        return field == wanted
    same = (field.base, field.offset) == (wanted.base, wanted.offset)
    return same and field.length <= wanted.length


def _compared(part: rules.RuleSet) -> Iterator[Asked]:
    for table in part.tables:
        for step in (s for chain in table.chains for rule in chain.rules for s in rule.steps):
            if table.family not in _OF_BRIDGES:
                yield from _searched(step)
            elif isinstance(step, rules.Match):
                yield from _columns(step.field, [step.among])
            elif isinstance(step, rules.VerdictMap):
                yield from _columns(step.field, [among for among, _ in step.entries])


def _searched(step: rules.Statement) -> Iterator[Asked]:
    """Yield an address that is searched as bytes.

    Of all else behind the bridge no source is left.
    """
    if isinstance(step, rules.Match) and isinstance(step.field, rules.Search):
        pattern = step.field.pattern
        if len(pattern) * 8 == _IPV6[0].length:
            yield _IPV6[0], values.number(int.from_bytes(pattern, "big"))


def _columns(field: rules.Field, amongs: Iterable[values.Among]) -> Iterator[Asked]:
    for among in amongs:
        if isinstance(among, values.Rows) and isinstance(field, rules.Joined):
            yield from (
                (each, cell) for row in among.rows
                for each, cell in zip(field.fields, row, strict=True)
            )  # fmt: skip
        else:
            yield field, among
