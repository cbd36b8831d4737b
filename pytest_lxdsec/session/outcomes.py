"""From a control's answer to a result, and from a result to pytest's outcome.

A control is judged in the setup phase: "cannot tell" is then an error in every report, and a
finding is a failure. The test's body only passes on the result that setup has found.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import traceback
from collections.abc import Iterator, Mapping
from typing import NoReturn

import pytest

from .. import printable
from ..control import Control, Severity
from ..errors import LxdsecError
from ..guide import sections
from ..reports import document, wording
from ..reports.document import Result
from ..verdict import (
    CannotTell,
    Finding,
    Manual,
    NotApplicable,
    NotAssessed,
    Outcome,
    Verdict,
)
from .subjects import Subject

# What a control, a fixture or a site's own test may raise instead of an answer; the narrower
# type first.
ANSWERS: Mapping[type[Exception], Outcome] = {
    NotAssessed: Outcome.NOT_ASSESSED,
    CannotTell: Outcome.ERROR,
    NotApplicable: Outcome.NOT_APPLICABLE,
    Manual: Outcome.MANUAL,
    LxdsecError: Outcome.ERROR,  # a live host that went away
}
# What pytest.skip, pytest.fail and pytest.xfail raise: no Exceptions, and no verdicts.
PYTEST_OUTCOMES = (pytest.skip.Exception, pytest.fail.Exception, pytest.xfail.Exception)


def evaluate(control: Control, subject: Subject, arguments: Mapping[str, object]) -> Result:
    """Run a control's judgement and return its result, whatever happens."""

    def result(verdict: Outcome, reason: str, finding: Finding | None = None) -> Result:
        return Result(
            control=control.id,
            host=printable.printable(subject.host),
            subject=printable.printable(subject.id),
            verdict=verdict,
            reason=printable.printable(reason),
            finding=finding,
        )

    try:
        verdict: object = _ask(control, subject, arguments)
    except tuple(ANSWERS) as answer:
        return result(*of_answer(answer))
    except PYTEST_OUTCOMES as outcome:
        return result(Outcome.ERROR, f"cannot tell: the control ended by {_no_answer(outcome)}")
    except Exception as error:  # noqa: BLE001 - the one place: a broken control is never a pass
        return result(Outcome.ERROR, f"cannot tell: the control itself failed: {_crash(error)}")
    if not isinstance(verdict, Verdict) or not _is_well_formed(verdict):
        kind = type(verdict).__name__
        why = f"cannot tell: the control returned {kind}, not a verdict with an observation"
        return result(Outcome.ERROR, why)
    reason = "; ".join(verdict.observations)
    return result(verdict.outcome, reason, verdict.finding and _printable(verdict.finding))


def of_answer(answer: Exception) -> tuple[Outcome, str]:
    """Return the outcome that one of `ANSWERS` stands for, and why."""
    outcome = next(outcome for kind, outcome in ANSWERS.items() if isinstance(answer, kind))
    return outcome, f"cannot tell: {answer}" if outcome is Outcome.ERROR else str(answer)


def _ask(control: Control, subject: Subject, arguments: Mapping[str, object]) -> Verdict:
    if subject.problem is not None:
        raise subject.problem
    return control.judge(**arguments)


def _is_well_formed(verdict: Verdict) -> bool:
    """Return whether the verdict has observations; a site's own control may return anything."""
    finding = verdict.finding
    if finding is None:
        return _are_texts(verdict.observations)
    if not isinstance(finding, Finding):
        return False
    needed = (*verdict.observations, finding.observed, finding.expected, finding.origin)
    for several in (finding.details, finding.lasting):
        if several != () and not _are_texts(several):
            return False
    is_remedy = isinstance(finding.touches, int) and isinstance(finding.note, str)
    return _are_texts((*needed, finding.repair)) and is_remedy


def _printable(finding: Finding) -> Finding:
    return Finding(
        observed=printable.printable(finding.observed),
        expected=printable.printable(finding.expected),
        origin=printable.printable(finding.origin),
        repair=printable.printable(finding.repair),
        touches=finding.touches,
        note=printable.printable(finding.note),
        details=tuple(map(printable.printable, finding.details)),
        lasting=tuple(map(printable.printable, finding.lasting)),
    )


def _are_texts(values: object) -> bool:
    if not isinstance(values, tuple):
        return False
    return bool(values) and all(isinstance(one, str) and one.strip() for one in values)


def _no_answer(outcome: BaseException) -> str:
    kind, text = type(outcome).__name__, " ".join(str(outcome).split())
    return f"{kind} ({text}), which is no answer: raise NotApplicable, Manual or CannotTell"


def _crash(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())} at {place}"


@contextlib.contextmanager
def as_pytest_outcome() -> Iterator[None]:
    """Turn `CannotTell` and its kin into pytest outcomes without a traceback."""
    try:
        yield
    except tuple(ANSWERS) as answer:
        outcome, reason = of_answer(answer)
        raise _ending(outcome, printable.printable(reason)) from None


def _ending(outcome: Outcome, text: str) -> BaseException:
    """Return the exception that ends a test which has neither passed nor failed."""
    if outcome in wording.SKIPPED:
        return pytest.skip.Exception(f"{wording.SKIPPED[outcome]}: {text}")
    return pytest.fail.Exception(text, pytrace=False)


def tolerate_below(result: Result, severity: Severity, threshold: Severity | None) -> Result:
    """Tolerate a failure that `--lxd-fail-on` reports without failing the run."""
    if threshold is None or result.verdict is not Outcome.FAIL or severity.rank <= threshold.rank:
        return result
    why = f"reported only: {severity.value} is below --lxd-fail-on={threshold.value}"
    return dataclasses.replace(result, tolerated=why)


def waive(result: Result, text: str) -> Result:
    """Waive a failure that the site has accepted; `text` gives the reason and the end date."""
    tolerated = printable.printable(text)
    return dataclasses.replace(result, verdict=Outcome.WAIVED, tolerated=tolerated)


def tolerate_known(result: Result, why: str) -> Result:
    """Tolerate a failure that an earlier run has found; `why` says so."""
    tolerated = result.tolerated or printable.printable(why)
    return dataclasses.replace(result, verdict=Outcome.FAIL, tolerated=tolerated)


@functools.cache  # once for each control and not for each of its results
def described(control: Control) -> document.Control:
    """Return a control as reports describe it."""
    return document.Control(
        id=control.id,
        title=printable.printable(control.title),
        severity=control.severity,
        level=control.level,
        kind=control.kind,
        section=printable.printable(control.section),
        rationale=printable.printable(control.rationale),
    )


def text(result: Result, control: Control) -> str:
    """Return the whole result for people, as pytest prints it."""
    made = described(control)
    return wording.text(result, made, document.section(made.section), sections.GUIDE)


def raise_in_setup(result: Result, control: Control) -> None:
    """End a test in its setup if there is nothing to pass or fail."""
    if result.verdict is Outcome.ERROR:
        raise _ending(result.verdict, text(result, control))
    if result.verdict in wording.SKIPPED:
        raise _ending(result.verdict, result.reason)


def raise_in_call(result: Result, control: Control) -> None:
    """Pass or fail a test in its call.

    Raises:
        AssertionError: the result is neither; a bug of ours.
    """
    match result.verdict:
        case Outcome.PASS:
            return
        case Outcome.FAIL | Outcome.WAIVED:
            _fail(result, control)
        case _:
            raise AssertionError(result.verdict)


def _fail(result: Result, control: Control) -> NoReturn:
    if result.tolerated:
        section = document.section(described(control).section)
        first = wording.headline(result, section, sections.GUIDE)
        pytest.xfail(f"{result.tolerated}: {first}")
    # Reached with --runxfail too, which makes pytest.xfail do nothing: then it fails.
    pytest.fail(text(result, control), pytrace=False)
