"""What came of the tests of a run that are no controls: a site's own, and those that broke off.

A report that leaves them out looks better than the run was. Among them is a control whose process
died with it: nobody knows its verdict, so all that is left is a test that is an error.
"""

from __future__ import annotations

import re

import pytest

from .. import printable
from ..reports.document import Other, State

PREFIX = "lxd."
LONGEST = 20_000  # letters of a traceback
WORKER = re.compile(r"\A\[gw\d+\] .*\n\s*")  # of xdist, and another one in each run
RANKS = {state: rank for rank, state in enumerate(State)}


class Others:
    """Gathers them from pytest's reports."""

    def __init__(self) -> None:
        self._found: dict[str, Other] = {}

    def take(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Hear of a test, or of a file that cannot be collected; the worst of its parts holds."""
        if any(name.startswith(PREFIX) for name, _ in getattr(report, "user_properties", ())):
            return
        other = _other(report)
        before = self._found.get(report.nodeid)
        is_again = report.when == "setup"  # a plugin may run a test once more
        if before is None or is_again or RANKS[other.state] > RANKS[before.state]:
            self._found[report.nodeid] = other

    def forget(self, node: str) -> None:
        """Forget a test that turns out to be a control."""
        self._found.pop(node, None)

    def in_order(self) -> list[Other]:
        """Return all of them, whichever worker of xdist was first."""
        return [self._found[node] for node in sorted(self._found)]


def _other(report: pytest.TestReport | pytest.CollectReport) -> Other:
    state, text = _state(report), ""
    if state is not State.PASSED:
        text = "\n".join(map(printable.printable, _text(report).strip()[:LONGEST].split("\n")))
    return Other(name=_name(report.nodeid), state=state, reason=_reason(report, text), text=text)


def _state(report: pytest.TestReport | pytest.CollectReport) -> State:
    if report.failed:
        return State.FAILED if report.when == "call" else State.ERROR
    return State.SKIPPED if report.skipped else State.PASSED


def _text(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr
    if isinstance(told, tuple):  # of a skipped test: file, line and why
        return told[2].removeprefix("Skipped: ")
    return WORKER.sub("", report.longreprtext)


def _reason(report: pytest.TestReport | pytest.CollectReport, text: str) -> str:
    """Return the line of a traceback that says what is wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    told = str(getattr(crash, "message", "")) or text.rpartition("\n")[2]
    return printable.printable(told.strip().partition("\n")[0])


def _name(node: str) -> str:
    """Without directories: a test's node id is another one in another working directory."""
    path, apart, rest = node.partition("::")
    return printable.printable(f"{path.rpartition('/')[2]}{apart}{rest}")
