"""The guide's sections, and the suites that test them."""

from __future__ import annotations

import collections

from pytest_lxdsec import options
from pytest_lxdsec.guide import sections
from pytest_lxdsec.session import catalogue


def test_every_suite_belongs_to_one_section() -> None:
    """A suite that no section names would never be run."""
    files = [path.name for path in options.suites_dir().glob("test_*.py")]
    assert sorted(sections.SUITES) == sorted(files)


def test_suites_hold_the_controls_of_their_section() -> None:
    held = collections.defaultdict(set)
    for control in catalogue.packaged():
        held[control.section].add(f"{control.judge.__module__.rpartition('_catalogue_')[2]}.py")
    assert {s.anchor: set(s.suites) for s in sections.SECTIONS} == held
