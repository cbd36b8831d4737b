"""The catalogue of controls as a table, as JSON and as Markdown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..control import Control
from ..guide import sections

HEADING = "# Controls"
INTRODUCTION = """\
What pytest-lxdsec asks of a LXD server, in the order of
[LXD's Security guide]({url}) (edition of {edition}).
This page is made by `lxdsec controls --format markdown`.
"""


def table(controls: Sequence[Control]) -> str:
    """Return a line for each control."""
    rows = [("ID", "SEVERITY", "LEVEL", "ABOUT", "TITLE")]
    rows += [(c.id, c.severity.value, c.level.value, c.subject, c.title) for c in controls]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def as_json(controls: Sequence[Control]) -> str:
    """Return a list of objects."""
    return json.dumps([_fields(control) for control in controls], indent=1) + "\n"


def _fields(control: Control) -> Mapping[str, str]:
    return {
        "id": control.id,
        "title": control.title,
        "severity": control.severity.value,
        "level": control.level.value,
        "kind": control.kind.value,
        "subject": control.subject,
        "section": control.section,
        "section_path": control.section_path,
        "guide_url": control.guide_url,
        "rationale": control.rationale,
    }


def markdown(controls: Sequence[Control]) -> str:
    """Return a page with a chapter for each section."""
    return "\n".join(_page(controls)) + "\n"


def _page(controls: Iterable[Control]) -> Iterator[str]:
    yield HEADING
    yield ""
    yield INTRODUCTION.format(url=sections.BASE_URL, edition=sections.EDITION)
    for _, found in itertools.groupby(controls, key=lambda control: control.section):
        chapter = list(found)
        yield f"## {chapter[0].section_path}"
        yield ""
        if chapter[0].guide_url:
            yield f"[In the guide]({chapter[0].guide_url})"
            yield ""
        for control in chapter:
            yield from _entry(control)


def _entry(control: Control) -> Iterator[str]:
    yield f"### {control.id}: {control.title}"
    yield ""
    facts = (control.severity.value, control.level.value, control.kind.value)
    yield f"{', '.join(facts)}; asked of every {control.subject}."
    yield ""
    yield control.rationale
    yield ""


FORMATS: Mapping[str, Callable[[Sequence[Control]], str]] = {
    "table": table,
    "json": as_json,
    "markdown": markdown,
}
