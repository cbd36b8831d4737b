"""What a lab cannot show, broken on a whole host and repaired by the command it prints."""

from __future__ import annotations

import pytest

from ..lab.both_ways import Case, Verdicts
from . import both_ways, vm
from .cases import CASES


@pytest.fixture(scope="module")
def before(host: vm.Vm) -> Verdicts:
    """What every control says of the host as it is."""
    return both_ways.judge(host)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_control_fails_broken_and_passes_repaired(
    host: vm.Vm, before: Verdicts, case: Case
) -> None:
    both_ways.show(host, case, before)
    host.shell(case.restores)
