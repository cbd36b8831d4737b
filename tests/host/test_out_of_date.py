"""An outdated host, in ways that the printed commands cannot repair on a test host.

The host has no mirror to refresh its index from, and its kernel comes from outside. So the test
restores it by hand; the other cases run the printed command.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.lab.both_ways import Verdicts

from . import both_ways, vm

UPDATES, RUNNING = ("LXD-OS-01", "host"), ("LXD-OS-03", "host")
# The flavour of the running kernel, and newer than any other.
NEWER = 'newer=/boot/vmlinuz-$(uname --kernel-release | sed "s/^[0-9.]*/99.0.0/")'
LISTS = "/var/lib/apt/lists/partial"


@pytest.fixture(scope="module")
def outdated(host: vm.Vm, at_rest: Verdicts) -> Iterator[Verdicts]:
    """Return the results for a host with a newer kernel installed and an index of 40 days."""
    del at_rest  # recorded before anything was broken
    since = host.shell(f"stat --format=%Y {LISTS}").strip()
    host.shell(f"{NEWER}\ntouch $newer\ntouch --date='-40 days -1 hour' {LISTS}")
    try:
        yield both_ways.judge(host)
    finally:
        host.shell(f"{NEWER}\nrm $newer\ntouch --date=@{since} {LISTS}")


def test_pending_updates_are_unknown_with_an_old_index(
    at_rest: Verdicts, outdated: Verdicts
) -> None:
    assert at_rest[UPDATES].verdict is Outcome.PASS, at_rest[UPDATES].reason
    assert outdated[UPDATES].verdict is Outcome.ERROR
    assert "the package index is 40 days old: run apt-get update" in outdated[UPDATES].reason


def test_a_newer_kernel_waits_for_a_reboot(at_rest: Verdicts, outdated: Verdicts) -> None:
    assert at_rest[RUNNING].verdict is Outcome.PASS, at_rest[RUNNING].reason
    finding = outdated[RUNNING].finding
    assert finding is not None
    assert ", and 99.0.0-" in finding.observed
    assert finding.remedy.command == "systemctl reboot"


def test_nothing_else_changes(at_rest: Verdicts, outdated: Verdicts) -> None:
    changed = {key for key in at_rest if at_rest[key].verdict is not outdated[key].verdict}
    assert changed == {UPDATES, RUNNING}
