"""The document of an audit: one frozen value that holds whatever any report shows.

`report.json` is this value, and every other report is made from it and from nothing else. Its
shape is a contract with a version (`report.schema.json`): what changes it raises the version.
Imports the guide's data and what results are made of; knows neither pytest nor the audit.
"""

from __future__ import annotations

import collections
import datetime
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ..control import Kind, Level, Severity
from ..guide import sections
from ..policy.waiver_audit import WaiverState
from ..verdict import Finding, Outcome

FORMAT: Final = "lxdsec-report"
VERSION: Final = 1


class SectionState(enum.Enum):
    """A section in a word: the worst that was found in it."""

    FAIL = "fail"
    CANNOT_TELL = "cannot tell"
    OK = "ok"
    NOTHING_SEEN = "nothing seen to pass"


class Baseline(enum.Enum):
    """How a finding stands to the report of `--lxd-baseline`."""

    NEW = "new"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """What made the report."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What was audited against."""

    title: str
    url: str
    edition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Who was audited; with `error`, who could not be reached and why.

    `evidence` is the file that has what was seen at `taken`, where it was kept.
    """

    name: str
    error: str = ""
    lxd: str = ""
    system: str = ""
    kernel: str = ""
    taken: datetime.datetime | None = None
    evidence: str = ""
    seconds: float = 0.0
    round_trips: Mapping[str, int]
    objects: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the guide, or a site's own, with what was found in it."""

    anchor: str
    path: tuple[str, ...]
    url: str
    state: SectionState
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What was asked."""

    id: str
    title: str
    severity: Severity
    level: Level
    kind: Kind
    section: str
    rationale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The verdict of one control on one object, from its judgement to every report.

    All texts are printable: names on an audited host are not ours.

    Attributes:
        control: The control's id.
        reason: The observations, or why there is no answer.
        finding: What is wrong, for `fail` and `waived` only.
        tolerated: Why a finding does not fail the run; "" if it does.
        baseline: Whether a finding is new; None without a baseline.
        seconds: The time for setup, judgement and teardown.
    """

    control: str
    host: str
    subject: str
    verdict: Outcome
    reason: str
    finding: Finding | None = None
    tolerated: str = ""
    baseline: Baseline | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An accepted risk, and what its audit says of it."""

    control: str
    subject: str
    host: str
    reason: str
    owner: str
    expires: datetime.date
    max_subjects: int | None
    source: str
    state: WaiverState
    text: str
    objects: int


class State(enum.Enum):
    """What came of a test that is no control, best first."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"
    ERROR = "error"

    @property
    def is_bad(self) -> bool:
        """True if it fails the run."""
        return self in (State.FAILED, State.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A test of the run that is no control, or has died before it could say what it was."""

    name: str
    state: State
    reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One audit.

    Attributes:
        complete: Whether the run came to its end, and had something to run.
        counts: How many results have each verdict; a host that could not be reached counts as an
            error, as it does for pytest.
        unreached: How many hosts could not be reached.
        wrong_waivers: How many waivers somebody must change; each fails the run.
        sections: In the guide's order, a site's own after them.
        controls: In the order of their sections, then by id.
        results: In the controls' order, then by host as named and by object.
        others: The tests that are no controls; they fail the run as any test does.
    """

    format: Literal["lxdsec-report"]
    version: Literal[1]
    tool: Tool
    guide: Guide
    complete: bool
    hosts: tuple[Host, ...]
    counts: Mapping[str, int]
    unreached: int
    wrong_waivers: int
    sections: tuple[Section, ...]
    controls: tuple[Control, ...]
    results: tuple[Result, ...]
    waivers: tuple[Waiver, ...] = ()
    others: tuple[Other, ...] = ()

    @property
    def bad_others(self) -> tuple[Other, ...]:
        """The tests that are no controls and fail the run."""
        return tuple(one for one in self.others if one.state.is_bad)


def make(  # noqa: PLR0913 - one argument for each thing that the results do not say themselves
    *,
    tool: Tool,
    complete: bool,
    hosts: Sequence[Host],
    controls: Iterable[Control],
    results: Iterable[Result],
    waivers: Iterable[Waiver] = (),
    others: Iterable[Other] = (),
) -> Document:
    """Put an audit in order, count it and say the state of each section."""
    asked = sorted(controls, key=lambda one: (sections.place(one.section), one.section, one.id))
    control_place = {control.id: place for place, control in enumerate(asked)}
    host_place = {host.name: place for place, host in enumerate(hosts)}
    ordered = sorted(
        results,
        key=lambda one: (control_place[one.control], host_place[one.host], one.subject),
    )
    unreached = sum(1 for host in hosts if host.error)
    audited = tuple(waivers)
    return Document(
        format=FORMAT,
        version=VERSION,
        tool=tool,
        guide=Guide(title=sections.GUIDE, url=sections.BASE_URL, edition=sections.EDITION),
        complete=complete,
        hosts=tuple(hosts),
        counts=tally([*(one.verdict for one in ordered), *[Outcome.ERROR] * unreached]),
        unreached=unreached,
        wrong_waivers=sum(1 for waiver in audited if waiver.state.is_wrong),
        sections=_sections(asked, ordered),
        controls=tuple(asked),
        results=tuple(ordered),
        waivers=audited,
        others=tuple(others),
    )


def tally(verdicts: Iterable[Outcome]) -> Mapping[str, int]:
    """Return how many there are of each, every verdict named."""
    found = collections.Counter(verdicts)
    return {outcome.value: found[outcome] for outcome in Outcome}


def _sections(controls: Sequence[Control], results: Iterable[Result]) -> tuple[Section, ...]:
    section_of = {control.id: control.section for control in controls}
    verdicts: dict[str, collections.Counter[Outcome]] = {
        control.section: collections.Counter() for control in controls
    }
    for result in results:
        verdicts[section_of[result.control]][result.verdict] += 1
    return tuple(section(anchor, found) for anchor, found in verdicts.items())


def section(anchor: str, found: Mapping[Outcome, int] | None = None) -> Section:
    """Return a section with the number of results of each verdict; without results by default."""
    verdicts = collections.Counter(found or {})
    known = sections.BY_ANCHOR.get(anchor)
    return Section(
        anchor=anchor,
        path=known.path if known else (anchor,),
        url=known.url if known else "",
        state=_state(verdicts),
        counts={outcome.value: verdicts[outcome] for outcome in Outcome},
    )


def _state(verdicts: collections.Counter[Outcome]) -> SectionState:
    if verdicts[Outcome.FAIL]:
        return SectionState.FAIL
    if verdicts[Outcome.ERROR]:
        return SectionState.CANNOT_TELL
    return SectionState.OK if verdicts[Outcome.PASS] else SectionState.NOTHING_SEEN
