"""A summary for the page of a CI job: short, worst first, with what to do about it.

GitHub takes 1 MiB of it, so lists are cut, and say so; a text of which even that is too much ends
where it has to.
"""

from __future__ import annotations

import collections
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

from ..policy.waiver_audit import WaiverState
from ..verdict import Finding, Outcome
from . import wording
from .document import Control, Document, Host, Other, Result, SectionState, Waiver

MOST_GROUPS = 40
MOST_OBJECTS = 20
MOST_DETAILS = 5
MOST_HOSTS = 100
LONGEST = 1000
LONGEST_COMMAND = 4000
MOST_BYTES = 1_000_000
ENDS = b"... and more, for which there is no room here: `report.html` has all.\n"
MARKS = {
    SectionState.FAIL: "❌ fail",
    SectionState.CANNOT_TELL: "⚠️ cannot tell",
    SectionState.OK: "✅ ok",
    SectionState.NOTHING_SEEN: "⚪ nothing seen to pass",
}
SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]|~#@"})
Group = tuple[str, Sequence[Result]]


def write(whole: Document, out: BinaryIO) -> None:
    """Write the file."""
    left = MOST_BYTES
    for part in _parts(whole):
        told = "".join(f"{line}\n" for line in part).encode("utf-8", "backslashreplace")
        if len(told) > left:
            out.write(ENDS)
            return
        left -= len(told)
        out.write(told)


def _parts(whole: Document) -> Iterator[Sequence[str]]:
    """Yield the summary in parts that are whole tables, or whole elements of HTML."""
    part: list[str] = []
    depth = 0
    for line in _lines(whole):
        part.append(line)
        depth += line.startswith("<details>") - (line == "</details>")
        if not line and not depth:
            yield part
            part = []
    yield part


def _lines(whole: Document) -> Iterator[str]:
    yield f"## {whole.guide.title}"
    yield ""
    yield f"**{_plain(wording.title(whole))}**"
    yield ""
    yield from _hosts(whole.hosts)
    yield from _sections(whole)
    yield from _findings(whole)
    yield from _untold(whole)
    yield from _waivers(whole.waivers)
    yield from _others(whole.bad_others)


def _hosts(hosts: Sequence[Host]) -> Iterator[str]:
    yield "| Host | LXD | System | Seen |"
    yield "|:--|:--|:--|:--|"
    for host in hosts[:MOST_HOSTS]:
        if host.error:
            yield f"| {_plain(host.name)} | | | ❌ {_plain(host.error)} |"
        else:
            taken = f"{host.taken:%Y-%m-%d %H:%M} UTC" if host.taken else ""
            seen = ", ".join(f"{count} {name}" for name, count in host.objects.items())
            cells = (host.name, host.lxd, host.system, f"{taken}: {seen}")
            yield f"| {' | '.join(_plain(cell) for cell in cells)} |"
    yield from _cut(len(hosts), MOST_HOSTS, "hosts")
    yield ""


def _sections(whole: Document) -> Iterator[str]:
    yield "| Section of the guide | State | Results |"
    yield "|:--|:--|:--|"
    for section in whole.sections:
        title = _plain(wording.path(section))
        name = f"[{title}]({section.url})" if section.url else title
        yield f"| {name} | {MARKS[section.state]} | {wording.counts(section.counts)} |"
    yield ""


def _findings(whole: Document) -> Iterator[str]:
    controls = {control.id: control for control in whole.controls}
    found = [one for one in whole.results if one.verdict is Outcome.FAIL]
    if not found:
        return
    found.sort(key=lambda one: controls[one.control].severity.rank)
    groups = list(_alike(found).values())
    yield "### Findings"
    yield ""
    for group in groups[:MOST_GROUPS]:
        yield from _finding(controls[group[0].control], group)
    yield from _cut(len(groups), MOST_GROUPS, "groups of findings")


def _alike(results: Iterable[Result]) -> Mapping[object, list[Result]]:
    """Findings that differ by their object alone, in parts whose repairs can be shown."""
    groups: dict[object, list[Result]] = collections.defaultdict(list)
    repairs: dict[object, dict[str, int]] = collections.defaultdict(dict)
    for result in results:
        finding = result.finding
        if finding is not None:
            key = (result.control, result.host, finding.expected, finding.note)
            place = repairs[key].setdefault(finding.repair, len(repairs[key]))
            groups[*key, place // MOST_OBJECTS].append(result)
    return groups


def _finding(control: Control, results: Sequence[Result]) -> Iterator[str]:
    objects = wording.count(len(results), "object")
    head = f"{control.severity.value.upper()} {control.id} {control.title}"
    yield f"<details><summary>{_html(head)} — {_html(results[0].host)}, {objects}</summary>"
    yield ""
    for result in results[:MOST_OBJECTS]:
        yield from _object(result)
    yield from _cut(len(results), MOST_OBJECTS, "objects")
    yield ""
    yield from _what_to_do([one.finding for one in results if one.finding is not None])
    yield "</details>"
    yield ""


def _object(result: Result) -> Iterator[str]:
    origin = f", from {_plain(result.finding.origin)}" if result.finding else ""
    tolerated = f" *({_plain(result.tolerated)})*" if result.tolerated else ""
    yield f"- {_code(result.subject)}: {_plain(result.reason)}{origin}{tolerated}"
    details = result.finding.details if result.finding else ()
    for detail in details[:MOST_DETAILS]:
        yield f"  - {_plain(detail)}"
    if len(details) > MOST_DETAILS:
        yield f"  - ... and {len(details) - MOST_DETAILS:,} more: `report.html` has all"


def _what_to_do(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what is expected of findings that are alike, and the commands that repair them all."""
    touches = {finding.repair: finding.touches for finding in findings}
    yield f"Expected: {_plain(findings[0].expected)}."
    yield ""
    yield f"Repair, changes {wording.count(sum(touches.values()), 'object')}:"
    yield ""
    yield _command("\n".join(touches))
    yield ""
    if findings[0].note:
        yield _plain(findings[0].note)
        yield ""


def _untold(whole: Document) -> Iterator[str]:
    found: dict[str, list[Result]] = collections.defaultdict(list)
    for result in whole.results:
        if result.verdict is Outcome.ERROR:
            found[result.reason].append(result)
    if not found:
        return
    yield "### What could not be told"
    yield ""
    for reason, results in list(found.items())[:MOST_GROUPS]:
        ids = ", ".join(sorted({result.control for result in results}))
        yield f"- {_plain(reason)}: {_plain(ids)}, {wording.count(len(results), 'object')}"
    yield from _cut(len(found), MOST_GROUPS, "reasons")
    yield ""


def _waivers(waivers: Sequence[Waiver]) -> Iterator[str]:
    if not waivers:
        return
    yield "### Accepted risks"
    yield ""
    yield "| State | Control | Object | Until | Owner | Where | |"
    yield "|:--|:--|:--|:--|:--|:--|:--|"
    for waiver in sorted(waivers, key=lambda one: list(WaiverState).index(one.state))[:MOST_HOSTS]:
        mark = "❌" if waiver.state.is_wrong else "⚠️" if waiver.state.is_told else ""
        cells = (waiver.control, waiver.subject, str(waiver.expires), waiver.owner, waiver.source)
        told = " | ".join(_plain(cell) for cell in cells)
        yield f"| {mark} {waiver.state.value} | {told} | {_plain(waiver.text)} |"
    yield from _cut(len(waivers), MOST_HOSTS, "waivers")
    yield ""


def _others(others: Sequence[Other]) -> Iterator[str]:
    if not others:
        return
    yield "### Other tests that failed"
    yield ""
    yield from (f"- {_code(o.name)}: {_plain(o.reason)}" for o in others[:MOST_GROUPS])
    yield from _cut(len(others), MOST_GROUPS, "tests")
    yield ""


def _cut(number: int, most: int, what: str) -> Iterator[str]:
    if number > most:
        yield ""
        yield f"... and {number - most:,} more {what}: `report.html` has all."


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _html(text: str) -> str:
    return html.escape(_clip(text))


def _plain(text: str) -> str:
    """Foreign words as words: neither markup nor links, and nobody is mentioned."""
    return html.escape(_clip(text), quote=False).translate(SPECIAL)


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>"


def _command(text: str) -> str:
    """Whole or not at all: half a command does something else."""
    if len(text) > LONGEST_COMMAND:
        return f"commands of {len(text):,} letters, which `report.html` has"
    return f"<pre>{html.escape(text)}</pre>"
