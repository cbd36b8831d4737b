"""JUnit for people: what CI servers show of an audit, written as a stream.

A suite is a section of the guide on one host, in the guide's order; a test case is a control on
an object. Names hold nothing that differs between two runs of the same audit. Several servers
read the element's text and not its message, or the other way round: both begin with the same line.
Valid against Jenkins' junit-10.xsd, the strictest schema in use.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO

import lxml.etree

from ..verdict import Outcome
from . import junit_xml, wording
from .document import Control, Document, Host, Other, Result, Section, State, Waiver
from .junit_xml import BROKEN, FAILED, SKIPPED, Case, Suite

ROOT = "lxd_security"
LONGEST = 500  # Azure cuts names at 512, and two that are cut alike are one to it
ELEMENTS: Mapping[Outcome, str] = {
    Outcome.FAIL: FAILED,
    Outcome.ERROR: BROKEN,
    Outcome.WAIVED: SKIPPED,
    Outcome.NOT_APPLICABLE: SKIPPED,
    Outcome.MANUAL: SKIPPED,
    Outcome.NOT_ASSESSED: SKIPPED,
}
OTHERS = {State.FAILED: FAILED, State.ERROR: BROKEN, State.SKIPPED: SKIPPED}


def write(whole: Document, out: BinaryIO) -> None:
    """Write the file; one suite at a time is in memory."""
    with lxml.etree.xmlfile(out, encoding="utf-8") as file:
        file.write_declaration()
        with file.element("testsuites", {"name": whole.guide.title}):
            for suite in _suites(whole):
                file.write("\n")
                file.write(junit_xml.element(suite))
            file.write("\n")


def _suites(whole: Document) -> Iterator[Suite]:
    if not whole.complete:
        yield _cut_short()
    slugs = _slugs([host.name for host in whole.hosts])
    yield from (_unreached(host, slugs[host.name]) for host in whole.hosts if host.error)
    hosts = {host.name: host for host in whole.hosts}
    controls = {control.id: control for control in whole.controls}
    for section, results in _by_section(whole, controls):
        for name in (host.name for host in whole.hosts):
            if found := results.get(name):
                cases = _numbered(
                    _case(one, controls[one.control], section, whole, hosts[name]) for one in found
                )
                yield _suite(whole, section, hosts[name], slugs[name], cases)
    if whole.waivers:
        yield _waivers(whole.waivers)
    if whole.others:
        yield _others(whole.others)


def _by_section(
    whole: Document, controls: Mapping[str, Control]
) -> Iterator[tuple[Section, Mapping[str, list[Result]]]]:
    known = {section.anchor: section for section in whole.sections}
    grouped = itertools.groupby(whole.results, key=lambda one: controls[one.control].section)
    for anchor, results in grouped:
        found: dict[str, list[Result]] = {}
        for result in results:
            found.setdefault(result.host, []).append(result)
        yield known[anchor], found


def _suite(
    whole: Document, section: Section, host: Host, slug: str, cases: Sequence[Case]
) -> Suite:
    parts = (slug, ROOT, *(_slug(part.lower()) for part in section.path))
    return Suite(
        name=f"{wording.path(section)} — {host.name}",
        classname=".".join(parts),
        host=host.name,
        timestamp=_timestamp(host),
        properties=_properties(whole, section, host),
        cases=cases,
    )


def _properties(whole: Document, section: Section, host: Host) -> Mapping[str, str]:
    told = {
        "guide.edition": whole.guide.edition,
        "guide.url": section.url,
        "lxd.version": host.lxd,
        "host.system": host.system,
        "host.kernel": host.kernel,
        "tool.version": whole.tool.version,
    }
    return {name: value for name, value in told.items() if value}


def _timestamp(host: Host) -> str:
    """Without a zone, as the schemas of several servers have it; it is UTC."""
    return host.taken.strftime("%Y-%m-%dT%H:%M:%S") if host.taken else ""


def _slug(text: str) -> str:
    """Return a text without what servers split class names at."""
    return "".join(c if c.isalnum() or c == "-" else "_" for c in text).strip("_") or "_"


def _slugs(names: Iterable[str]) -> Mapping[str, str]:
    """Return a slug for each host; two that would have the same are numbered."""
    found: dict[str, str] = {}
    for name in names:
        slug = _slug(name)
        same = sum(one.partition("~")[0] == slug for one in found.values())
        found[name] = f"{slug}~{same + 1}" if same else slug
    return found


def _case(result: Result, control: Control, section: Section, whole: Document, host: Host) -> Case:
    name = f"[{control.id}][{control.severity.value.upper()}] {control.title} [{result.subject}]"
    guide = whole.guide.title
    element, message = _told(result, section, guide)
    return Case(
        name=_short(name),
        seconds=result.seconds,
        element=element,
        kind=f"{control.severity.value}.{control.id}" if element else "",
        message=message,
        text=wording.body(result, control, section, guide, host)
        if element in (FAILED, BROKEN)
        else "",
    )


def _told(result: Result, section: Section, guide: str) -> tuple[str, str]:
    """Return the element of a result, and its message."""
    element = ELEMENTS.get(result.verdict, "")
    if result.verdict is Outcome.FAIL and result.tolerated:
        element = SKIPPED  # as pytest's own xfail: reported, and the run does not fail by it
    if element in (FAILED, BROKEN):
        return element, wording.headline(result, section, guide)
    if result.tolerated:
        return element, f"{result.tolerated}: {wording.headline(result, section, guide)}"
    if element:
        return element, f"{wording.SKIPPED[result.verdict]}: {result.reason}"
    return "", ""


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{name[: LONGEST - len(digest) - 4]}...{digest}]"


def _numbered(cases: Iterable[Case]) -> list[Case]:
    """Servers take two cases of one name for one: a site may run a control several times."""
    seen: collections.Counter[str] = collections.Counter()
    found = []
    for case in cases:
        seen[case.name] += 1
        again = seen[case.name] > 1
        name = f"{case.name} ({seen[case.name]})"
        found.append(dataclasses.replace(case, name=name) if again else case)
    return found


def _cut_short() -> Suite:
    """Return what says that results are missing: servers show test cases, and nothing else."""
    told = f"the run {wording.MISSING}"
    case = Case(
        name="The run comes to its end",
        element=BROKEN,
        kind="cut-short",
        message=told,
        text=told,
    )
    return Suite(
        name="Run",
        classname=f"{ROOT}.run",
        host="",
        timestamp="",
        properties={},
        cases=[case],
    )


def _unreached(host: Host, slug: str) -> Suite:
    case = Case(
        name="The host can be reached and read",
        element=BROKEN,
        kind="unreached",
        message=host.error,
        text=host.error,
    )
    return Suite(
        name=f"Hosts — {host.name}",
        classname=f"{slug}.{ROOT}.hosts",
        host=host.name,
        timestamp="",
        properties={},
        cases=[case],
    )


def _others(others: Iterable[Other]) -> Suite:
    return Suite(
        name="Other tests",
        classname=f"{ROOT}.others",
        host="",
        timestamp="",
        properties={},
        cases=_numbered(
            Case(
                name=_short(other.name),
                element=OTHERS.get(other.state, ""),
                kind="test" if other.state in OTHERS else "",
                message=other.reason,
                text=other.text,
            )
            for other in others
        ),
    )


def _waivers(waivers: Iterable[Waiver]) -> Suite:
    return Suite(
        name="Waivers",
        classname=f"{ROOT}.waivers",
        host="",
        timestamp="",
        properties={},
        cases=_numbered(_waiver(waiver) for waiver in waivers),
    )


def _waiver(waiver: Waiver) -> Case:
    where = "" if waiver.host == "*" else f" on {waiver.host}"
    told = f"{waiver.source}: waiver of {waiver.control} for {waiver.subject}: {waiver.text}"
    element = FAILED if waiver.state.is_wrong else ""
    if waiver.state.is_open:
        element = SKIPPED
    return Case(
        name=_short(f"[WAIVER] {waiver.control} [{waiver.subject}{where}]"),
        element=element,
        kind=f"waiver.{waiver.state.value}".replace(" ", "-") if element else "",
        message=told if element else "",
        text=f"{told}\n\nreason: {waiver.reason}\nowner:  {waiver.owner}" if element else "",
        out="" if element else told,
    )
