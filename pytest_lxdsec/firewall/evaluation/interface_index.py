"""The part of the rules that can concern one port of a bridge.

LXD's rules all ask for the interface's name, and a thousand NICs bring twenty thousand of them.
They are sorted once, so that one NIC's part costs what that part is long.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import rules, values
from ..model.rules import Kind

_IIFNAME = rules.Meta(key="iifname")
_BEHIND = ("prerouting", "input", "forward", "postrouting")
_IP = ("ip", "ip6", "inet")
Numbered = tuple[int, rules.Rule]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """A chain's rules, by the one interface that each is for; those for any under ""."""

    chain: rules.Chain
    by_interface: Mapping[str, tuple[Numbered, ...]]

    def part(self, interfaces: Sequence[str]) -> rules.Chain:
        """Return the chain, with the rules that can concern the interfaces in their order."""
        names = dict.fromkeys(("", *interfaces))
        every = (numbered for name in names for numbered in self.by_interface.get(name, ()))
        ordered = sorted(every, key=lambda numbered: numbered[0])
        found = (_for_one(rule, interfaces[-1]) for _, rule in ordered)
        return dataclasses.replace(self.chain, rules=tuple(rule for rule in found if rule))

    @property
    def concerns_all(self) -> bool:
        """True if the chain has a say about every interface."""
        hook = self.chain.hook
        return "" in self.by_interface or (
            hook is not None and (hook.policy is not Kind.ACCEPT or bool(hook.doubt))
        )


class Index:
    """What a rule set does to the ports of bridges, sorted by interface.

    Args:
        ruleset: All tables.
        is_behind: Whether the rules of IP are wanted, which stand behind the bridge's.
    """

    def __init__(self, ruleset: rules.RuleSet, *, is_behind: bool = False) -> None:
        choose = _of_ip if is_behind else _of_bridges
        self._handed_over = ruleset.handed_over
        self._tables = [table for table in map(choose, ruleset.tables) if table.chains]
        self._sorted = [
            {chain.name: _sort(chain) for chain in table.chains} for table in self._tables
        ]
        self._always = [_for_all(chains) for chains in self._sorted]
        self._only: list[dict[str, list[str]]] = [_by_interface(c) for c in self._sorted]

    def part(self, *interfaces: str) -> rules.RuleSet:
        """Return what can concern frames that come in by a port, or by that and its bridge."""
        return rules.RuleSet(
            tables=tuple(
                self._table(at, table, interfaces) for at, table in enumerate(self._tables)
            ),
            handed_over=self._handed_over,
        )

    def _table(self, at: int, table: rules.Table, interfaces: Sequence[str]) -> rules.Table:
        chains = self._sorted[at]
        only = (name for each in interfaces for name in self._only[at].get(each, ()))
        wanted = [*self._always[at], *only]
        found: dict[str, rules.Chain] = {}
        while wanted:
            name = wanted.pop()
            if name in found or name not in chains:
                continue
            found[name] = chains[name].part(interfaces)
            wanted.extend(_targets(found[name]))
        ordered = tuple(found[name] for name in chains if name in found)
        return dataclasses.replace(table, chains=ordered)


def _of_bridges(table: rules.Table) -> rules.Table:
    """Return the table, without the base chains that see no frame on its way over a bridge."""
    kept = tuple(
        chain
        for chain in table.chains
        if chain.hook is None or table.family == "bridge" or chain.hook.name == "ingress"
    )
    has_base = any(chain.hook is not None for chain in kept)
    return dataclasses.replace(table, chains=kept if has_base else ())


def _of_ip(table: rules.Table) -> rules.Table:
    """Return the table with only the base chains that see IP packets from a bridge."""
    kept = tuple(
        chain for chain in table.chains if chain.hook is None or chain.hook.name in _BEHIND
    )
    is_ip = table.family in _IP and any(chain.hook is not None for chain in kept)
    return dataclasses.replace(table, chains=kept if is_ip else ())


def _sort(chain: rules.Chain) -> _Sorted:
    found: dict[str, list[Numbered]] = {}
    for number, rule in enumerate(chain.rules):
        found.setdefault(_guard(rule), []).append((number, rule))
    return _Sorted(chain=chain, by_interface={name: tuple(every) for name, every in found.items()})


def _guard(rule: rules.Rule) -> str:
    """Return the one interface that the rule is for, rather a port than its bridge.

    "" for others.
    """
    conditions = itertools.takewhile(_only_asks, rule.steps)
    asked = {
        step.field: step.among.patterns[0]
        for step in conditions
        if isinstance(step, rules.Match)
        and isinstance(step.among, values.Names)
        and not step.negated
        and len(step.among.patterns) == 1
        and not step.among.patterns[0].endswith("*")
    }
    return asked.get(rules.PHYSDEV_IN) or asked.get(_IIFNAME, "")


def _only_asks(step: rules.Statement) -> bool:
    return isinstance(step, rules.Match | rules.AmbiguousMatch | rules.UnknownCondition)


# --- what of a rule that is for many concerns one ------------------------------------------------


def _for_one(rule: rules.Rule, interface: str) -> rules.Rule | None:
    """Return the rule without the parts of its sets and maps for other interfaces, or None.

    A site may keep all its ports in one map, and the parts are of one shape all the same.
    """
    if not any(_asks_interface(step) for step in rule.steps):
        return rule
    steps = []
    for step in rule.steps:
        kept = _narrowed(step, interface)
        if kept is None:
            return None
        steps.append(kept)
    return dataclasses.replace(rule, steps=tuple(steps))


def _asks_interface(step: rules.Statement) -> bool:
    return isinstance(step, rules.Match | rules.VerdictMap) and (
        step.field == _IIFNAME
        or (isinstance(step.field, rules.Joined) and _IIFNAME in step.field.fields)
    )


def _narrowed(step: rules.Statement, interface: str) -> rules.Statement | None:
    if isinstance(step, rules.Match) and _asks_interface(step):
        among = _known(step.field, step.among, interface)
        if among is None and not step.negated:
            return None
        return dataclasses.replace(step, among=values.Names(()) if among is None else among)
    if isinstance(step, rules.VerdictMap) and _asks_interface(step):
        pairs = ((_known(step.field, each, interface), act) for each, act in step.entries)
        entries = tuple((among, act) for among, act in pairs if among is not None)
        return dataclasses.replace(step, entries=entries) if entries else None
    return step


def _known(field: rules.Field, among: values.Among, interface: str) -> values.Among | None:
    """Return the values with the interface; None where there are none."""
    own = values.Names((interface,))
    if isinstance(among, values.Names):
        return own if interface in among else None
    if not isinstance(among, values.Rows) or not isinstance(field, rules.Joined):
        return among
    at = field.fields.index(_IIFNAME)
    rows = tuple((*r[:at], own, *r[at + 1 :]) for r in among.rows if interface in r[at])
    return values.Rows(rows) if rows else None


def _for_all(chains: Mapping[str, _Sorted]) -> list[str]:
    return [name for name, each in chains.items() if each.chain.hook and each.concerns_all]


def _by_interface(chains: Mapping[str, _Sorted]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, each in chains.items():
        if each.chain.hook is not None:
            for interface in each.by_interface:
                found.setdefault(interface, []).append(name)
    return found


def _targets(chain: rules.Chain) -> Iterator[str]:
    for rule in chain.rules:
        for step in rule.steps:
            if isinstance(step, rules.Action) and step.target:
                yield step.target
            if isinstance(step, rules.VerdictMap):
                yield from (action.target for _, action in step.entries if action.target)
