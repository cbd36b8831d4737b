"""JUnit's elements: a suite and its cases as lxml writes them; knows nothing of audits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lxml.etree

from .. import printable

FAILED, BROKEN, SKIPPED = "failure", "error", "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A `<testcase>`; `element` is "" where it passed."""

    name: str
    seconds: float = 0.0
    element: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""
    out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A `<testsuite>`."""

    name: str
    classname: str
    host: str
    timestamp: str
    properties: Mapping[str, str]
    cases: Sequence[Case]


def element(suite: Suite) -> lxml.etree._Element:
    """Return a suite with its cases, counted."""
    kinds = [case.element for case in suite.cases]
    told = {
        "name": suite.name,
        "tests": str(len(kinds)),
        "failures": str(kinds.count(FAILED)),
        "errors": str(kinds.count(BROKEN)),
        "skipped": str(kinds.count(SKIPPED)),
        "time": f"{sum(case.seconds for case in suite.cases):.3f}",
        "timestamp": suite.timestamp,
        "hostname": suite.host,
    }
    made = lxml.etree.Element("testsuite", {k: _xml(v) for k, v in told.items() if v})
    if suite.properties:
        properties = lxml.etree.SubElement(made, "properties")
        for name, value in suite.properties.items():
            lxml.etree.SubElement(properties, "property", {"name": name, "value": _xml(value)})
    for case in suite.cases:
        _add(made, case, _xml(suite.classname))
    return made


def _add(suite: lxml.etree._Element, case: Case, classname: str) -> None:
    told = {"classname": classname, "name": _xml(case.name), "time": f"{case.seconds:.3f}"}
    element = lxml.etree.SubElement(suite, "testcase", told)
    element.tail = "\n"
    if case.element:
        about = {"type": case.kind, "message": _xml(case.message)}
        child = lxml.etree.SubElement(element, case.element, about)
        child.text = _xml(case.text) or None
    if case.out:
        lxml.etree.SubElement(element, "system-out").text = _xml(case.out)


def _xml(text: str) -> str:
    """Return the text without what XML 1.0 cannot hold, line by line."""
    return "\n".join(printable.printable(line) for line in text.split("\n"))
