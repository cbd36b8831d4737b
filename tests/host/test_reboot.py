"""What a repair promises for the next boot, held against a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec.lab import scenario as scenarios
from pytest_lxdsec.verdict import Outcome

from ..lab.both_ways import Verdicts
from . import both_ways, required, vm

PLAIN = ("LXD-NAM-03", f"instance/default/{scenarios.PLAIN}")
OTHERS = [
    one.name
    for one in scenarios.DEFAULT.instances
    if one.project == scenarios.DEFAULT_PROJECT
    and one.state is not scenarios.State.STOPPED
    and one.name != scenarios.PLAIN
]
NAMES_AT_BOOT, NAMES_NOW = ("LXD-NAM-04", "host"), ("LXD-NAM-01", "host")


@pytest.fixture(scope="module")
def rebooted(at_rest: Verdicts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vm.Vm]:
    """A host of its own that was repaired for the next boot only, and booted."""
    found = at_rest[NAMES_AT_BOOT].finding
    assert found is not None
    with required.running(tmp_path_factory.mktemp("reboot")) as host:
        host.shell(found.remedy.command)
        # One tells what all would; the others would only take their time to stop and to start.
        host.shell(f"lxc stop --force {' '.join(OTHERS)}")
        host.shell(f"lxc stop --force --project {scenarios.TENANTS} {scenarios.TWIN}")
        host.reboot()
        yield host


@pytest.fixture(scope="module")
def after(rebooted: vm.Vm) -> Verdicts:
    return both_ways.judge(rebooted)


@pytest.mark.parametrize("key", [NAMES_AT_BOOT, NAMES_NOW, PLAIN])
def test_what_was_closed_at_boot_is_closed_after_it(
    at_rest: Verdicts, after: Verdicts, key: tuple[str, str]
) -> None:
    assert at_rest[key].outcome is Outcome.FAIL
    assert after[key].outcome is Outcome.PASS, after[key].reason
