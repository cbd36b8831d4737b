"""What a rule set does to a packet: accepted, dropped, or not to be known.

Base chains run by priority; accept ends its base chain only, drop is final. A condition that is
not known makes two worlds, and the answer is known only where both end alike.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..model import fields, packet, rules
from ..model.rules import Kind
from . import chains

# The chains that a packet for this host meets, in their order: `path`.
INPUT = ("ingress", "prerouting", "input")
FORWARD = ("ingress", "prerouting", "forward", "postrouting")
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "bridge": ("bridge",),
    "ip": ("ip", "inet"),
    "ip6": ("ip6", "inet"),
    "netdev": ("netdev", "inet"),
}
_TRACKING = -200  # NF_IP_PRI_CONNTRACK: before it, a packet has no state
_TRANSLATES = (rules.Translate, rules.SetMark, rules.Modify, rules.Untrack)


class Decision(enum.Enum):
    """What becomes of the packet."""

    ACCEPT = "accept"
    DROP = "drop"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a packet, and why.

    Attributes:
        decision: UNKNOWN where what is not modelled decides.
        reason: A clause for a finding: which rule, which policy, or what could not be told.
        rule: The rule that decided; None where it was a policy, or nothing at all.
        chain: `FAMILY TABLE CHAIN` of that rule or policy; "" where no chain was asked.
        state: What the rules changed: a translated destination, marks.
        is_diverted: Whether it may have gone another way, so that nothing behind can drop it.
    """

    decision: Decision
    reason: str
    rule: rules.Rule | None = None
    chain: str = ""
    state: fields.State = dataclasses.field(default=fields.FRESH, compare=False)
    is_diverted: bool = False

    @property
    def is_accepted(self) -> bool:
        """True if it surely passes."""
        return self.decision is Decision.ACCEPT

    @property
    def is_dropped(self) -> bool:
        """True if it surely does not."""
        return self.decision is Decision.DROP


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hooked:
    table: rules.Table
    chain: rules.Chain
    hook: rules.Hook


def evaluate(
    ruleset: rules.RuleSet,
    seen: packet.Packet,
    *,
    hook: str,
    family: str,
    state: fields.State = fields.FRESH,
) -> Verdict:
    """Return what the base chains of one hook do to a packet.

    Args:
        ruleset: All tables.
        seen: The packet, as it is at this hook.
        hook: `input`, `forward`, `prerouting`, `ingress`, ...
        family: `bridge`, `ip`, `ip6` (each of these two with `inet`) or `netdev`.
        state: What earlier hooks changed.
    """
    passed: list[Verdict] = []
    doubt: Verdict | None = None
    for peers in _by_priority(ruleset, seen, hook, family):
        is_contested = len(peers) > 1 and any(_changes(each) for each in peers)
        for hooked in peers:
            state = _forget(state) if is_contested else state
            verdict = _base_chain(hooked, seen, _tracked(state, hook, hooked.hook.priority))
            if verdict.is_dropped or verdict.is_diverted:
                return verdict
            state = verdict.state
            passed.append(verdict)
            if verdict.decision is Decision.UNKNOWN:
                doubt = doubt or verdict
    return _with_state(doubt or _decisive(passed), state)


def path(ruleset: rules.RuleSet, seen: packet.Packet, *, hooks: Iterable[str] = INPUT) -> Verdict:
    """Return what all hooks on a packet's way do to it, translations in between included."""
    passed: list[Verdict] = []
    doubt: Verdict | None = None
    state = fields.FRESH
    for hook in hooks:
        family = "bridge" if seen.is_bridged else seen.family
        family = "netdev" if hook == "ingress" else family
        verdict = evaluate(ruleset, seen, hook=hook, family=family, state=state)
        if verdict.is_dropped or verdict.is_diverted:
            return verdict
        state = verdict.state
        passed.append(verdict)
        if verdict.decision is Decision.UNKNOWN:
            doubt = doubt or verdict
    return _with_state(doubt or _decisive(passed), state)


def _with_state(verdict: Verdict, state: fields.State) -> Verdict:
    return verdict if verdict.state is state else dataclasses.replace(verdict, state=state)


def _decisive(passed: list[Verdict]) -> Verdict:
    """Return the verdict to name for a packet that all let pass.

    The last that had a rule for it.
    """
    by_rule = [verdict for verdict in passed if verdict.rule is not None]
    if by_rule:
        return by_rule[-1]
    asked = [verdict for verdict in passed if verdict.chain]
    if not asked:
        return Verdict(decision=Decision.ACCEPT, reason="no chain asks")
    names = ", ".join(verdict.chain for verdict in asked)
    reason = f"no rule of {names} matches, and the policy is accept"
    return Verdict(decision=Decision.ACCEPT, reason=reason, chain=asked[-1].chain)


def _by_priority(
    ruleset: rules.RuleSet, seen: packet.Packet, hook: str, family: str
) -> Iterator[list[_Hooked]]:
    groups: dict[int, list[_Hooked]] = {}
    for table in ruleset.tables:
        if table.family not in _FAMILIES[family] or table.is_dormant:
            continue
        if table.family == "inet" and (family == "netdev") != (hook == "ingress"):
            continue
        for chain in table.chains:
            hung = chain.hook
            if hung is None or hung.name != hook or not _is_here(hung, seen):
                continue
            groups.setdefault(hung.priority, []).append(
                _Hooked(table=table, chain=chain, hook=hung)
            )
    return (groups[priority] for priority in sorted(groups))


def _is_here(hook: rules.Hook, seen: packet.Packet) -> bool:
    return (
        hook.name not in {"ingress", "egress"} or seen.iifname in hook.devices or not hook.devices
    )


def _tracked(state: fields.State, hook: str, priority: int) -> fields.State:
    """Connection tracking hangs at prerouting with a priority of its own."""
    tracked: bool | None = hook != "ingress"
    if hook == "prerouting":
        tracked = None if priority == _TRACKING else priority > _TRACKING
    return state if state.tracked is tracked else dataclasses.replace(state, tracked=tracked)


def _changes(hooked: _Hooked) -> bool:
    every = (rule for chain in hooked.table.chains for rule in chain.rules)
    return any(isinstance(step, _TRANSLATES) for rule in every for step in rule.steps)


def _forget(state: fields.State) -> fields.State:
    """Chains of one priority run in an order that the listing does not tell."""
    marks = {"mark": None, "ct mark": None}
    return dataclasses.replace(state, marks=marks)


def _base_chain(hooked: _Hooked, seen: packet.Packet, state: fields.State) -> Verdict:
    name = f"{hooked.table.family} {hooked.table.name} {hooked.chain.name}"
    ends = chains.run(hooked.table, hooked.chain, seen, state)
    found: dict[Kind, chains.Witness] = {}
    for end in ends:
        kind = end.kind if end.kind in chains.FINAL else hooked.hook.policy
        found.setdefault(kind, end)
    doubt = hooked.table.doubt or hooked.hook.doubt
    if doubt:
        found.setdefault(Kind.ACCEPT, chains.Witness(kind=Kind.ACCEPT, state=state))
    state = chains.joined([end.state for end in ends])
    if len(found) == 1:
        [(kind, end)] = found.items()
        if kind is not Kind.BROUTED:
            return _certain(name, kind, end, state, hooked.hook)
    doubts = [end.doubt for end in ends if end.doubt] or [doubt]
    rule = next((end.rule for end in ends if end.doubt and end.rule), None)
    where = f"{name}: {rule.text}: " if rule else f"{name}: "
    return Verdict(
        decision=Decision.UNKNOWN,
        reason=where + doubts[0],
        rule=rule,
        chain=name,
        state=state,
        is_diverted=Kind.BROUTED in found,
    )


def _certain(
    name: str, kind: Kind, end: chains.Witness, state: fields.State, hook: rules.Hook
) -> Verdict:
    decision = Decision.ACCEPT if kind is Kind.ACCEPT else Decision.DROP
    if end.kind in chains.FINAL and end.rule is not None:
        reason = f"{name}: {end.rule.text}"
    else:
        reason = f"{name}: policy {hook.policy.value}"
    rule = end.rule if end.kind in chains.FINAL else None
    return Verdict(decision=decision, reason=reason, rule=rule, chain=name, state=state)
