"""Two audits side by side: what is new, what is gone, what stayed, what cannot be compared.

Pure. A finding is gone only where its control has passed on its object since: where the object is
gone, where nothing could be told, or where the control asks something else by now, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .. import printable
from ..verdict import Outcome
from . import coverage, finding_identity, wording
from .baseline import asks_the_same
from .coverage import Unseen
from .document import Control, Document, Result

FINDINGS = (Outcome.FAIL, Outcome.WAIVED)
UNTOLD = (Outcome.ERROR, Outcome.NOT_ASSESSED)
NOT_PASSED = (*UNTOLD, Outcome.MANUAL)
RANKS = {outcome: rank for rank, outcome in enumerate(wording.VERDICTS)}
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A finding, what is to be said of it beside what was observed, and whether it is worse."""

    result: Result
    note: str = ""
    is_worse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of the findings.

    Attributes:
        new: They fail now, and did not before; among them what could not be told before.
        fixed: They failed, and their control passes on their object now.
        unchanged: They fail as before, or are accepted now.
        incomparable: Nobody can say, each with the reason. Those that fail now are worse, and
            those that can no longer be told; what passed before is among the latter.
        unseen: What had an answer, and has no result now.
        lost: Why hosts have no results now that were not out of reach before, or why results of
            either audit are missing.
    """

    new: tuple[Difference, ...]
    fixed: tuple[Difference, ...]
    unchanged: tuple[Difference, ...]
    incomparable: tuple[Difference, ...]
    unseen: tuple[Unseen, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """True if something may be wrong now that was not, or is not looked at any longer."""
        is_less = bool(self.lost) or any(one.is_loss for one in self.unseen)
        return bool(self.new) or is_less or any(one.is_worse for one in self.incomparable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two audits, by what is looked up in it."""

    edition: str
    controls: Mapping[str, Control]
    results: Mapping[Key, Result]
    hosts: Mapping[str, str]  # with the error of those that could not be reached

    @classmethod
    def of(cls, document: Document) -> _Side:
        return cls(
            edition=document.guide.edition,
            controls={control.id: control for control in document.controls},
            results=_worst(document.results),
            hosts={host.name: host.error for host in document.hosts},
        )


def _worst(results: Iterable[Result]) -> Mapping[Key, Result]:
    """Return a result for each object: a site may run a control several times on one."""
    found: dict[Key, Result] = {}
    for result in results:
        other = found.get(_key(result))
        if other is None or RANKS[result.verdict] < RANKS[other.verdict]:
            found[_key(result)] = result
    return found


def compare(old: Document, new: Document) -> Comparison:
    """Compare the findings of two audits, in the new one's order and then in the old one's."""
    before, now = _Side.of(old), _Side.of(new)
    sorted_: dict[str, list[Difference]] = {"new": [], "fixed": [], "unchanged": [], "unknown": []}
    for kind, difference in (*_now(before, now), *_gone(before, now)):
        sorted_[kind].append(difference)
    return Comparison(
        new=tuple(sorted_["new"]),
        fixed=tuple(sorted_["fixed"]),
        unchanged=tuple(sorted_["unchanged"]),
        incomparable=tuple(sorted_["unknown"]),
        unseen=tuple(coverage.unseen(old, new)),
        lost=tuple(coverage.lost(old, new)),
    )


def _key(result: Result) -> Key:
    return result.control, result.host, result.subject


def _now(before: _Side, now: _Side) -> Iterator[tuple[str, Difference]]:
    """Yield what became of that which is found now."""
    for key, result in now.results.items():
        earlier = before.results.get(key)
        was_finding = earlier is not None and earlier.verdict in FINDINGS
        if result.verdict not in FINDINGS or (
            result.verdict is Outcome.WAIVED and not was_finding
        ):
            continue
        if reason := _changed(result.control, before, now):
            is_worse = result.verdict is Outcome.FAIL
            yield "unknown", Difference(result=result, note=reason, is_worse=is_worse)
        else:
            yield _found(earlier, result)


def _changed(control: str, before: _Side, now: _Side) -> str:
    """Return why a control's answers of then and now are not about the same; "" where they are."""
    then, today = before.controls.get(control), now.controls.get(control)
    if then is None or today is None:
        return ""
    if not asks_the_same(then, today):
        return "the control has changed"
    if before.edition != now.edition:
        return f"the guide's edition is {now.edition}, and was {before.edition}"
    return ""


def _found(earlier: Result | None, result: Result) -> tuple[str, Difference]:
    if earlier is None:
        return "new", Difference(result=result, note="not looked at before")
    if earlier.verdict is Outcome.WAIVED and result.verdict is Outcome.FAIL:
        return "new", Difference(result=result, note="accepted before")
    if earlier.verdict not in FINDINGS:
        return "new", Difference(
            result=result, note=f"before: {wording.VERDICTS[earlier.verdict]}"
        )
    more = finding_identity.more(earlier, result)
    if more and result.verdict is Outcome.FAIL:  # what is accepted may change
        return "new", Difference(result=result, note=f"not before: {', '.join(more)}")
    return "unchanged", Difference(result=result, note=result.tolerated)


def _gone(before: _Side, now: _Side) -> Iterator[tuple[str, Difference]]:
    """Yield what became of that which was found then, and is not now."""
    for key, earlier in before.results.items():
        later = now.results.get(key)
        is_untold = later is not None and later.verdict in UNTOLD
        if earlier.verdict is Outcome.PASS and later and later.verdict in NOT_PASSED:
            note = f"before: pass, now: {wording.VERDICTS[later.verdict]}"
            yield "unknown", Difference(result=later, note=note, is_worse=is_untold)
        if earlier.verdict not in FINDINGS or (later and later.verdict in FINDINGS):
            continue
        reason = _changed(earlier.control, before, now) or _unseen(earlier, later, now)
        result, note = _as_of_now(earlier, later), reason or _why(later)
        yield (
            ("unknown" if reason else "fixed"),
            Difference(result=result, note=note, is_worse=is_untold),
        )


def _as_of_now(earlier: Result, later: Result | None) -> Result:
    """Return what stands for a finding that is gone: its present result, if there is one."""
    return later if later is not None else _undecided(earlier)


def _undecided(earlier: Result) -> Result:
    return Result(
        control=earlier.control,
        host=earlier.host,
        subject=earlier.subject,
        verdict=Outcome.NOT_ASSESSED,
        reason=earlier.reason,
    )


def _unseen(earlier: Result, later: Result | None, now: _Side) -> str:
    """Return why it is not known whether a finding is gone; "" where it is known."""
    if later is None:
        if earlier.host not in now.hosts:
            return "its host was not audited"
        if now.hosts[earlier.host]:
            return "its host could not be reached"
        if earlier.control not in now.controls:
            return "its control was not run"
        return "its object is gone, or was not looked at"
    if later.verdict is not Outcome.PASS:
        return f"now: {wording.VERDICTS[later.verdict]}"
    return ""


def _why(later: Result | None) -> str:
    return later.reason if later is not None else ""


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the comparison for people; what stands in reports is other people's words."""
    yield from map(printable.printable, _lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield from comparison.lost
    parts = {
        "new": comparison.new,
        "cannot be compared": comparison.incomparable,
        "fixed": comparison.fixed,
    }
    for title, found in parts.items():
        yield from _part(title, found)
    if comparison.unseen:
        yield "no longer looked at:"
        yield from (f"  {one.text}" for one in comparison.unseen)
        yield ""
    counts = [f"{len(found)} {title}" for title, found in parts.items()]
    counts += [f"{len(comparison.unchanged)} unchanged"]
    yield ", ".join([*counts, f"{len(comparison.unseen)} no longer looked at"])


def _part(title: str, found: Iterable[Difference]) -> Iterator[str]:
    listed = list(found)
    if not listed:
        return
    yield f"{title}:"
    for one in listed:
        result = one.result
        note = f" ({one.note})" if one.note and one.note != result.reason else ""
        yield f"  {result.control} {result.host} {result.subject}: {result.reason}{note}"
    yield ""
