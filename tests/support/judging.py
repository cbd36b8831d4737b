"""Every packaged control on every subject of some evidence, as the plugin judges them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from pytest_lxdsec import control
from pytest_lxdsec.control import Control
from pytest_lxdsec.evidence import model
from pytest_lxdsec.guide import releases
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.session import catalogue, outcomes, subjects
from pytest_lxdsec.session.selection import Objects
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target

Key = tuple[str, str]  # control id, subject id
Results = Mapping[Key, Result]

CONNECTION = Connection(target=Target(name="by-hand", reach=Reach.EVIDENCE))


@functools.cache
def controls() -> tuple[Control, ...]:
    """Return the packaged controls."""
    return catalogue.packaged()


def judge(
    evidence: model.Evidence, *, site: Policy | None = None, objects: Objects | None = None
) -> Results:
    """Return every control on every subject that is chosen, without pytest around it."""
    found = _results(evidence, site or Policy(), objects or Objects())
    return {(result.control, result.subject): result for result in found}


def _results(evidence: model.Evidence, site: Policy, objects: Objects) -> Iterator[Result]:
    given = {"lxd_evidence": evidence, "lxd_policy": site, "lxd_releases": _releases()}
    found: dict[str, tuple[subjects.Subject, ...]] = {}
    for made in controls():
        if made.subject not in found:
            found[made.subject] = subjects.of(made.subject, evidence, CONNECTION, objects)
        for subject in found[made.subject]:
            arguments = given | dict.fromkeys(control.SUBJECT_FIXTURES, subject.content)
            asked = {name: arguments[name] for name in made.arguments}
            yield outcomes.evaluate(made, subject, asked)


@functools.cache
def _releases() -> object:
    return releases.load()


def text(result: Result) -> str:
    """Return a result as pytest prints it."""
    (made,) = [one for one in controls() if one.id == result.control]
    return outcomes.text(result, made)
