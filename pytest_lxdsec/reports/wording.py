"""The wording of a result, the same in pytest's own output and in every report for people."""

from __future__ import annotations

from collections.abc import Mapping

from ..verdict import Finding, Outcome
from .document import Control, Document, Host, Result, Section

SKIPPED = {
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.MANUAL: "manual",
    Outcome.NOT_ASSESSED: "not assessed",
}
MISSING = "was cut short, or nothing was run: results are missing"
VERDICTS: Mapping[Outcome, str] = {
    Outcome.FAIL: "fail",
    Outcome.ERROR: "cannot tell",
    Outcome.WAIVED: "waived",
    Outcome.PASS: "pass",
    Outcome.MANUAL: "manual",
    Outcome.NOT_ASSESSED: "not assessed",
    Outcome.NOT_APPLICABLE: "not applicable",
}


def path(section: Section) -> str:
    """Return the headings down to a section."""
    return " › ".join(section.path)  # noqa: RUF001 - as menus do


def headline(result: Result, section: Section, guide: str) -> str:
    """Return the first line: the reason, the guide's section and its URL."""
    where = f"{guide} › {path(section)}" if section.url else f"section {path(section)}"  # noqa: RUF001 - as in menus
    what = f"{result.subject}: {result.reason}"
    return " — ".join(part for part in (what, where, section.url) if part)


def text(result: Result, control: Control, section: Section, guide: str) -> str:
    """Return a result for people, line by line; the first line is the headline."""
    lines = [headline(result, section, guide), ""]
    lines += [f"control:  {control.id} ({control.severity.value})", f"          {control.title}"]
    lines += [f"host:     {result.host}"]
    if result.finding is not None:
        lines += _finding(result.finding)
    return "\n".join(lines)


def body(result: Result, control: Control, section: Section, guide: str, host: Host) -> str:
    """Return a result for people, with the evidence that it is judged from and its status."""
    lines = [text(result, control, section, guide), f"evidence: {evidence(host)}"]
    if result.tolerated:
        lines += [f"status:   {result.tolerated}"]
    return "\n".join(lines)


def evidence(host: Host) -> str:
    """Return when a host was looked at, and where what was seen can be looked up."""
    seen = f"seen on {host.taken:%Y-%m-%d at %H:%M:%S} UTC" if host.taken else "not seen"
    return f"{seen}, kept in {host.evidence}" if host.evidence else seen


def _finding(finding: Finding) -> list[str]:
    lines = [
        f"observed: {finding.observed}",
        *(f"          - {detail}" for detail in finding.details),
        f"expected: {finding.expected}",
        f"from:     {finding.origin}",
        f"repair:   {finding.repair}",
        f"          changes {count(finding.touches, 'object')}",
    ]
    return [*lines, f"          {finding.note}"] if finding.note else lines


def count(number: int, noun: str) -> str:
    """Return `1 object`, `2 objects`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counts(found: Mapping[str, int]) -> str:
    """Verdicts and how many have each, worst first; those that nothing has are left out."""
    named = (
        f"{found[outcome.value]:,} {word}"
        for outcome, word in VERDICTS.items()
        if found.get(outcome.value)
    )
    return ", ".join(named) or "nothing"


def title(whole: Document) -> str:
    """Return the audit in a line: who, and how it ended."""
    reached = [host.name for host in whole.hosts if not host.error]
    parts = [f"{count(len(reached), 'host')}: {counts(whole.counts)}"]
    if whole.unreached:
        parts += [f"{count(whole.unreached, 'host')} could not be reached"]
    if whole.wrong_waivers:
        parts += [f"{count(whole.wrong_waivers, 'waiver')} to correct"]
    if whole.bad_others:
        parts += [f"{count(len(whole.bad_others), 'other test')} failed"]
    parts += [] if whole.complete else [f"the run {MISSING}"]
    return "; ".join(parts)
