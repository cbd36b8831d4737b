"""The host that tests stand on: whole, alone in the world, and gone without a trace."""

from __future__ import annotations

import pathlib
import re
import socket
import subprocess
import sys
import textwrap

import pytest

from ..lab import waiting
from . import ready, vm

ROOT = pathlib.Path(__file__).parents[2]
# Has a host, says whose processes it consists of, and waits to be killed.
DOOMED = """
import pathlib, sys, time
from tests.host import ready

with ready.running(pathlib.Path(sys.argv[1])) as here:
    print(*here.processes, flush=True)
    time.sleep(600)
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
    ],
)
def test_it_has_what_a_lab_lacks(host: vm.Vm, command: str, answer: str) -> None:
    assert host.shell(command).strip() == answer


def test_its_ports_are_on_loopback_only(host: vm.Vm) -> None:
    qemu, _ = host.processes
    told = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    addresses = [line.split()[3] for line in told.splitlines() if f"pid={qemu}," in line]
    assert len(addresses) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_it_reaches_nobody(host: vm.Vm) -> None:
    """QEMU's own network would lead to this machine's loopback, and out."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        script = f"import socket; socket.create_connection(('10.0.2.2', {port}), 5)"
        done = host.run(f'python3 -c "{script}"')
    assert done.returncode == 1
    assert re.search(r"(TimeoutError|OSError|ConnectionRefusedError)", done.stderr.decode())


def test_two_run_side_by_side_and_share_nothing(host: vm.Vm, tmp_path: pathlib.Path) -> None:
    with ready.running(tmp_path) as other:
        other.shell("touch /root/mine")
        assert not set(other.qemu.ports.values()) & set(host.qemu.ports.values())
        assert host.run("test -e /root/mine").returncode == 1
        processes = other.processes
    assert [path.name for path in tmp_path.iterdir()] == ["config"]
    assert not any(_is_alive(pid) for pid in processes)


def test_nothing_runs_on_after_a_killed_run(host: vm.Vm, tmp_path: pathlib.Path) -> None:
    del host  # says whether there can be one at all
    command = [sys.executable, "-c", textwrap.dedent(DOOMED), str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        processes = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
    assert len(processes) == 2
    waiting.until(lambda: not any(_is_alive(pid) for pid in processes))


def _is_alive(pid: int) -> bool:
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie is but its exit status, for whoever adopted it
