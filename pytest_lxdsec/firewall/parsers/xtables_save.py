"""`iptables-save` and `ebtables-save`: tables, chains, and rules as options.

What an option means is in `iptables` and `ebtables`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..model import rules
from ..model.rules import Kind

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_CHAIN = re.compile(r":(\S+) (ACCEPT|DROP|RETURN|-)(?: \[\d+:\d+\])?")


class NotUnderstood(ValueError):
    """The text is not what a save command prints; the message says which line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a rule: `! --dport 80` is `--dport`, ("80",), negated."""

    name: str
    values: tuple[str, ...] = ()
    negated: bool = False

    @property
    def text(self) -> str:
        """The line as it was printed."""
        return " ".join((("! " if self.negated else "") + self.name, *self.values))

    @property
    def value(self) -> str:
        """The first value; "" where there is none."""
        return self.values[0] if self.values else ""


Place = tuple[str, str]  # table, built-in chain
Decode = Callable[[tuple[Option, ...], frozenset[str]], tuple[rules.Statement, ...]]


@dataclass(slots=True, kw_only=True)
class _Table:
    name: str
    policies: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)


def decode(
    text: str, family: str, places: Mapping[Place, tuple[str, int]], read: Decode
) -> rules.RuleSet:
    """Decode what a save command printed.

    Args:
        text: As it came.
        family: `ip`, `ip6` or `bridge`.
        places: Hook and priority of the built-in chains.
        read: Makes steps of a rule's options; it is told the names of the table's chains.

    Raises:
        NotUnderstood: a line is none of such a text.
    """
    tables = tuple(_tables(text))
    return rules.RuleSet(tables=tuple(_table(each, family, places, read) for each in tables))


def _tables(text: str) -> Iterator[_Table]:
    table: _Table | None = None
    for line in text.splitlines():
        line = re.sub(r"^\[\d+:\d+\] ", "", line.strip())  # noqa: PLW2901 - counters of `-c`
        if not line or line.startswith("#") or line == "COMMIT":
            continue
        if line.startswith("*"):
            if table is not None:
                yield table
            table = _Table(name=line[1:])
        elif table is None:
            raise NotUnderstood(f"before any table: {line!r}")
        elif chain := _CHAIN.fullmatch(line):
            table.policies[chain[1]] = chain[2]
        elif line.startswith("-A ") and len(line.split(None, 2)) > 1:
            _, name, *rest = line.split(None, 2)
            table.lines.append((name, rest[0] if rest else ""))
        else:
            raise NotUnderstood(f"neither chain nor rule: {line!r}")
    if table is not None:
        yield table


def _table(
    table: _Table, family: str, places: Mapping[Place, tuple[str, int]], read: Decode
) -> rules.Table:
    names = frozenset(table.policies)
    by_chain: dict[str, list[rules.Rule]] = {name: [] for name in table.policies}
    for chain, line in table.lines:
        if chain not in by_chain:
            raise NotUnderstood(f"a rule of an unknown chain: {chain} {line}")
        options = tuple(_options(line))
        by_chain[chain].append(rules.Rule(steps=read(options, names), text=line))
    chains = tuple(
        rules.Chain(
            name=name,
            rules=tuple(by_chain[name]),
            hook=_hook(table.name, name, policy, places),
        )
        for name, policy in table.policies.items()
    )
    return rules.Table(family=family, name=table.name, chains=chains)


def _hook(
    table: str, chain: str, policy: str, places: Mapping[Place, tuple[str, int]]
) -> rules.Hook | None:
    if (table, chain) not in places:
        return None
    name, priority = places[table, chain]
    kind = "nat" if table == "nat" else "filter"
    known = Kind.DROP if policy == "DROP" else Kind.ACCEPT
    return rules.Hook(name=name, priority=priority, type=kind, policy=known)


def _options(line: str) -> Iterator[Option]:
    """Yield the words of a line; a quoted word is never an option.

    `!` may stand before an option or before its value.
    """
    name, values, negated, pending = "", list[str](), False, False
    for match in _TOKEN.finditer(line):
        quoted, plain = match.groups()
        if quoted is not None:
            values.append(re.sub(r"\\(.)", r"\1", quoted))
        elif plain == "!":
            pending = True
        elif re.match(r"-[A-Za-z-]", plain):
            if name:
                yield Option(name=name, values=tuple(values), negated=negated)
            name, values, negated, pending = plain, [], pending, False
        else:
            negated, pending = negated or pending, False
            values.append(plain)
    if name:
        yield Option(name=name, values=tuple(values), negated=negated)
