"""What every rule set is decoded into: tables, chains, rules and their steps.

A rule is a row of steps that run one after the other, as nftables' expressions do: one that does
not match ends the rule. iptables' and ebtables' rules are the same, with other fields. Imports
`values`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from . import values


class Base(enum.Enum):
    """Where a payload's offset counts from, as nft spells it; SKIPPED: for ebtables and IPv6."""

    LINK = "ll"
    NETWORK = "nh"
    TRANSPORT = "th"
    SKIPPED = "behind all extension headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Bits of the packet: `offset` and `length` in bits, from the start of a header."""

    base: Base
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What the kernel knows of the packet besides its bytes: `iifname`, `l4proto`, ..."""

    key: str


PHYSDEV_IN = Meta(key="physdev in")  # xt_physdev: the port of a bridge that a packet came in by


@dataclass(frozen=True, slots=True, kw_only=True)
class Conntrack:
    """What connection tracking knows: `state`, ..."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fib:
    """What the routing table says: `result` is `type`, `oif` or `oifname`."""

    result: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Whether the IPv6 packet has an extension header of this number."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A field, and-ed with a mask."""

    field: Field
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A concatenation of fields."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Whether these bytes stand between two offsets from the network header on (xt_string)."""

    pattern: bytes
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmodelled:
    """A field that this engine does not know; the text says which."""

    text: str


Field = Payload | Meta | Conntrack | Fib | Extension | Masked | Joined | Search | Unmodelled


class Kind(enum.Enum):
    """What a rule may do with the packet."""

    ACCEPT = "accept"
    DROP = "drop"
    JUMP = "jump"
    GOTO = "goto"
    RETURN = "return"
    CONTINUE = "continue"
    STOLEN = "stolen"  # queued or answered elsewhere: what becomes of it is not known
    BROUTED = "diverted"  # sent another way, past all chains that would follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An end of a rule; `target` is the chain of JUMP and GOTO, `text` how it was written."""

    kind: Kind
    target: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The rule goes on if the field is there and is (or, negated, is not) among the values."""

    field: Field
    among: values.Among
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousMatch:
    """The rule was printed without a dependency that may have been one or the other of these."""

    readings: tuple[Match, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictMap:
    """The first entry that has the field's value acts; no entry: the rule ends."""

    field: Field
    entries: tuple[tuple[values.Among, Action], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMark:
    """The packet's mark (`mark`) or the connection's (`ct mark`) changes; None: not known."""

    key: str
    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translate:
    """The destination changes; None for what stays, or is not known (`is_known`)."""

    address: int | None = None
    port: int | None = None
    is_local: bool = False
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Modify:
    """Bytes of the packet change: what follows cannot know them."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untrack:
    """The packet is not tracked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCondition:
    """A condition that this engine does not know: it may hold or not."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownStatement:
    """A statement that this engine does not know: it may do anything with the packet."""

    text: str


Statement = (
    Match
    | AmbiguousMatch
    | VerdictMap
    | Action
    | SetMark
    | Translate
    | Modify
    | Untrack
    | UnknownCondition
    | UnknownStatement
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; `text` is for people, `handle` is nft's, 0 where there is none."""

    steps: tuple[Statement, ...]
    text: str = field(default="", compare=False)
    handle: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where a base chain hangs.

    Attributes:
        devices: The interfaces of an ingress chain; () for any.
        doubt: Why the chain may not see the packet; "" where it surely does.
    """

    name: str
    priority: int
    type: str = "filter"
    policy: Kind = Kind.ACCEPT
    devices: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain; without a hook it is reached by jumps only."""

    name: str
    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        is_dormant: Its chains are not at work.
        doubt: Why that may be so; "" where they surely are.
    """

    family: str
    name: str
    chains: tuple[Chain, ...] = ()
    is_dormant: bool = False
    doubt: str = ""

    def chain(self, name: str) -> Chain | None:
        """Return the chain of this name."""
        return next((chain for chain in self.chains if chain.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """All tables of a network namespace, in the order in which they were listed.

    Attributes:
        handed_over: The families (`ip`, `ip6`) whose rules also see what a bridge passes on, by
            br_netfilter.
    """

    tables: tuple[Table, ...] = ()
    handed_over: tuple[str, ...] = ()

    def __add__(self, other: RuleSet) -> RuleSet:
        families = dict.fromkeys((*self.handed_over, *other.handed_over))
        return RuleSet(tables=self.tables + other.tables, handed_over=tuple(families))

    def table(self, family: str, name: str) -> Table | None:
        """Return the table of this family and name."""
        found = (t for t in self.tables if (t.family, t.name) == (family, name))
        return next(found, None)


EMPTY = RuleSet()


def within(field: Payload, value: int, mask: int, *, negated: bool = False) -> Match:
    """Return the field and-ed with the mask is the value.

    An interval where the mask is a prefix.
    """
    whole = (1 << field.length) - 1
    free = ~mask & whole
    if free & (free + 1) == 0:
        low = value & mask
        return Match(field=field, among=values.Intervals([(low, low | free)]), negated=negated)
    masked = Masked(field=field, mask=mask)
    return Match(field=masked, among=values.number(value & mask), negated=negated)
