"""Every packaged control, broken on a real LXD and repaired by the command it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_lxdsec.session import catalogue
from tests.lab.both_ways import Case

from . import both_ways, cases_containers, cases_daemon, cases_network

CASES = (*cases_daemon.CASES, *cases_containers.CASES, *cases_network.CASES)
# Why a control has no case: then it is shown on recorded evidence.
NOT_SHOWN = cases_daemon.NOT_SHOWN | cases_containers.NOT_SHOWN | cases_network.NOT_SHOWN


@pytest.fixture(scope="module")
def harness() -> Iterator[both_ways.Harness]:
    """Yield a lab of our own, since we break it."""
    with both_ways.Harness() as harness:
        yield harness


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_control_fails_broken_and_passes_repaired(
    harness: both_ways.Harness, case: Case, record_property: Callable[[str, object], None]
) -> None:
    finding = harness.show(case)
    # `--junitxml` of this test is the record of what was broken, found and repaired.
    told = {"breaks": case.breaks, "observed": finding.observed, "repair": finding.remedy.command}
    for name, value in told.items():
        record_property(name, value)


def test_every_control_is_shown_or_says_why_not() -> None:
    shown = {case.control for case in CASES}
    assert shown | set(NOT_SHOWN) == {made.id for made in catalogue.packaged()}
    assert not shown & set(NOT_SHOWN)
