"""A lab leaves nothing behind, however its run ends."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pytest_lxdsec import lab
from pytest_lxdsec.lab import build, client, records, scenario

PATIENCE = 20.0
HOLD = """\
import sys
from pytest_lxdsec import lab
with lab.throw_away(scenario=lab.scenarios.BARE) as here:
    print(here.id, flush=True)
    {then}
"""
START = """\
import secrets
from pytest_lxdsec import lab
secrets.token_hex = lambda length: "{name}"
with lab.throw_away(scenario=lab.scenarios.scaled(lab.scenarios.BARE, 20)):
    pass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Everything of one lab that the machine could keep."""

    record: records.Record
    processes: tuple[records.Process, ...]
    state: tuple[str, ...]

    def left(self) -> list[str]:
        """Return what is still there, in words."""
        here = self.record
        checks = {
            "record": records.read(here.id) is not None,
            "control group": pathlib.Path(here.cgroup).exists(),
            "supervisor": here.supervisor.is_alive,
            "init": here.init is not None and here.init.is_alive,
            "process": any(process.is_alive for process in self.processes),
            "mount": "lxdsec" in pathlib.Path("/proc/self/mountinfo").read_text(),
            "network interface": pathlib.Path("/sys/class/net", scenario.UPLINK).exists(),
            "change of /var/lib/lxd": _state() != self.state,
        }
        return [name for name, is_left in checks.items() if is_left]


def _processes(namespace: str) -> tuple[records.Process, ...]:
    pids = [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdecimal()]
    found = [records.process(pid) for pid in pids if _network_of(str(pid)) == namespace]
    return tuple(process for process in found if process is not None)


def _network_of(pid: str) -> str:
    try:
        return str(pathlib.Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:  # It has just ended.
        return ""


def _state() -> tuple[str, ...]:
    directory = pathlib.Path("/var/lib/lxd")
    return (str(directory.stat()), *sorted(map(str, directory.iterdir())))


def _traces(name: str) -> Traces:
    record = records.read(name)
    assert record is not None
    assert record.init is not None
    processes = _processes(_network_of(str(record.init.pid)))
    return Traces(record=record, processes=processes, state=_state())


def _run(script: str) -> subprocess.Popen[str]:
    packages = str(pathlib.Path(lab.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": packages},
    )


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _hold(then: str = "sys.stdin.read()") -> tuple[subprocess.Popen[str], Traces]:
    run = _run(HOLD.format(then=then))
    assert run.stdout is not None
    name = run.stdout.readline().strip()
    return run, _traces(name)


def test_traces_of_a_running_lab_are_found() -> None:
    with lab.throw_away(scenario=lab.scenarios.BARE) as here:
        found = _traces(here.id).left()
    assert found == ["record", "control group", "supervisor", "init", "process"]


def test_success_leaves_nothing() -> None:
    run, traces = _hold()
    run.communicate("", timeout=PATIENCE)
    assert (run.returncode, traces.left()) == (0, [])


def test_failure_leaves_nothing() -> None:
    seen: list[Traces] = []

    def fail() -> None:
        with lab.throw_away(scenario=lab.scenarios.BARE) as here:
            seen.append(_traces(here.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen[0].left() == []


def test_end_of_one_lab_leaves_another_alone() -> None:
    with lab.throw_away(scenario=lab.scenarios.BARE) as stays:
        with lab.throw_away(scenario=lab.scenarios.BARE) as goes:
            traces = _traces(goes.id)
        assert traces.left() == []
        assert stays.run("lxc", "info").returncode == 0


def test_interrupt_leaves_nothing() -> None:
    run, traces = _hold()
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in said
    assert traces.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_run_that_is_killed_leaves_nothing(number: signal.Signals) -> None:
    run, traces = _hold()
    run.send_signal(number)
    run.communicate(timeout=PATIENCE)
    _until(lambda: not traces.left(), f"left: {traces.left()}")
    assert run.returncode == -number


def test_lab_dies_with_its_supervisor_and_its_run_cleans_up() -> None:
    run, traces = _hold()
    assert traces.record.supervisor.end(signal.SIGKILL, PATIENCE)
    _until(lambda: "process" not in traces.left(), f"left: {traces.left()}")
    run.communicate("", timeout=PATIENCE)
    assert traces.left() == []


def test_next_start_cleans_what_a_killed_run_and_supervisor_left() -> None:
    run, traces = _hold()
    assert traces.record.supervisor.end(signal.SIGSTOP, 0) is False  # Else it would clean up.
    run.kill()
    run.communicate(timeout=PATIENCE)
    assert traces.record.supervisor.end(signal.SIGKILL, PATIENCE)
    _until(lambda: traces.left() == ["record", "control group"], "they live on")
    with lab.throw_away(scenario=lab.scenarios.BARE):
        assert traces.left() == []


def test_killed_daemon_leaves_nothing() -> None:
    with lab.throw_away(scenario=lab.scenarios.BARE) as here:
        traces = _traces(here.id)
        here.shell("kill -9 $(cat /run/lxd.pid)")
    assert traces.left() == []


def test_refused_scenario_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = scenario.Request(method="POST", path="/1.0/networks", body={"name": "no/name"})
    plan = dataclasses.replace(scenario.BARE, requests=(refused,))
    seen: list[Traces] = []

    def watched(lxd: client.Client, plan: scenario.Scenario) -> None:
        seen.append(_traces("refused"))
        build_as_ever(lxd, plan)

    build_as_ever = build.build
    monkeypatch.setattr(secrets, "token_hex", lambda _length: "refused")
    monkeypatch.setattr(build, "build", watched)
    with (
        pytest.raises(lab.LabBroken, match=r"^lab: POST /1\.0/networks: .*invalid characters"),
        lab.throw_away(scenario=plan),
    ):
        pytest.fail("it started")
    assert seen[0].left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_start_that_is_ended_leaves_nothing(number: signal.Signals) -> None:
    name = f"start{number.value}"
    run = _run(START.format(name=name))
    _until(lambda: (record := records.read(name)) and record.init, "no record")
    traces = _traces(name)
    init = traces.record.init
    assert init is not None
    instances = pathlib.Path(f"/proc/{init.pid}/root/var/lib/lxd/containers")
    _until(lambda: instances.is_dir() and [*instances.iterdir()], "no instance was made")
    run.send_signal(number)
    run.communicate(timeout=PATIENCE)
    _until(lambda: not traces.left(), f"left: {traces.left()}")
    assert run.returncode == -number or number is signal.SIGINT


def test_lasting_lab_outlives_its_run_and_ends_when_told() -> None:
    run = _run("from pytest_lxdsec import lab; print(lab.start(scenario=lab.scenarios.BARE).id)")
    name = run.communicate(timeout=PATIENCE)[0].strip()
    here = lab.find(name)
    traces = _traces(name)
    alive = here.run("lxc", "info").returncode
    lab.stop(here)
    assert alive == 0
    assert traces.left() == []


def test_lab_without_records_directory_leaves_none() -> None:
    if records.DIRECTORY.exists():
        pytest.skip("another lab is running")
    with lab.throw_away(scenario=lab.scenarios.BARE):
        assert records.DIRECTORY.is_dir()
    assert not records.DIRECTORY.exists()
