"""A lab leaves no trace, however its run ends."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from pytest_lxdsec import lab
from pytest_lxdsec.lab import build, lxd_client, records, scenario

from . import waiting

# The fixture skips the tests if this machine cannot run a lab, or fails them if it must.
pytestmark = pytest.mark.usefixtures("lab")

PATIENCE = 20.0
HOLD = """\
import sys
from pytest_lxdsec import lab
with lab.throw_away(scenario=lab.scenarios.BARE) as here:
    print(here.id, flush=True)
    sys.stdin.read()
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
    """All traces of one lab that could remain on the machine."""

    record: records.Record
    processes: tuple[records.Process, ...]
    state: tuple[str, ...]

    def left(self) -> list[str]:
        """Return descriptions of the traces that remain."""
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


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _until_nothing_is_left(traces: Traces) -> None:
    deadline = time.monotonic() + PATIENCE
    while left := traces.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def _instances(name: str) -> list[pathlib.Path]:
    record = records.read(name)
    if record is None or record.init is None:
        return []
    directory = pathlib.Path(f"/proc/{record.init.pid}/root/var/lib/lxd/containers")
    # Before the lab's own LXD_DIR exists, this is the machine's, which the test must not touch.
    is_ours = directory.with_name("unix.socket").exists()
    return [*directory.iterdir()] if is_ours and directory.is_dir() else []


Runner = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def script() -> Iterator[Runner]:
    """Return a function that starts Python programs, which end with the test at the latest."""
    with contextlib.ExitStack() as stack:

        def start(text: str) -> subprocess.Popen[str]:
            program = subprocess.Popen(
                [*waiting.INTERRUPTIBLE, sys.executable, "-c", text],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(pathlib.Path(lab.__file__).parents[2])},
            )
            stack.enter_context(program)
            stack.callback(program.kill)
            return program

        yield start


@pytest.fixture
def held(script: Runner) -> tuple[subprocess.Popen[str], Traces]:
    """Start a run that holds a lab until its input ends."""
    run = script(HOLD)
    assert run.stdout is not None
    return run, _traces(run.stdout.readline().strip())


def test_traces_of_a_running_lab_are_found() -> None:
    with lab.throw_away(scenario=lab.scenarios.BARE) as here:
        found = _traces(here.id).left()
    assert found == ["record", "control group", "supervisor", "init", "process"]


def test_success_leaves_nothing(held: tuple[subprocess.Popen[str], Traces]) -> None:
    run, traces = held
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


def test_interrupt_leaves_nothing(held: tuple[subprocess.Popen[str], Traces]) -> None:
    run, traces = held
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert traces.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_run_that_is_killed_leaves_nothing(
    number: signal.Signals, held: tuple[subprocess.Popen[str], Traces]
) -> None:
    run, traces = held
    run.send_signal(number)
    run.communicate(timeout=PATIENCE)
    _until_nothing_is_left(traces)
    assert run.returncode == -number


def test_lab_dies_with_its_supervisor_and_its_run_cleans_up(
    held: tuple[subprocess.Popen[str], Traces],
) -> None:
    run, traces = held
    assert traces.record.supervisor.end(signal.SIGKILL, PATIENCE)
    _until(lambda: "process" not in traces.left(), "its processes live on")
    run.communicate("", timeout=PATIENCE)
    assert traces.left() == []


def test_next_start_removes_the_lab_of_a_killed_run_and_supervisor(
    held: tuple[subprocess.Popen[str], Traces],
) -> None:
    run, traces = held
    assert traces.record.supervisor.end(signal.SIGSTOP, 0) is False  # Otherwise it would clean up.
    run.kill()
    run.communicate(timeout=PATIENCE)
    assert traces.record.supervisor.end(signal.SIGKILL, PATIENCE)
    # Another start on this machine, of a parallel test, may clean up first.
    _until(lambda: {"record", "control group"}.issuperset(traces.left()), "they live on")
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
    name = f"refused-{os.getpid()}"
    seen: list[Traces] = []

    def watched(lxd: lxd_client.Client, plan: scenario.Scenario) -> None:
        seen.append(_traces(name))
        build_as_ever(lxd, plan)

    build_as_ever = build.build
    monkeypatch.setattr(secrets, "token_hex", lambda _length: name)
    monkeypatch.setattr(build, "build", watched)
    with (
        pytest.raises(lab.LabBroken, match=r"^lab: POST /1\.0/networks: .*invalid characters"),
        lab.throw_away(scenario=plan),
    ):
        pytest.fail("it started")
    assert seen[0].left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_start_that_is_ended_leaves_nothing(number: signal.Signals, script: Runner) -> None:
    name = f"start-{os.getpid()}-{number.value}"
    run = script(START.format(name=name))
    _until(lambda: _instances(name) or run.poll(), "no instance was made")
    traces = _traces(name)
    run.send_signal(number)
    run.communicate(timeout=PATIENCE)
    _until_nothing_is_left(traces)
    assert run.returncode == -number or number is signal.SIGINT


def test_lasting_lab_outlives_its_run_and_can_be_ended(script: Runner) -> None:
    run = script("from pytest_lxdsec import lab; print(lab.start(scenario=lab.scenarios.BARE).id)")
    name = run.communicate(timeout=PATIENCE)[0].strip()
    here = lab.find(name)
    traces = _traces(name)
    alive = here.run("lxc", "info").returncode
    lab.stop(here)
    assert alive == 0
    assert traces.left() == []
