"""One chain on one packet: every end that is possible.

Where a condition is not known, the rule is both taken and not taken. The two worlds are joined
again behind the rule: what they disagree about is not known any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from ..model import fields, packet, rules
from ..model.rules import Kind

FINAL = (Kind.ACCEPT, Kind.DROP, Kind.STOLEN, Kind.BROUTED)
_DEEPEST = 16  # NFT_JUMP_STACK_SIZE
_MOST = 200_000  # rules looked at for one packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One possible end of a chain: a final verdict, or RETURN where its end was reached.

    Attributes:
        kind: ACCEPT, DROP, BROUTED or RETURN.
        state: What the packet is by then.
        rule: Who said so.
        doubt: What was not known on the way to it; "" where all was.
    """

    kind: Kind
    state: fields.State
    rule: rules.Rule | None = None
    doubt: str = ""


def run(
    table: rules.Table, chain: rules.Chain, seen: packet.Packet, state: fields.State
) -> list[Witness]:
    """Return every possible end, the first of each kind, at least one."""
    return _Run(table=table, seen=seen).chain(chain, state, "", 0)


def joined(states: Iterable[fields.State]) -> fields.State:
    """Return what is known whichever of these states it is."""
    first, *others = states
    for other in others:
        if other != first:
            first = _join(first, other)
    return first


def _join(one: fields.State, other: fields.State) -> fields.State:
    keys = {*one.marks, *other.marks}
    marks = {key: value for key in sorted(keys) if (value := one.marks.get(key)) is not None
             and value == other.marks.get(key)}  # fmt: skip
    altered = one.altered or other.altered
    if (one.destination, one.port, one.is_local) != (
        other.destination,
        other.port,
        other.is_local,
    ):
        altered = altered or "whether its destination is translated is not known"
    if one.is_untracked != other.is_untracked:
        altered = altered or "whether it is tracked is not known"
    unknown: dict[str, int | None] = dict.fromkeys(keys - set(marks))
    return dataclasses.replace(one, marks={**marks, **unknown}, altered=altered)


@dataclass(slots=True, kw_only=True)
class _Run:
    table: rules.Table
    seen: packet.Packet
    looked_at: int = 0

    def chain(
        self, chain: rules.Chain, state: fields.State, doubt: str, depth: int
    ) -> list[Witness]:
        ends: list[Witness] = []
        if depth > _DEEPEST:
            return _anything(state, None, "its jumps nest deeper than the kernel allows")
        for rule in chain.rules:
            self.looked_at += 1
            if self.looked_at > _MOST:
                return [*ends, *_anything(state, rule, "too many rules to follow")]
            outcome = self._rule(rule, state, doubt, depth)
            _add(ends, outcome.ends)
            if outcome.beyond is None:
                return ends
            state, doubt = outcome.beyond, outcome.doubt
        _add(ends, [Witness(kind=Kind.RETURN, state=state, doubt=doubt)])
        return ends

    def _rule(self, rule: rules.Rule, state: fields.State, doubt: str, depth: int) -> _Outcome:
        """Run the steps; `unsure` is why the rule may be skipped from some step on."""
        before, unsure = state, ""
        ends: list[Witness] = []
        beyond: fields.State | None = state
        for step in rule.steps:
            if isinstance(step, rules.Match):
                answer = holds(step, self.seen, state)
                if answer is False:
                    break
                unsure = unsure or (answer if isinstance(answer, str) else "")
                continue
            outcome = self._step(step, rule, state, doubt or unsure, depth)
            _add(ends, outcome.ends)
            beyond, unsure = outcome.beyond, unsure or outcome.unsure
            doubt = doubt or outcome.doubt
            if beyond is None or outcome.is_over:
                break
            state = beyond
        if unsure:
            beyond = before if beyond is None else joined([before, beyond])
        return _Outcome(ends=ends, beyond=beyond, doubt=doubt or unsure)

    def _step(  # noqa: PLR0911 - one for each kind
        self, step: rules.Statement, rule: rules.Rule, state: fields.State, doubt: str, depth: int
    ) -> _Outcome:
        match step:
            case rules.Action():
                return self._act(step, rule, state, doubt, depth)
            case rules.VerdictMap():
                return self._map(step, rule, state, doubt, depth)
            case rules.AmbiguousMatch(readings=readings, text=text):
                answers = {holds(reading, self.seen, state) for reading in readings}
                if answers == {False}:
                    return _Outcome(beyond=state, is_over=True)
                unsure = "" if answers == {True} else f"{text} is not printed, and it decides"
                return _Outcome(beyond=state, unsure=unsure)
            case rules.UnknownCondition(text=text):
                return _Outcome(beyond=state, unsure=f"{text} is not modelled")
            case rules.UnknownStatement(text=text):
                why = doubt or f"{text} is not modelled"
                return _Outcome(ends=_anything(state, rule, why), beyond=state, unsure=why)
            case _:
                return _changed(step, rule, state, doubt)

    def _act(
        self, action: rules.Action, rule: rules.Rule, state: fields.State, doubt: str, depth: int
    ) -> _Outcome:
        kind = action.kind
        if kind is Kind.CONTINUE:
            return _Outcome(beyond=state)
        if kind is Kind.STOLEN:
            why = doubt or f"{action.text}: what becomes of it then is not known"
            return _Outcome(ends=_anything(state, rule, why), beyond=None)
        if kind is Kind.BROUTED:
            why = doubt or f"{action.text}: it goes another way, past the rules that follow"
            return _Outcome(
                ends=[Witness(kind=kind, state=state, rule=rule, doubt=why)], beyond=None
            )
        if kind not in {Kind.JUMP, Kind.GOTO}:
            end = Witness(kind=kind, state=state, rule=rule, doubt=doubt)
            return _Outcome(ends=[end], beyond=None)
        target = self.table.chain(action.target)
        if target is None:
            why = doubt or f"chain {action.target} is not in the listing"
            return _Outcome(ends=_anything(state, rule, why), beyond=state, doubt=why)
        return self._call(kind, self.chain(target, state, doubt, depth + 1))

    @staticmethod
    def _call(kind: Kind, ends: list[Witness]) -> _Outcome:
        back = next((end for end in ends if end.kind is Kind.RETURN), None)
        if back is None or kind is Kind.GOTO:
            return _Outcome(ends=ends, beyond=None)
        final = [end for end in ends if end.kind is not Kind.RETURN]
        doubt = back.doubt or next((end.doubt for end in final if end.doubt), "")
        return _Outcome(ends=final, beyond=back.state, doubt=doubt, is_over=True)

    def _map(
        self,
        step: rules.VerdictMap,
        rule: rules.Rule,
        state: fields.State,
        doubt: str,
        depth: int,
    ) -> _Outcome:
        value = fields.read(step.field, self.seen, state)
        if isinstance(value, fields.Unsure):
            why = doubt or value.reason
            outcomes = [self._act(act, rule, state, why, depth) for _, act in step.entries]
            ends = [end for outcome in outcomes for end in outcome.ends]
            beyond = joined([state, *(o.beyond for o in outcomes if o.beyond is not None)])
            return _Outcome(ends=ends, beyond=beyond, unsure=why)
        for among, action in step.entries:
            if value in among:
                return self._act(action, rule, state, doubt, depth)
        return _Outcome(beyond=state, is_over=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a step, or a rule, leaves.

    Attributes:
        ends: The ends that are possible.
        beyond: The state that goes on; None: nothing goes on.
        doubt: What was not known, to be told if what follows decides.
        unsure: Why the rule may as well be skipped.
        is_over: Whether the rule ends here, and the next one follows.
    """

    ends: Iterable[Witness] = ()
    beyond: fields.State | None
    doubt: str = ""
    unsure: str = ""
    is_over: bool = False


def holds(match: rules.Match, seen: packet.Packet, state: fields.State) -> bool | str:
    """Return whether a condition holds; the reason as text where that cannot be known."""
    value = fields.read(match.field, seen, state)
    if value is fields.ABSENT:
        return False
    if isinstance(value, fields.Unsure):
        return value.reason
    return (value in match.among) is not match.negated


def _anything(state: fields.State, rule: rules.Rule | None, doubt: str) -> list[Witness]:
    kinds = (Kind.ACCEPT, Kind.DROP, Kind.RETURN)
    return [Witness(kind=kind, state=state, rule=rule, doubt=doubt) for kind in kinds]


def _changed(step: rules.Statement, rule: rules.Rule, state: fields.State, doubt: str) -> _Outcome:
    match step:
        case rules.SetMark(key=key, value=value):
            return _Outcome(beyond=dataclasses.replace(state, marks={**state.marks, key: value}))
        case rules.Modify(text=text):
            return _Outcome(
                beyond=dataclasses.replace(state, altered=f"{text} changes the packet")
            )
        case rules.Untrack():
            return _Outcome(beyond=dataclasses.replace(state, is_untracked=True))
        case rules.Translate():
            after = _translated(step, state)
            end = Witness(kind=Kind.ACCEPT, state=after, rule=rule, doubt=doubt)
            return _Outcome(ends=[end], beyond=None)
        case _:
            raise AssertionError(step)


def _translated(step: rules.Translate, state: fields.State) -> fields.State:
    if not step.is_known:
        return dataclasses.replace(state, altered="where it is translated to is not known")
    return dataclasses.replace(
        state,
        destination=step.address if step.address is not None else state.destination,
        port=step.port if step.port is not None else state.port,
        is_local=step.is_local or (state.is_local and step.address is None),
    )


def _add(ends: list[Witness], more: Iterable[Witness]) -> None:
    """Keep the first of each kind, and of a kind a sure one; states are joined."""
    for end in more:
        at = next((i for i, known in enumerate(ends) if known.kind is end.kind), None)
        if at is None:
            ends.append(end)
        else:
            state = joined([ends[at].state, end.state])
            ends[at] = dataclasses.replace(ends[at], state=state)
