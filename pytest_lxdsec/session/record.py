"""The record of a result: plain data that travels with pytest's own report, through xdist too.

JUnit reads it as the testcase's properties; our summary reads it as a whole. Nothing is ever
told by a test's node id, which changes with the working directory. All of it is printable, since
the names in it are other people's.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from .. import control, printable
from ..control import Control
from ..reports import document, wording
from ..reports.document import Result
from ..verdict import Outcome
from . import audit, outcomes

ATTRIBUTE = "lxdsec"
PREFIX = "lxd."
VERDICT = "lxd.verdict"
SECONDS = pytest.StashKey[float]()
KEPT = pytest.StashKey[tuple[Mapping[str, Any], list[tuple[str, object]]]]()
# How a user's mark, or a fixture of theirs, keeps a control from being asked.
NOT_ASKED = (pytest.skip.Exception, pytest.xfail.Exception)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The result of one test: of a control, or of a host that could not be reached.

    Attributes:
        control: The control; None for a host that could not be reached.
        result: The result.
    """

    control: document.Control | None
    result: Result


def describe(item: pytest.Item) -> None:
    """Put what is known of a control before it is judged into its properties."""
    made = control.of(getattr(item, "function", None))
    subject = _subject(item)
    if made is None or subject is None:
        return
    others = [pair for pair in item.user_properties if not pair[0].startswith(PREFIX)]
    item.user_properties[:] = [  # anew, since a plugin may run a test once more
        *others,
        *_properties(made),
        ("lxd.host", printable.printable(subject.host)),
        ("lxd.subject", printable.printable(subject.id)),
    ]


@functools.cache  # once for each control and not for each of its results, of which all are kept
def _properties(made: Control) -> tuple[tuple[str, str], ...]:
    return (
        ("lxd.control", made.id),
        ("lxd.title", printable.printable(made.title)),
        ("lxd.severity", made.severity.value),
        ("lxd.level", made.level.value),
        ("lxd.kind", made.kind.value),
        ("lxd.section", printable.printable(made.section)),
        ("lxd.section_title", printable.printable(made.section_title)),
        ("lxd.guide_url", made.guide_url),
    )


def _subject(item: pytest.Item) -> Any:  # noqa: ANN401 - subjects.Subject, or nothing
    callspec = getattr(item, "callspec", None)
    return callspec.params.get(audit.SUBJECT) if callspec is not None else None


def conclude(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the verdict to a control's properties, once it is known.

    A result is what the control said; where the test broke off otherwise (a site's own fixture,
    say) it is an error, whatever was said before.
    """
    made = control.of(getattr(item, "function", None))
    if made is None or _subject(item) is None:
        return
    before = 0.0 if call.when == "setup" else item.stash[SECONDS]
    item.stash[SECONDS] = before + call.duration
    result = item.stash.get(audit.RESULT, None)
    if result is None or _broke_off(call, result):
        result = _without_answer(item, made, call)
        item.stash[audit.RESULT] = result
    _put_verdict(item.user_properties, result)


def _put_verdict(properties: list[tuple[str, object]], result: Result) -> None:
    properties[:] = [pair for pair in properties if pair[0] != VERDICT]
    properties.append((VERDICT, result.verdict.value))


def _broke_off(call: pytest.CallInfo[None], result: Result) -> bool:
    """Return whether an exception is not the one by which the result is told."""
    if call.excinfo is None:
        return False
    told_in = "call" if result.verdict in (Outcome.FAIL, Outcome.WAIVED) else "setup"
    return result.verdict is Outcome.PASS or call.when != told_in


def _without_answer(item: pytest.Item, made: Control, call: pytest.CallInfo[None]) -> Result:
    subject = _subject(item)
    verdict, reason = _why_no_answer(call)
    return Result(
        control=made.id,
        host=printable.printable(subject.host),
        subject=printable.printable(subject.id),
        verdict=verdict,
        reason=printable.printable(reason),
    )


def _why_no_answer(call: pytest.CallInfo[None]) -> tuple[Outcome, str]:
    error = call.excinfo.value if call.excinfo else None
    if error is None:
        return Outcome.ERROR, "cannot tell: it ended without a verdict"
    why = " ".join(str(error).split())
    if call.when == "setup" and isinstance(error, NOT_ASKED):
        prefix = f"{wording.SKIPPED[Outcome.NOT_ASSESSED]}: "
        return Outcome.NOT_ASSESSED, why.removeprefix(prefix)
    return Outcome.ERROR, f"cannot tell: {call.when}: {type(error).__name__}: {why}"


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the record on a test's last report, when all is known; xdist carries it along."""
    result = item.stash.get(audit.RESULT, None)
    if result is None:
        return
    if report.when == "call" and (marked := _as_marked(report, result)) is not result:
        item.stash[audit.RESULT] = result = marked
        _put_verdict(item.user_properties, result)
        _put_verdict(report.user_properties, result)
    # pytest keeps all reports of a test until the run ends, and these are most of each.
    keywords, properties = item.stash.setdefault(KEPT, (report.keywords, report.user_properties))
    if report.keywords == keywords:
        report.keywords = keywords
    if report.user_properties == properties:
        report.user_properties = properties
    if report.when == "teardown":
        made = control.of(getattr(item, "function", None))
        taken = item.stash[SECONDS]
        found = Record(
            control=outcomes.described(made) if made else None,
            result=dataclasses.replace(result, seconds=round(taken, 6)),
        )
        setattr(report, ATTRIBUTE, msgspec.to_builtins(found))


def _as_marked(report: pytest.TestReport, result: Result) -> Result:
    """Return a result by the user's own `xfail` mark, which changes its meaning for pytest."""
    if result.verdict is Outcome.FAIL and report.skipped:
        why = str(getattr(report, "wasxfail", "")).removeprefix("reason: ")
        return outcomes.tolerate_known(result, f"xfail: {why}" if why else "xfail")
    if result.verdict is Outcome.PASS and report.failed:  # strict
        return dataclasses.replace(
            result,
            verdict=Outcome.ERROR,
            reason=printable.printable(f"cannot tell: {' '.join(report.longreprtext.split())}"),
            finding=None,
        )
    return result


def take(report: pytest.TestReport) -> Record | None:
    """Return the record of a report; None where it has none.

    It is taken off: pytest keeps every report until the run ends, and one copy is enough.
    """
    found = vars(report).pop(ATTRIBUTE, None)
    return msgspec.convert(found, Record) if found is not None else _unreached(report)


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return the records by control, host and subject: workers of xdist end in any order."""
    return sorted(
        records, key=lambda one: (one.result.control, one.result.host, one.result.subject)
    )


def _unreached(report: pytest.TestReport) -> Record | None:
    properties = dict(report.user_properties)
    if report.when != "setup" or VERDICT not in properties or "lxd.control" in properties:
        return None
    result = Result(
        control="",
        host=str(properties["lxd.host"]),
        subject="",
        verdict=Outcome(properties[VERDICT]),
        reason=str(report.longrepr),
    )
    return Record(control=None, result=result)
