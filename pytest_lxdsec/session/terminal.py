"""What a person at a terminal reads: who was looked at, what is wrong, what to do next.

Findings stand in the guide's order, worst first; one pass over the records, so that a thousand
findings cost a thousand lines and no more.
"""

from __future__ import annotations

import collections
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pytest

from ..control import Severity
from ..evidence import model
from ..guide import sections
from ..policy.waiver_audit import Judged
from ..reports import document, wording
from ..reports.document import Control, Result
from ..verdict import Outcome
from . import audit
from .hosts import Host
from .record import Record

Found = tuple[Control, Result]

# How many subjects of one control are shown unless -v is given; all are in the JUnit file.
MOST_SUBJECTS = 8
SHOWN = ("fail", "error")
COUNTED = ("fail", "error", "pass", "waived", "manual", "not-assessed", "not-applicable")
WORDS = {"error": "cannot tell"}
BAD = {"fail": "FAIL", "error": "CANNOT TELL"}


def configure(config: pytest.Config) -> None:
    """Leave the findings to our own summary, where the user has not said otherwise.

    pytest's own summary of failures reads every report once for each failure (pytest#13360).
    """
    from . import collection  # noqa: PLC0415 - collection's items need the audit

    if not collection.is_packaged_only(config):
        return
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"
    if config.option.reportchars == "fE":  # pytest's default
        config.option.reportchars = ""


def header(made: audit.Audit) -> list[str]:
    """Return a line for each host."""
    return [_clean(_header_line(host)) for host in made.hosts]


def _header_line(host: Host) -> str:
    if host.evidence is None:
        return f"lxd: {host.name}: {host.error}"
    return f"lxd: {host.name}: {_system(host.evidence)}; {_gathered(host.evidence)}"


def _system(evidence: model.Evidence) -> str:
    version = "LXD of unknown version"
    if not evidence.absent("server"):
        version = f"LXD {evidence.server.environment.server_version}"
    if evidence.absent("host.os"):
        return f"{version}, host not seen ({evidence.absent('host.os')})"
    system = evidence.operating_system
    return f"{version} on {system.title}, kernel {system.kernel}"


def _gathered(evidence: model.Evidence) -> str:
    listings = ("instances", "profiles", "networks", "certificates", "images")
    counts = [
        f"{len(getattr(evidence, n).objects)} {n}" for n in listings if not evidence.absent(n)
    ]
    trips = evidence.header.round_trips
    cost = f"{trips.get('api', 0)} API requests, {trips.get('shell', 0)} shell commands"
    if probes := trips.get("probe", 0):
        cost += f", {probes} for probes inside"
    if trials := trips.get("trial_api", 0) + trips.get("trial_shell", 0):
        cost += f", {trials} for trials with instances of our own"
    taken = evidence.header.taken.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")
    return f"{', '.join(counts)} in {evidence.header.seconds:.2f} s ({cost}) at {taken}"


def summary(out: pytest.TerminalReporter, records: Sequence[Record], *, verbose: bool) -> None:
    """Print findings, then the state of each section, then one line of counts."""
    if not records:
        return
    unreached = [record for record in records if record.control is None]
    if unreached:
        out.section("hosts that could not be reached")
        for record in unreached:
            out.write_line(_clean(record.result.reason), red=True)
    by_section = _by_section(records)
    for section, found in by_section.items():
        _print_section(out, section, found, verbose=verbose)
    out.section("LXD security guide")
    for section, found in by_section.items():
        state, bad = _state(found)
        out.write_line(f"{_title(section):<58} {state}", red=bad, green=not bad)
    _print_counts(out, records)


def waivers(out: pytest.TerminalReporter, judged: Iterable[Judged]) -> None:
    """Print what somebody must change in the policy, what soon, and what perhaps."""
    told = [one for one in judged if one.state.is_told]
    if not told:
        return
    out.section("waivers")
    for one in told:
        waiver = one.waiver
        line = f"{waiver.source}: {waiver.control} for {waiver.subject}: {one.text}"
        out.write_line(_clean(line), red=one.state.is_wrong, yellow=not one.state.is_wrong)


def reported(out: pytest.TerminalReporter, text: str) -> None:
    """Print where the reports are, or why they are not."""
    if text:
        out.write_line(_clean(text))


def _by_section(records: Iterable[Record]) -> Mapping[str, list[Found]]:
    found: dict[str, list[Found]] = collections.defaultdict(list)
    for record in records:
        if record.control is not None:
            found[record.control.section].append((record.control, record.result))
    return dict(sorted(found.items(), key=lambda item: (sections.place(item[0]), item[0])))


def _title(section: str) -> str:
    return " > ".join(document.section(section).path)


def _print_section(
    out: pytest.TerminalReporter, section: str, found: Sequence[Found], *, verbose: bool
) -> None:
    groups = collections.defaultdict(list)
    for control, result in found:
        if result.verdict.value in SHOWN:
            groups[_rank(control, result), control.id].append((control, result))
    if not groups:
        return
    out.section(_title(section), sep="-")
    if url := document.section(section).url:
        out.write_line(url)
    for key in sorted(groups):
        control, _ = groups[key][0]
        _print_control(out, control, [result for _, result in groups[key]], verbose=verbose)


def _rank(control: Control, result: Result) -> int:
    """Return the place of a result: findings by severity, then errors by severity."""
    is_error = result.verdict is Outcome.ERROR
    return control.severity.rank + (len(Severity) if is_error else 0)


def _print_control(
    out: pytest.TerminalReporter, control: Control, results: Sequence[Result], *, verbose: bool
) -> None:
    first = results[0]
    is_error = first.verdict is Outcome.ERROR
    word = "CANNOT TELL" if is_error else control.severity.value.upper()
    out.write_line("")
    out.write_line(f"{word} {control.id} {control.title}", red=True, bold=True)
    if first.finding is not None:
        out.write_line(_clean(f"  expected: {first.finding.expected}"))
    for same in _by_repair(results):
        for line in _lines(same, verbose=verbose):
            out.write_line(_clean(line))


def _by_repair(results: Sequence[Result]) -> Iterable[Sequence[Result]]:
    """Findings that one command repairs belong together, so that it is printed once."""
    groups = collections.defaultdict(list)
    for result in results:
        finding = result.finding
        repair = (finding.repair, finding.note) if finding else None
        groups[result.host, repair].append(result)
    return groups.values()


def _lines(results: Sequence[Result], *, verbose: bool) -> Iterator[str]:
    shown = results if verbose else results[:MOST_SUBJECTS]
    for result in shown:
        origin = f" (from {result.finding.origin})" if result.finding else ""
        tolerated = f" [{result.tolerated}]" if result.tolerated else ""
        yield f"  {result.host} {result.subject}: {result.reason}{origin}{tolerated}"
    if len(results) > len(shown):
        yield f"  ... and {len(results) - len(shown)} more, which -v shows"
    finding = results[0].finding
    if finding is not None:
        objects = wording.count(finding.touches, "object")
        yield f"    repair, changes {objects}: {finding.repair}"
        if finding.note:
            yield f"    note: {finding.note}"


def _state(found: Sequence[Found]) -> tuple[str, bool]:
    verdicts = collections.Counter(result.verdict.value for _, result in found)
    bad = [word for verdict, word in BAD.items() if verdicts[verdict]]
    counts = ", ".join(f"{verdicts[v]} {WORDS.get(v, v)}" for v in COUNTED if verdicts[v])
    if bad:
        return f"{bad[0]} ({counts})", True
    return f"{'ok' if verdicts['pass'] else 'nothing seen to pass'} ({counts})", False


def _print_counts(out: pytest.TerminalReporter, records: Sequence[Record]) -> None:
    verdicts = collections.Counter(record.result.verdict.value for record in records)
    counts = ", ".join(f"{verdicts[v]} {WORDS.get(v, v)}" for v in COUNTED if verdicts[v])
    hosts = len({record.result.host for record in records})
    bad = any(verdicts[verdict] for verdict in BAD)
    states = [
        f"{section}: {_state(found)[0].partition(' (')[0]}"
        for section, found in _by_section(records).items()
    ]
    line = f"lxdsec: {hosts} host{'s' if hosts > 1 else ''}: {counts}"
    out.write_line(" | ".join([line, *states]), red=bad, green=not bad, bold=True)


def _clean(text: str) -> str:
    """Text without control characters: a name on an audited host must not steer a terminal."""
    return "".join(
        c if unicodedata.category(c)[0] != "C" or c == "\n" else f"\\x{ord(c):02x}" for c in text
    )
