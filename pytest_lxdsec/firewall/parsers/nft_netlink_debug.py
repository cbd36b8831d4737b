"""What `nft --debug=netlink list ruleset` tells and the JSON does not.

Three things are lost in the JSON of nft 1.0.6: which dependency a rule really has, that a table is
dormant (its `flags` print the table's own name), and the devices of an ingress chain.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..model import rules, values
from ..model.rules import Base, Match

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_HEADER = re.compile(rf"({'|'.join(_FAMILIES)}) (\S+) (\S+) (\d+)(?: \d+)?")
_META = re.compile(r"\[ meta load (protocol|nfproto|l4proto) => reg (\d+) \]")
_LOAD = re.compile(r"\[ payload load ([12])b @ (link|network) header \+ (\d+) => reg (\d+) \]")
_COMPARE = re.compile(r"\[ cmp eq reg (\d+) 0x([0-9a-f]{8}) \]")
_TABLE = re.compile(rf"table ({'|'.join(_FAMILIES)}) (\S+) {{(?: # .*)?")
_CHAIN = re.compile(r"\tchain (\S+) {(?: # .*)?")
_FLAGS = re.compile(r"\tflags (.+)")
_DEVICE = re.compile(r'hook (?:in|e)gress device "([^"]+)"')
_DEVICES = re.compile(r"hook (?:in|e)gress devices = \{([^}]*)\}")
_SIZES = {"protocol": 2, "nfproto": 1, "l4proto": 1}  # bytes in the register

RuleKey = tuple[str, str, str, int]  # family, table, chain, handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the listing tells.

    Attributes:
        tests: By rule, the comparisons of a protocol that it begins or goes on with.
        flags: By family and table, its flags; every table is there.
        devices: By family, table and chain, the interfaces of an ingress chain.
    """

    tests: Mapping[RuleKey, frozenset[Match]] = field(default_factory=dict)
    flags: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    devices: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)


def read(text: str, *, byteorder: Literal["little", "big"] | None = None) -> Listing:
    """Read the listing.

    Args:
        text: What nft printed.
        byteorder: The host's, in whose order nft prints registers; ours where it is None.
    """
    order = byteorder or sys.byteorder
    lines = text.split("\n")
    return Listing(
        tests={key: frozenset(_tests(body, order)) for key, body in _programs(lines)},
        flags=_flags(lines),
        devices=_devices(lines),
    )


def _programs(lines: list[str]) -> Iterator[tuple[RuleKey, list[str]]]:
    for at, line in enumerate(lines):
        found = _HEADER.fullmatch(line.strip())
        if found is None or not lines[at + 1 : at + 2] or not lines[at + 1].startswith("  [ "):
            continue
        end = at + 1
        while end < len(lines) and lines[end].startswith("  [ "):
            end += 1
        family, table, chain, handle = found.groups()
        yield (family, table, chain, int(handle)), [line.strip() for line in lines[at + 1 : end]]


def _tests(body: list[str], order: Literal["little", "big"]) -> Iterator[Match]:
    for load, compare in itertools.pairwise(body):
        compared = _COMPARE.fullmatch(compare)
        if compared is None:
            continue
        octets = int(compared[2], 16).to_bytes(4, order)
        found = _META.fullmatch(load)
        if found and found[2] == compared[1]:
            value = int.from_bytes(octets[: _SIZES[found[1]]], "big")
            yield Match(field=rules.Meta(key=found[1]), among=values.number(value))
        loaded = _LOAD.fullmatch(load)
        if loaded and loaded[4] == compared[1]:
            size = int(loaded[1])
            base = Base.LINK if loaded[2] == "link" else Base.NETWORK
            payload = rules.Payload(base=base, offset=int(loaded[3]) * 8, length=size * 8)
            value = int.from_bytes(octets[:size], "big")
            yield Match(field=payload, among=values.number(value))


def _flags(lines: list[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    here: tuple[str, str] | None = None
    for line in lines:
        table = _TABLE.fullmatch(line)
        if table:
            here = (table[1], table[2])
            found[here] = ()
        flags = _FLAGS.fullmatch(line)
        if flags and here is not None and not found[here]:
            found[here] = tuple(each.strip() for each in flags[1].split(","))
    return found


def _devices(lines: list[str]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    table: tuple[str, str] = ("", "")
    chain = ""
    for line in lines:
        if begun := _TABLE.fullmatch(line):
            table = (begun[1], begun[2])
        if named := _CHAIN.fullmatch(line):
            chain = named[1]
        if one := _DEVICE.search(line):
            found[(*table, chain)] = (one[1],)
        if several := _DEVICES.search(line):
            names = [name.strip().strip('"') for name in several[1].split(",")]
            found[(*table, chain)] = tuple(name for name in names if name)
    return found
