"""SARIF 2.1.0: the findings for code scanning, one run for the whole audit.

A finding is `fail`, also where it is accepted: then it is suppressed, with the reason. What could
not be told is `open`, the standard's word for "insufficient information", and what only the site
can decide is `review`. What passed is counted and not listed: programs take results for alerts.
An audited object is no file, so its place is a logical location, and beside it a path that is made
of host and object, since GitHub shows nothing without one.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import msgspec

from ..control import Severity
from ..verdict import Outcome
from . import finding_identity, wording
from .document import Baseline, Control, Document, Host, Result, Section, Waiver

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
HOME = "https://documentation.ubuntu.com/lxd/latest/explanation/security/"
MOST = 25_000  # results; GitHub refuses a file with more of them in a run
FINGERPRINT = "lxdsecFinding/v1"
WAIVER_RULE = "LXDSEC-WAIVER"
# As GitHub reads them: 9.0 and above is critical, 7.0 high, 4.0 medium, the rest low.
SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.5",
}
LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
KINDS = {
    Outcome.FAIL: "fail",
    Outcome.WAIVED: "fail",
    Outcome.ERROR: "open",
    Outcome.MANUAL: "review",
}
# Which are told where not all can be; each by severity.
FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.WAIVED, Outcome.MANUAL)
Json = dict[str, Any]


def write(whole: Document, out: BinaryIO) -> None:
    """Write the file."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(whole)]}
    out.write(msgspec.json.format(msgspec.json.encode(log), indent=1) + b"\n")


def _run(whole: Document) -> Json:
    rules = {control.id: place for place, control in enumerate(whole.controls)}
    sections = {section.anchor: section for section in whole.sections}
    told, left_out = _worst(whole, MOST - whole.wrong_waivers)
    results = list(_results(whole, told, rules))
    if whole.waivers:
        results += [_waiver(one, len(rules)) for one in whole.waivers if one.state.is_wrong]
    return {
        "tool": {"driver": _driver(whole, sections)},
        "automationDetails": {"id": "lxdsec/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(whole, left_out)],
        "results": results,
        "properties": {
            "counts": dict(whole.counts),
            "unreached": whole.unreached,
            "wrong_waivers": whole.wrong_waivers,
        },
    }


def _driver(whole: Document, sections: Mapping[str, Section]) -> Json:
    rules = [_rule(control, sections[control.section]) for control in whole.controls]
    return {
        "name": whole.tool.name,
        "version": whole.tool.version,
        "informationUri": HOME,
        "rules": [*rules, _waiver_rule()] if whole.waivers else rules,
    }


def _rule(control: Control, section: Section) -> Json:
    told = {
        "id": control.id,
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.rationale},
        "help": {"text": f"{control.rationale} {wording.path(section)}. {section.url}".strip()},
        "defaultConfiguration": {"level": LEVELS[control.severity]},
        "properties": {
            "security-severity": SCORES[control.severity],
            "precision": "very-high",
            "tags": [
                "security",
                control.level.value,
                control.kind.value,
                f"guide:{control.section}",
            ],
        },
    }
    return told | {"helpUri": section.url} if section.url else told


def _waiver_rule() -> Json:
    return {
        "id": WAIVER_RULE,
        "shortDescription": {"text": "A waiver says what is the case"},
        "fullDescription": {"text": "An accepted risk must still be there, and be no wider."},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["security", "waiver"]},
    }


def _worst(whole: Document, most: int) -> tuple[Sequence[Result], int]:
    """Return the results that are told, in the document's order, and how many are left out."""
    found = [one for one in whole.results if one.verdict in KINDS]
    if len(found) <= most:
        return found, 0
    severities = {control.id: control.severity.rank for control in whole.controls}
    verdicts = {verdict: rank for rank, verdict in enumerate(FIRST)}
    found.sort(key=lambda one: (verdicts[one.verdict], severities[one.control]))
    kept = set(map(id, found[:most]))
    return [one for one in whole.results if id(one) in kept], len(found) - most


def _invocation(whole: Document, left_out: int) -> Json:
    notifications = [_notification(host) for host in whole.hosts if host.error]
    for other in whole.bad_others:
        text = f"{other.name}: {other.reason}"
        notifications.append({"level": "error", "message": {"text": text}})
    if not whole.complete:
        text = f"the run {wording.MISSING}"
        notifications.append({"level": "error", "message": {"text": text}})
    is_whole = not notifications
    if left_out:
        text = (
            f"{wording.count(left_out, 'result')} left out, the least severe: report.json has all"
        )
        notifications.append({"level": "warning", "message": {"text": text}})
    return {"executionSuccessful": is_whole, "toolExecutionNotifications": notifications}


def _notification(host: Host) -> Json:
    place = {"logicalLocations": [{"fullyQualifiedName": host.name, "kind": "resource"}]}
    return {"level": "error", "message": {"text": host.error}, "locations": [place]}


def _results(whole: Document, told: Iterable[Result], rules: Mapping[str, int]) -> Iterator[Json]:
    controls = {control.id: control for control in whole.controls}
    for result in told:
        yield _result(result, controls[result.control], rules[result.control])


def _result(result: Result, control: Control, rule: int) -> Json:
    is_finding = result.finding is not None
    mark = finding_identity.of_result(result)
    told: Json = {
        "ruleId": control.id,
        "ruleIndex": rule,
        "kind": KINDS[result.verdict],
        "level": LEVELS[control.severity] if is_finding else "none",
        "message": {"text": _message(result)},
        "locations": [_location(result)],
        "partialFingerprints": {FINGERPRINT: finding_identity.fingerprint(mark)},
        "properties": {"host": result.host, "subject": result.subject},
    }
    if result.verdict is Outcome.WAIVED:
        accepted = {"kind": "external", "justification": result.tolerated}
        told["suppressions"] = [accepted]
    if result.baseline is not None:
        is_new = result.baseline is Baseline.NEW
        told["baselineState"] = "new" if is_new else "unchanged"
    return told


def _message(result: Result) -> str:
    """Brackets would make links of hosts' words, so they are escaped as the standard says."""
    finding = result.finding
    parts = [f"{result.host} {result.subject}: {result.reason}."]
    if finding is not None:
        changes = wording.count(finding.touches, "object")
        parts += [f"Expected: {finding.expected}.", f"From: {finding.origin}."]
        parts += [f"Repair, changes {changes}: {finding.repair}"]
        parts += [f"({finding.note})"] if finding.note else []
    text = " ".join(parts)
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(result: Result) -> Json:
    path = "/".join(urllib.parse.quote(_part(p), safe="") for p in _parts(result))
    return {
        "physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 1}},
        "logicalLocations": [
            {
                "name": result.subject,
                "fullyQualifiedName": f"{result.host}/{result.subject}",
                "kind": "resource",
            }
        ],
    }


def _parts(result: Result) -> list[str]:
    return [result.host, *result.subject.split("/")]


def _part(text: str) -> str:
    """Return a part of a path that is not taken for a step up or for nothing."""
    return text if text.strip(".") else f"_{text}"


def _waiver(waiver: Waiver, rule: int) -> Json:
    path, _, line = waiver.source.rpartition(":")
    mark = finding_identity.of(waiver.control, waiver.host, waiver.subject, WAIVER_RULE)
    text = f"{waiver.source}: waiver of {waiver.control} for {waiver.subject}: {waiver.text}"
    place = {
        "artifactLocation": {"uri": urllib.parse.quote(path)},
        "region": {"startLine": int(line)},
    }
    return {
        "ruleId": WAIVER_RULE,
        "ruleIndex": rule,
        "kind": "fail",
        "level": "warning",
        "message": {"text": text.replace("[", "\\[").replace("]", "\\]")},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {FINGERPRINT: finding_identity.fingerprint(mark)},
    }
