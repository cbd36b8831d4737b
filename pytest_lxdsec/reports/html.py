"""The page: one file that needs nothing else, for a person at a screen, on a phone or on paper.

What was found is embedded as data, and the page's script makes elements of it, of a chapter when
it is opened: so 60,000 results open at once. Foreign words only ever become text of elements. The
policy in the page names its own script and style by digest, so that nothing else would run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import msgspec

from ..verdict import Finding
from . import document, wording
from .document import Document, Result

PARTS = "page"
Json = dict[str, Any]


def write(whole: Document, out: BinaryIO) -> None:
    """Write the page."""
    style, script = _part("style.css"), "".join(_part(name) for name in SCRIPTS)
    filled = {
        "STYLE_DIGEST": _digest(style),
        "SCRIPT_DIGEST": _digest(script),
        "TITLE": html.escape(f"{whole.guide.title}: {wording.title(whole)}"),
        "STYLE": style,
        "SCRIPT": script,
    }
    head, _, tail = _part("page.html").partition("{{DATA}}")
    out.write(_fill(head, filled).encode("utf-8", "backslashreplace"))
    out.write(_embedded(whole))
    out.write(_fill(tail, filled).encode("utf-8", "backslashreplace"))


SCRIPTS = ("elements.js", "data.js", "filters.js", "chapters.js", "page.js")


def _part(name: str) -> str:
    found = importlib.resources.files(__package__ or "") / PARTS / name
    return found.read_text(encoding="utf-8")


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _fill(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace("{{" + name + "}}", value)
    return template


def _embedded(whole: Document) -> bytes:
    """Return the data as JSON that no HTML parser sees an end or a comment in."""
    return msgspec.json.encode(_data(whole)).replace(b"<", b"\\u003c")


def _data(whole: Document) -> Json:
    return {
        "guide": whole.guide,
        "tool": whole.tool,
        "title": wording.title(whole),
        "complete": whole.complete,
        "counts": document.tally(one.verdict for one in whole.results),
        "wrong_waivers": whole.wrong_waivers,
        "hosts": whole.hosts,
        "sections": whole.sections,
        "controls": whole.controls,
        "waivers": whole.waivers,
        "others": whole.bad_others,
        "results": _columns(whole),
    }


class _Table:
    """Values by the number under which they were first met."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[Any, int] = {}

    def place(self, value: object) -> int:
        """Return the number of a value."""
        place = self._places.get(value)
        if place is None:
            place = self._places[value] = len(self.values)
            self.values.append(value)
        return place


def _columns(whole: Document) -> Json:
    """Return the results column by column, what repeats as a number.

    A tenth of their size as objects.
    """
    hosts = {host.name: place for place, host in enumerate(whole.hosts)}
    controls = {control.id: place for place, control in enumerate(whole.controls)}
    reasons, subjects, findings = _Table(), _Table(), _Table()
    results = whole.results
    return {
        "control": [controls[one.control] for one in results],
        "host": [hosts[one.host] for one in results],
        "subject": [subjects.place(one.subject) for one in results],
        "verdict": [one.verdict for one in results],
        "reason": [reasons.place(one.reason) for one in results],
        "finding": [_place_of(one, findings) for one in results],
        "subjects": subjects.values,
        "reasons": reasons.values,
        "findings": [_told(one) for one in findings.values],
        "tolerated": _sparse((place, one.tolerated) for place, one in enumerate(results)),
        "baseline": _sparse(
            (place, one.baseline.value if one.baseline else "")
            for place, one in enumerate(results)
        ),
    }


def _place_of(result: Result, findings: _Table) -> int:
    return -1 if result.finding is None else findings.place(result.finding)


def _told(finding: Finding) -> Json:
    """Without what was observed, which is the result's reason."""
    return {
        "details": finding.details,
        "expected": finding.expected,
        "origin": finding.origin,
        "repair": finding.repair,
        "touches": finding.touches,
        "note": finding.note,
    }


def _sparse(values: Iterable[tuple[int, str]]) -> dict[int, str]:
    return {place: value for place, value in values if value}
