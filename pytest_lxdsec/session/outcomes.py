"""A control's answer to a `Result`, and a `Result` to pytest's outcome.

Setup is where a control is judged: what cannot be told is then an error in every report, and
what is wrong a failure. The test's body only tells the result that setup has found.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from .. import printable
from ..control import Control, Severity
from ..errors import LxdsecError
from ..guide import sections
from ..verdict import (
    CannotTell,
    Finding,
    Manual,
    NotApplicable,
    NotAssessed,
    Outcome,
    Remedy,
    Verdict,
)
from .subjects import Subject

SKIPPED = {
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.MANUAL: "manual",
    Outcome.NOT_ASSESSED: "not assessed",
}
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
        """The first line: the reason, the guide's section and its URL."""
        where = f"{sections.GUIDE} › {self.control.section_path}"  # noqa: RUF001 - as menus do
        if not self.control.guide_url:
            where = f"section {self.control.section_path}"
        what = printable.printable(f"{self.subject}: {self.reason}")
        return " — ".join(part for part in (what, where, self.control.guide_url) if part)

    @property
    def text(self) -> str:
        """The whole finding for people: `<failure>`'s body, line by line."""
        lines = [f"control:  {self.control.id} ({self.control.severity.value})"]
        lines += [f"          {self.control.title}", f"host:     {self.host}"]
        if self.finding is not None:
            lines += _finding_lines(self.finding)
        return "\n".join([self.headline, "", *map(printable.printable, lines)])


def _finding_lines(finding: Finding) -> list[str]:
    remedy = finding.remedy
    objects = "1 object" if remedy.touches == 1 else f"{remedy.touches} objects"
    lines = [
        f"observed: {finding.observed}",
        *(f"          - {detail}" for detail in finding.details),
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
    except tuple(ANSWERS) as answer:
        return result(*of_answer(answer))
    except PYTEST_OUTCOMES as outcome:
        return result(Outcome.ERROR, f"cannot tell: the control ended by {_no_answer(outcome)}")
    except Exception as error:  # noqa: BLE001 - the one place: a broken control is never a pass
        return result(Outcome.ERROR, f"cannot tell: the control itself failed: {_crash(error)}")
    return _judged(control, subject, verdict)


def of_answer(answer: Exception) -> tuple[Outcome, str]:
    """Return the outcome that one of `ANSWERS` stands for, and why."""
    outcome = next(outcome for kind, outcome in ANSWERS.items() if isinstance(answer, kind))
    return outcome, f"cannot tell: {answer}" if outcome is Outcome.ERROR else str(answer)


def _ask(control: Control, subject: Subject, arguments: Mapping[str, object]) -> Verdict:
    if subject.problem is not None:
        raise subject.problem
    return control.judge(**arguments)


def _judged(control: Control, subject: Subject, verdict: object) -> Result:
    if not isinstance(verdict, Verdict) or not _is_well_formed(verdict):
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


def _is_well_formed(verdict: Verdict) -> bool:
    """Return whether it says what was seen; a site's own control may have made it of anything."""
    finding = verdict.finding
    if finding is None:
        return _are_texts(verdict.observations)
    if not isinstance(finding, Finding) or not isinstance(finding.remedy, Remedy):
        return False
    remedy = finding.remedy
    said = (finding.observed, finding.expected, finding.origin, remedy.command)
    for several in (finding.details, finding.lasting):
        if several != () and not _are_texts(several):
            return False
    return _are_texts(said) and isinstance(remedy.touches, int) and isinstance(remedy.note, str)


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
def told() -> Iterator[None]:
    """Inside, what a test could not see ends it with the reason, and without a traceback."""
    try:
        yield
    except tuple(ANSWERS) as answer:
        outcome, reason = of_answer(answer)
        raise _ending(outcome, printable.printable(reason)) from None


def _ending(outcome: Outcome, text: str) -> BaseException:
    """Return what ends a test that has neither passed nor failed."""
    if outcome in SKIPPED:
        return pytest.skip.Exception(f"{SKIPPED[outcome]}: {text}")
    return pytest.fail.Exception(text, pytrace=False)


def tolerate_below(result: Result, threshold: Severity | None) -> Result:
    """Return a failure that `--lxd-fail-on` reports without failing the run."""
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
    """Return a failure that the site has accepted; `text` says why and until when."""
    return _tolerated(result, Outcome.WAIVED, text)


def tolerate_known(result: Result, why: str) -> Result:
    """Return a failure that an earlier run has found; `why` says so."""
    return result if result.tolerated else _tolerated(result, Outcome.FAIL, why)


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
        raise _ending(result.outcome, result.text)
    if result.outcome in SKIPPED:
        raise _ending(result.outcome, printable.printable(result.reason))


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
        pytest.xfail(f"{printable.printable(result.tolerated)}: {result.headline}")
    # Reached with --runxfail too, which makes pytest.xfail do nothing: then it fails.
    pytest.fail(result.text, pytrace=False)
