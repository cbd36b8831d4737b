"""The addresses that a NIC's rules know and that are not its own: worth pretending to be.

An accept for one other address lets nobody pretend to be any other, and frames that pretend to be
somebody at random would not find it. Imports `fields`, `nic`, `numbers`, `ranges`, `rules`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
from collections.abc import Iterable, Iterator

from . import fields, numbers, ranges, rules
from .nic import NOBODY, Nic, Surroundings
from .rules import Base

MOST = 16  # that are tried for one NIC
_ARP_MAC = rules.Payload(base=Base.NETWORK, offset=64, length=48)
_ARP_IPV4 = rules.Payload(base=Base.NETWORK, offset=112, length=32)
_SOURCE_MAC = rules.Payload(base=Base.LINK, offset=48, length=48)
_MACS = (_ARP_MAC, _SOURCE_MAC)
_IPV4 = (_ARP_IPV4, fields.SOURCE[numbers.ETH_IPV4])
_IPV6 = (
    fields.SOURCE[numbers.ETH_IPV6],
    # What neighbour discovery is about, from either header on.
    rules.Payload(base=Base.NETWORK, offset=384, length=128),
    rules.Payload(base=Base.TRANSPORT, offset=64, length=128),
)
_OF_BRIDGES = ("bridge", "netdev")
_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")


class TooManyError(ValueError):
    """The rules know more addresses than can be tried."""


def surroundings(part: rules.RuleSet, nic: Nic) -> tuple[Surroundings, ...]:
    """Nobody in particular, and then whom the rules know; the plain case alone for LXD's own.

    Raises:
        TooManyError: there are more than `MOST`.
    """
    macs, ipv4, ipv6 = _macs(part, nic), _ipv4(part, nic), _ipv6(part, nic)
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


def _macs(part: rules.RuleSet, nic: Nic) -> list[str]:
    told = (number.to_bytes(6, "big").hex(":") for number in _values(part, _MACS, 48))
    return [mac for mac in dict.fromkeys(told) if mac != nic.mac]


def _ipv4(part: rules.RuleSet, nic: Nic) -> list[ipaddress.IPv4Address]:
    told = (ipaddress.IPv4Address(number) for number in _values(part, _IPV4, 32))
    return [a for a in dict.fromkeys(told) if int(a) and not _is_own(a, nic)]


def _ipv6(part: rules.RuleSet, nic: Nic) -> list[ipaddress.IPv6Address]:
    told = (ipaddress.IPv6Address(number) for number in _values(part, _IPV6, 128))
    unknown = (a for a in dict.fromkeys(told) if not _is_own(a, nic))
    return [a for a in unknown if int(a) and a not in _LINK_LOCAL]


def _is_own(address: numbers.IpAddress, nic: Nic) -> bool:
    own: tuple[numbers.IpNetwork, ...] = (*nic.ipv4, *nic.ipv6)
    return any(address in net for net in own if net.version == address.version)


def _values(part: rules.RuleSet, wanted: tuple[rules.Payload, ...], bits: int) -> Iterator[int]:
    """The first value of each interval that a field is compared with."""
    for field, among in _compared(part):
        if isinstance(field, rules.Payload) and isinstance(among, ranges.Intervals):
            shift = next((bits - field.length for each in wanted if _begins(field, each)), None)
            if shift is not None:
                yield from (low << shift for low, _ in among)


def _begins(field: rules.Payload, wanted: rules.Payload) -> bool:
    """Whether a field is the first bits of another; in ARP's place there is another's address."""
    if field in _MACS:
        return field == wanted
    same = (field.base, field.offset) == (wanted.base, wanted.offset)
    return same and field.length <= wanted.length


def _compared(part: rules.RuleSet) -> Iterator[tuple[rules.Field, ranges.Among]]:
    for table in part.tables:
        for step in (s for chain in table.chains for rule in chain.rules for s in rule.steps):
            if table.family not in _OF_BRIDGES:
                yield from _searched(step)
            elif isinstance(step, rules.Match):
                yield from _columns(step.field, [step.among])
            elif isinstance(step, rules.VerdictMap):
                yield from _columns(step.field, [among for among, _ in step.entries])


def _searched(step: rules.Step) -> Iterator[tuple[rules.Field, ranges.Among]]:
    """An address that is searched as bytes; of all else behind the bridge no source is left."""
    if isinstance(step, rules.Match) and isinstance(step.field, rules.Search):
        pattern = step.field.pattern
        if len(pattern) * 8 == _IPV6[0].length:
            yield _IPV6[0], ranges.number(int.from_bytes(pattern, "big"))


def _columns(
    field: rules.Field, amongs: Iterable[ranges.Among]
) -> Iterator[tuple[rules.Field, ranges.Among]]:
    for among in amongs:
        if isinstance(among, ranges.Rows) and isinstance(field, rules.Joined):
            yield from (
                (each, cell) for row in among.rows
                for each, cell in zip(field.fields, row, strict=True)
            )  # fmt: skip
        else:
            inner = field.field if isinstance(field, rules.Masked) else field
            yield inner, among
