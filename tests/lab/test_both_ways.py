"""Every packaged control, broken on a real LXD and repaired by the command it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_lxdsec.session import catalogue
from tests.lab.both_ways import Case

from . import both_ways, cases_containers, cases_daemon, cases_network

CASES = (*cases_daemon.CASES, *cases_containers.CASES, *cases_network.CASES)
# The reasons why controls have no case; they are shown on recorded evidence.
NOT_SHOWN = cases_daemon.NOT_SHOWN | cases_containers.NOT_SHOWN | cases_network.NOT_SHOWN


@pytest.fixture(scope="module")
def harness() -> Iterator[both_ways.Harness]:
    """Yield a lab for this module alone, because the cases break it."""
    with both_ways.Harness() as harness:
        yield harness


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_control_fails_broken_and_passes_repaired(
    harness: both_ways.Harness, case: Case, record_property: Callable[[str, object], None]
) -> None:
    finding = harness.show(case)
    # `--junitxml` records the broken states, the findings and the repairs.
    recorded = {
        "breaks": case.breaks,
        "observed": finding.observed,
        "repair": finding.remedy.command,
    }
    for name, value in recorded.items():
        record_property(name, value)


def test_every_control_has_a_case_or_a_reason() -> None:
    shown = {case.control for case in CASES}
    assert shown | set(NOT_SHOWN) == {made.id for made in catalogue.packaged()}
    assert not shown & set(NOT_SHOWN)
