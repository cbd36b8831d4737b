"""Audits of a host that stops answering, or whose LXD restarts, during the audit."""

from __future__ import annotations

import itertools
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.lab import audits
from tests.lab.both_ways import Verdicts

from . import vm

PATIENCE = 150.0  # ssh gives a silent host a minute, after ten seconds for the connection


@pytest.fixture
def healed(host: vm.Vm) -> Iterator[vm.Vm]:
    """Yield the host, and repair it after the test."""
    yield host
    host.qemu.go_on()
    host.connect()
    host.set_clock()
    # systemd limits the rate of starts, and has refused one.
    host.shell("systemctl reset-failed\nsystemctl start lxd.service\nlxc list > /dev/null")


def test_a_restart_of_lxd_meanwhile_makes_nothing_pass(
    at_rest: Verdicts, healed: vm.Vm, tmp_path: pathlib.Path
) -> None:
    """Expect for each subject the verdict of the unchanged host, or an error."""
    target = f"--lxd-host={healed.ssh()}"
    over = threading.Event()
    with futures.ThreadPoolExecutor(max_workers=1) as thread:
        restarts = thread.submit(_keep_restarting, healed, over)
        try:
            rough = audits.run(tmp_path / "rough", target)
        finally:
            over.set()
        assert restarts.result() > 1
    said = rough.verdicts().get(healed.name(), {})
    assert rough.status == 1
    for verdict in (Outcome.PASS, Outcome.FAIL):
        calm = {key for key in at_rest if at_rest[key].verdict is verdict}
        assert {key for key in said if said[key] == verdict.value} <= calm, rough.output
    assert said or f"cannot reach {healed.name()}" in rough.output


def _keep_restarting(host: vm.Vm, over: threading.Event) -> int:
    """Restart LXD until `over` is set; return the number of restarts."""
    for number in itertools.count():
        if over.is_set():
            return number
        # systemd limits the rate of starts, and would refuse them in the end.
        host.shell("systemctl reset-failed lxd.service\nsystemctl restart lxd.service")
    raise AssertionError


def test_a_host_that_is_silent_from_the_start_is_one_error(
    healed: vm.Vm, tmp_path: pathlib.Path
) -> None:
    healed.qemu.pause()
    _require_unreachable(healed, audits.run(tmp_path, f"--lxd-host={healed.ssh()}"))


def test_a_host_that_falls_silent_is_one_error(healed: vm.Vm, tmp_path: pathlib.Path) -> None:
    """Expect one error if the host answers nothing after the login, not even a reset."""
    junit = tmp_path / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    command.append(f"--lxd-host={healed.ssh()}")
    count = _logins(healed)
    with (
        (tmp_path / "output").open("w+") as output,
        subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output) as run,
    ):
        while _logins(healed) == count:  # each check takes a second here
            assert run.poll() is None
        healed.qemu.pause()
        began = time.monotonic()
        status = run.wait(PATIENCE)
        output.seek(0)
        audit = audits.Audit(status=status, output=output.read(), junit=junit)
    assert time.monotonic() - began < PATIENCE
    _require_unreachable(healed, audit)


def _logins(host: vm.Vm) -> int:
    script = "journalctl --unit ssh --grep 'Accepted publickey' --output cat | wc -l"
    return int(host.shell(script))


def _require_unreachable(host: vm.Vm, audit: audits.Audit) -> None:
    assert audit.status == 1
    assert f"cannot reach {host.name()}" in audit.output
    assert audit.verdicts() == {}
