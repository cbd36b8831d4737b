"""A session of pytest, run apart, and what its JUnit file says of each test."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests import conftest

SECONDS = 60
ELEMENTS = ("error", "failure", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A `<testcase>`.

    Attributes:
        element: `error`, `failure`, `skipped`, or `passed` where it has none of these.
        kind: The element's `type`: what tells an xfail from a skip.
        message: The element's `message`.
        text: The element's content.
    """

    name: str
    classname: str
    properties: Mapping[str, str]
    element: str
    kind: str
    message: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What came of a session."""

    exit_status: int
    out: str
    err: str
    counts: Mapping[str, int]
    cases: Sequence[Case]

    def case(self, control: str) -> Case:
        """Return the only case of a control."""
        (found,) = [one for one in self.cases if one.properties.get("lxd.control") == control]
        return found


def run(directory: pathlib.Path, *arguments: str, python: str = sys.executable) -> Session:
    """Run pytest in a directory, in a process of its own."""
    junit = directory / "junit.xml"
    environment = {k: v for k, v in os.environ.items() if k not in conftest.LEAKS}
    done = subprocess.run(
        [python, "-m", "pytest", f"--junitxml={junit}", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Session(
        exit_status=done.returncode,
        out=done.stdout,
        err=done.stderr,
        counts=_counts(done.stdout),
        cases=cases(junit) if junit.exists() else (),
    )


def _counts(out: str) -> Mapping[str, int]:
    try:
        return pytest.RunResult.parse_summary_nouns(out.splitlines())
    except ValueError:  # there is no such line after a mistake of the user's
        return {}


def cases(junit: pathlib.Path) -> tuple[Case, ...]:
    """Return the test cases of a JUnit file."""
    root = ET.parse(junit).getroot()  # noqa: S314 - pytest wrote it just now
    return tuple(_case(element) for element in root.iter("testcase"))


def _case(testcase: ET.Element) -> Case:
    found = [element for kind in ELEMENTS for element in testcase.findall(kind)]
    told = found[0] if found else ET.Element("passed")
    return Case(
        name=testcase.get("name", ""),
        classname=testcase.get("classname", ""),
        properties={p.get("name", ""): p.get("value", "") for p in testcase.iter("property")},
        element=told.tag,
        kind=told.get("type", ""),
        message=told.get("message", ""),
        text=told.text or "",
    )
