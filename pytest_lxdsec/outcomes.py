"""A control's answer to a `Result`, and a `Result` to pytest's outcome.

Setup is where a control is judged: what cannot be told is then an error in every report, and
what is wrong a failure. The test's body only tells the result that setup has found.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from .control import Control, Severity
from .guide import sections
from .subjects import Subject
from .verdict import (
    CannotTell,
    Finding,
    Manual,
    NotApplicable,
    NotAssessed,
    Outcome,
    Verdict,
)

SKIPPED = {
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.MANUAL: "manual",
    Outcome.NOT_ASSESSED: "not assessed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one control on one subject.

    Attributes:
        reason: Why it passed, was skipped, or could not be told; of a finding, what was seen.
        tolerated: Why a failure does not fail the run; "" where it does.
    """

    control: Control
    host: str
    subject: str
    outcome: Outcome
    reason: str
    finding: Finding | None = None
    tolerated: str = ""
    observations: tuple[str, ...] = field(default=())

    @property
    def headline(self) -> str:
        """What is the case, where the guide speaks of it, and the link: the first line."""
        where = f"{sections.GUIDE} › {self.control.section_path}"  # noqa: RUF001 - as menus do
        if not self.control.guide_url:
            where = f"section {self.control.section_path}"
        parts = (f"{self.subject}: {self.reason}", where, self.control.guide_url)
        return " — ".join(part for part in parts if part)

    @property
    def text(self) -> str:
        """The whole finding for people: `<failure>`'s body, line by line."""
        lines = [self.headline, ""]
        lines += [f"control:  {self.control.id} ({self.control.severity.value})"]
        lines += [f"          {self.control.title}", f"host:     {self.host}"]
        if self.finding is not None:
            lines += _finding_lines(self.finding)
        return "\n".join(lines)


def _finding_lines(finding: Finding) -> list[str]:
    remedy = finding.remedy
    objects = "1 object" if remedy.touches == 1 else f"{remedy.touches} objects"
    lines = [
        f"observed: {finding.observed}",
        f"expected: {finding.expected}",
        f"from:     {finding.origin}",
        f"repair:   {remedy.command}",
        f"          changes {objects}",
    ]
    return [*lines, f"          {remedy.note}"] if remedy.note else lines


def evaluate(control: Control, subject: Subject, arguments: Mapping[str, object]) -> Result:
    """Run a control's judgement; whatever it does, there is a result."""

    def result(outcome: Outcome, reason: str) -> Result:
        return Result(
            control=control, host=subject.host, subject=subject.id, outcome=outcome, reason=reason
        )

    try:
        verdict = _ask(control, subject, arguments)
    except NotAssessed as answer:
        return result(Outcome.NOT_ASSESSED, str(answer))
    except CannotTell as answer:
        return result(Outcome.ERROR, f"cannot tell: {answer}")
    except NotApplicable as answer:
        return result(Outcome.NOT_APPLICABLE, str(answer))
    except Manual as answer:
        return result(Outcome.MANUAL, str(answer))
    except Exception as error:  # noqa: BLE001 - the one place: a broken control is never a pass
        return result(Outcome.ERROR, f"cannot tell: the control itself failed: {_crash(error)}")
    return _judged(control, subject, verdict)


def _ask(control: Control, subject: Subject, arguments: Mapping[str, object]) -> Verdict:
    if subject.problem is not None:
        raise subject.problem
    return control.judge(**arguments)


def _judged(control: Control, subject: Subject, verdict: object) -> Result:
    if not isinstance(verdict, Verdict) or not verdict.observations:
        kind = type(verdict).__name__
        return Result(
            control=control,
            host=subject.host,
            subject=subject.id,
            outcome=Outcome.ERROR,
            reason=f"cannot tell: the control returned {kind}, not a verdict with an observation",
        )
    return Result(
        control=control,
        host=subject.host,
        subject=subject.id,
        outcome=verdict.outcome,
        reason="; ".join(verdict.observations),
        finding=verdict.finding,
        observations=verdict.observations,
    )


def _crash(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())} at {place}"


def tell_problem(problem: Exception) -> NoReturn:
    """End a test that is no control, since its subject cannot be had."""
    kinds = {NotApplicable: Outcome.NOT_APPLICABLE, NotAssessed: Outcome.NOT_ASSESSED}
    if type(problem) in kinds:
        pytest.skip(f"{SKIPPED[kinds[type(problem)]]}: {problem}")
    pytest.fail(f"cannot tell: {problem}", pytrace=False)


def tolerate_below(result: Result, threshold: Severity | None) -> Result:
    """A failure that `--lxd-fail-on` reports without failing the run."""
    if threshold is None or result.outcome is not Outcome.FAIL:
        return result
    severity = result.control.severity
    if severity.rank <= threshold.rank:
        return result
    return _tolerated(
        result,
        Outcome.FAIL,
        f"reported only: {severity.value} is below --lxd-fail-on={threshold.value}",
    )


def waive(result: Result, text: str) -> Result:
    """A failure that the site has accepted; `text` says why and until when."""
    return _tolerated(result, Outcome.WAIVED, text)


def _tolerated(result: Result, outcome: Outcome, why: str) -> Result:
    return Result(
        control=result.control,
        host=result.host,
        subject=result.subject,
        outcome=outcome,
        reason=result.reason,
        finding=result.finding,
        tolerated=why,
        observations=result.observations,
    )


def tell_setup(result: Result) -> None:
    """End a test in its setup where there is nothing to pass or fail."""
    if result.outcome is Outcome.ERROR:
        pytest.fail(result.text, pytrace=False)
    if result.outcome in SKIPPED:
        pytest.skip(f"{SKIPPED[result.outcome]}: {result.reason}")


def tell_call(result: Result) -> None:
    """Pass or fail a test in its call.

    Raises:
        AssertionError: there is nothing to tell; a bug of ours.
    """
    match result.outcome:
        case Outcome.PASS:
            return
        case Outcome.FAIL | Outcome.WAIVED:
            _fail(result)
        case _:
            raise AssertionError(result.outcome)


def _fail(result: Result) -> NoReturn:
    if result.tolerated:
        pytest.xfail(f"{result.tolerated}: {result.headline}")
    # Reached with --runxfail too, which makes pytest.xfail do nothing: then it fails.
    pytest.fail(result.text, pytrace=False)
