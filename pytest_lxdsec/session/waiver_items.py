"""The audit of waivers as tests of the run: judged when all controls are, told as any test is.

They are no items: an item runs in one process of several, and knows nothing of the others'
results. So the process that hears of all results judges them after the last, and tells pytest of
each by the reports that an item would have had: in JUnit, in the counts and in the exit status.
"""

from __future__ import annotations

import collections
import datetime
import difflib
import fnmatch
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest

from .. import printable
from ..policy import waiver_audit
from ..policy.waiver_audit import Covered, Judged
from ..policy.waivers import Waiver
from ..reports.document import Result
from ..verdict import CannotTell
from . import subjects
from .audit import Audit
from .hosts import Host
from .record import Record
from .selection import Objects

NAME = "lxd-waiver"


def judge(made: Audit, records: Sequence[Record]) -> tuple[Judged, ...]:
    """Audit the policy's waivers as of the evidence's day; without any, as of today."""
    days = [host.evidence.now.date() for host in made.hosts if host.evidence]
    today = made.day or datetime.datetime.now(datetime.UTC).date()
    look = _Look(made, records)
    on = max(days, default=today)
    return waiver_audit.audit(made.policy.waivers, on=on, covered=look.covered)


class _Look:
    """What waivers cover in one run."""

    def __init__(self, made: Audit, records: Iterable[Record]) -> None:
        self._hosts = made.hosts
        self._found: dict[tuple[int, str], tuple[subjects.Subject, ...]] = {}
        self._results: dict[str, list[Result]] = collections.defaultdict(list)
        for record in records:
            self._results[record.result.control].append(record.result)
        self._kinds = {control.id: control.subject for control in made.known}

    def covered(self, waiver: Waiver) -> Covered:
        """Return what a waiver speaks of."""
        hosts = [host for host in self._hosts if fnmatch.fnmatchcase(_name(host), waiver.host)]
        if not hosts:
            return Covered(objects=0, results=(), unknown=self._no_host(waiver), has_host=False)
        kind = self._kind(waiver.control)
        if not kind:
            return Covered(objects=0, results=(), unknown="its control was not run")
        objects: set[tuple[str, str]] = set()
        unknown = ""
        for host in hosts:
            found, why = self._objects(host, kind, waiver)
            objects |= found
            unknown = unknown or why
        results = tuple(
            one.verdict
            for one in self._results[waiver.control]
            if (one.host, one.subject) in objects
        )
        return Covered(objects=len(objects), results=results, unknown=unknown)

    def _no_host(self, waiver: Waiver) -> str:
        names = [_name(host) for host in self._hosts]
        near = difflib.get_close_matches(waiver.host, names, n=1)
        hint = f" (the nearest is {near[0]})" if near else ""
        said = f"no audited host is {waiver.host}{hint}"
        return printable.printable(f"{said}: correct it, unless another run audits that host")

    def _kind(self, control: str) -> str:
        """Return what a control is run for; of a site's own, as its results say."""
        for result in self._results[control][:1]:
            return result.subject.partition("/")[0]
        return self._kinds.get(control, "")

    def _objects(self, host: Host, kind: str, waiver: Waiver) -> tuple[set[tuple[str, str]], str]:
        """Return the objects of a host that a waiver covers, and why there may be more."""
        if host.evidence is None:
            return set(), printable.printable(host.error)
        found: set[tuple[str, str]] = set()
        unknown = ""
        for subject in self._subjects(host, kind):
            if subject.problem is not None and subject.id.endswith("/*"):
                if isinstance(subject.problem, CannotTell):
                    unknown = str(subject.problem)
            elif fnmatch.fnmatchcase(subject.id, waiver.subject):
                found.add((printable.printable(subject.host), printable.printable(subject.id)))
        return found, printable.printable(unknown)

    def _subjects(self, host: Host, kind: str) -> tuple[subjects.Subject, ...]:
        """Return all objects of a kind, whichever the user wants to look at in this run."""
        key = (id(host), kind)
        if key not in self._found and host.evidence is not None:
            found = subjects.of(kind, host.evidence, host.connection, Objects())
            self._found[key] = found
        return self._found[key]


def _name(host: Host) -> str:
    return host.evidence.header.target if host.evidence else host.name


def tell(session: pytest.Session, judged: Sequence[Judged]) -> None:
    """Tell pytest of each as of a test that was run."""
    session.testscollected += len(judged)
    hook = session.config.hook
    for node, one in _named(judged):
        path, line = _place(one.waiver)
        location = (path, line - 1, node.partition("::")[2])
        hook.pytest_runtest_logstart(nodeid=node, location=location)
        for report in _reports(node, location, one):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=node, location=location)


def _named(judged: Iterable[Judged]) -> Iterator[tuple[str, Judged]]:
    """Yield a name for each that another run gives it too; lines of the file move."""
    seen: collections.Counter[str] = collections.Counter()
    for one in judged:
        waiver = one.waiver
        where = "" if waiver.host == "*" else f"@{waiver.host}"
        path = pathlib.Path(_place(waiver)[0]).name
        node = printable.printable(f"{path}::{NAME}[{waiver.control}{where}:{waiver.subject}]")
        seen[node] += 1
        yield (node if seen[node] == 1 else f"{node}~{seen[node]}"), one


def _place(waiver: Waiver) -> tuple[str, int]:
    path, _, line = waiver.source.rpartition(":")
    return path, int(line)


def text(one: Judged) -> str:
    """Return what is said of a waiver in one line, with its place in the policy file."""
    waiver = one.waiver
    return printable.printable(
        f"{waiver.source}: waiver of {waiver.control} for {waiver.subject}: {one.text}"
    )


def _reports(
    node: str, location: tuple[str, int | None, str], one: Judged
) -> Iterator[pytest.TestReport]:
    outcome, longrepr = _outcome(location, one)
    told: Mapping[str, tuple[str, object]] = {
        "setup": ("passed", None),
        "call": (outcome, longrepr),
        "teardown": ("passed", None),
    }
    properties: list[tuple[str, object]] = [
        ("lxd.waiver", printable.printable(one.waiver.source)),
        ("lxd.waiver_state", one.state.value),
    ]
    for when, (result, representation) in told.items():
        yield pytest.TestReport(
            nodeid=node,
            location=location,
            keywords={},
            outcome=result,  # type: ignore[arg-type]  # a literal of three, which _outcome returns
            longrepr=representation,  # type: ignore[arg-type]  # as pytest's own reports have it
            when=when,  # type: ignore[arg-type]  # the keys above
            user_properties=properties,
        )


def _outcome(location: tuple[str, int | None, str], one: Judged) -> tuple[str, object]:
    if one.state.is_wrong:
        return "failed", text(one)
    if one.state.is_open:
        return "skipped", (location[0], (location[1] or 0) + 1, f"not assessed: {text(one)}")
    return "passed", None
