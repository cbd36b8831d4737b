"""The host of these tests: complete, isolated, and removed without a trace."""

from __future__ import annotations

import contextlib
import pathlib
import re
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from tests.lab import waiting

from . import cache, machine, ready, vm

READY_SECONDS, RESUME_SECONDS = 300.0, 60.0
ROOT = pathlib.Path(__file__).parents[2]
# Run a host, print the ids of its processes, and wait to be killed.
DOOMED = """
import pathlib, sys, time
from tests.host import ready

with ready.running(pathlib.Path(sys.argv[1])) as here:
    print(*here.processes, flush=True)
    time.sleep(600)
"""
BUILDER = """
import pathlib, sys
from tests.host import image, machine

image.build(machine.own(), pathlib.Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("cat /proc/1/comm", "systemd"),
        ("systemctl is-system-running", "running"),
        ("systemctl is-active lxd.socket", "active"),
        ("cat /sys/module/apparmor/parameters/enabled", "Y"),
        ("stat --file-system --format %T /sys/fs/cgroup", "cgroup2fs"),
        ("systemd-detect-virt --container || true", "none"),
        # The kernel enforces limits there: every controller is in the one hierarchy.
        ("cat /sys/fs/cgroup/lxc.payload.hardened/memory.max", str(64 * 2**20)),
        ("cat /sys/fs/cgroup/lxc.payload.hardened/pids.max", "100"),
        ("cat /sys/fs/cgroup/lxc.payload.plain/memory.max", "max"),
    ],
)
def test_it_has_the_features_that_a_lab_lacks(host: vm.Vm, command: str, answer: str) -> None:
    assert host.shell(command).strip() == answer


def test_it_is_ready_within_minutes_of_nothing(
    host: vm.Vm, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Expect a cheap build, as measured when this machine built the entry of its cache.

    The cost is processor time of two processors, which is independent of other load.
    """
    base, saved = ready.get(machine.own())
    assert base == host.image
    costs = [cache.cost(place) for place in (base, saved)]
    record_testsuite_property("host.seconds", sum(cost["seconds"] for cost in costs))
    assert sum(cost["processor"] for cost in costs) < 2 * READY_SECONDS


def test_its_ports_are_on_loopback_only(host: vm.Vm) -> None:
    qemu, _ = host.processes
    listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    addresses = [line.split()[3] for line in listed.splitlines() if f"pid={qemu}," in line]
    assert len(addresses) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_it_cannot_reach_other_machines(host: vm.Vm) -> None:
    """Expect no network access, although QEMU's network could reach this machine and others."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        script = f"import socket; socket.create_connection(('10.0.2.2', {port}), 5)"
        done = host.run(f'python3 -c "{script}"')
    assert done.returncode == 1
    assert re.search(r"(TimeoutError|OSError|ConnectionRefusedError)", done.stderr.decode())


def test_another_resumes_in_seconds_and_shares_nothing(
    host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    began = time.monotonic()
    with ready.running(tmp_path) as other:
        assert other.shell("lxc list --format csv --columns s | grep --count RUNNING").strip()
        assert time.monotonic() - began < RESUME_SECONDS
        other.shell("touch /root/mine")
        assert not set(other.qemu.ports.values()) & set(host.qemu.ports.values())
        assert host.run("test -e /root/mine").returncode == 1
        processes = other.processes
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    assert not any(_is_alive(pid) for pid in processes)


def test_nothing_runs_on_after_a_killed_run(host: vm.Vm, tmp_path: pathlib.Path) -> None:
    del host  # its fixture skips the test if there can be no host
    command = [sys.executable, "-c", textwrap.dedent(DOOMED), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        processes = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
    assert len(processes) == 2
    waiting.until(lambda: not any(_is_alive(pid) for pid in processes))
    # Its disk is unlinked once QEMU has opened it; these two files are a kilobyte.
    assert {path.name for path in tmp_path.iterdir()} == {"config", "ssh"}


def test_no_builder_runs_on_after_a_killed_run(host: vm.Vm, tmp_path: pathlib.Path) -> None:
    del host  # likewise
    command = [sys.executable, "-c", textwrap.dedent(BUILDER), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT) as run:
        # Its namespaces, its script, debootstrap and one of its tools at least.
        waiting.until(lambda: len(_at_work_in(tmp_path)) > 3, seconds=60)
        run.kill()
    waiting.until(lambda: not _at_work_in(tmp_path))
    assert not (tmp_path / "disk.raw").exists()


def _at_work_in(directory: pathlib.Path) -> list[int]:
    """Return the processes of this machine that have this working directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink() == directory:
                found.append(int(path.parent.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie is only an exit status for its parent
