"""Controls that a lab cannot show, broken on a complete host and repaired as printed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.host.both_ways import Act
from tests.lab.both_ways import Case, Verdicts

from . import both_ways, cases, vm

ROUNDS = cases.acts()


@pytest.fixture(scope="module")
def acts(host: vm.Vm, at_rest: Verdicts) -> Mapping[int, Act]:
    """Return the results of each round."""
    del at_rest  # recorded before anything was broken
    return {number: both_ways.play(host, some) for number, some in enumerate(ROUNDS)}


@pytest.mark.parametrize(
    ("number", "case"),
    [(number, case) for number, some in enumerate(ROUNDS) for case in some],
    ids=lambda given: given.name if isinstance(given, Case) else None,
)
def test_control_fails_broken_and_passes_repaired(
    acts: Mapping[int, Act], number: int, case: Case
) -> None:
    both_ways.check(acts[number], case)


@pytest.mark.parametrize("number", range(len(ROUNDS)))
def test_nothing_else_changes(acts: Mapping[int, Act], number: int, at_rest: Verdicts) -> None:
    both_ways.check_others(acts[number], at_rest)
