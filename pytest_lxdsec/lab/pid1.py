"""PID 1 of a lab: brings the network up, starts the LXD daemon, then reaps children for ever.

It runs in a fork of the supervisor. Its death ends the lab: the kernel kills all other processes
of a PID namespace when the first one ends.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import traceback
from typing import NoReturn

from .. import errors
from . import cgroups, handle, namespaces, scenario, syscalls

READY = b"ready\n"
UPLINK_ADDRESSES = ("192.0.2.1/24", "2001:db8:5::1/64")
LOG = "/var/log/lxd/lxd.log"
OUTPUT = "/var/log/lxd/output.log"
DAEMON = ("lxd", "--group", "lxd", "--logfile", LOG)
DAEMON_PID = "/run/lxd.pid"

_LINKS = f"""\
link set lo up
link add {scenario.UPLINK} type veth peer name up1
link set {scenario.UPLINK} up
link set up1 up
addr add {UPLINK_ADDRESSES[0]} dev {scenario.UPLINK}
addr add {UPLINK_ADDRESSES[1]} dev {scenario.UPLINK} nodad
"""
_SETTINGS = (  # Without these LXD refuses a routed NIC.
    "ipv4/conf/all/forwarding",
    f"ipv4/conf/{scenario.UPLINK}/forwarding",
    "ipv6/conf/all/forwarding",
    f"ipv6/conf/{scenario.UPLINK}/forwarding",
    "ipv6/conf/all/proxy_ndp",
    f"ipv6/conf/{scenario.UPLINK}/proxy_ndp",
)
# systemd keeps PID 1 in a leaf of this name, and LXC strips it from paths. A cgroup2 group that
# has processes of its own cannot enable controllers for the containers' groups below it.
_LEAF = pathlib.Path("/sys/fs/cgroup/init.scope")


def main(*, armed: int, go: int) -> NoReturn:
    """Become the lab's PID 1.

    Args:
        armed: A pipe's end to close once this process is sure to die with the supervisor.
        go: A pipe's end with one byte to read once the lab's record names this process.
    """
    try:
        syscalls.die_with_parent()
        os.close(armed)
        if os.read(go, 1):
            _start()
            _reap()
    except (errors.LxdsecError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
    finally:
        if sys.exc_info()[0] is not None:  # A bug; the supervisor's code must not run on here.
            traceback.print_exc()
        os._exit(1)


def _start() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.umask(0o022)
    _close_other_files()
    namespaces.enter()
    socket.sethostname(namespaces.HOST_NAME)
    _LEAF.mkdir()
    cgroups.move(str(_LEAF), os.getpid())
    cgroups.enable_controllers(_LEAF.parent)
    _network()
    _daemon()
    _report_ready()


def _close_other_files() -> None:
    """Close the supervisor's file descriptors; otherwise the end of a pipe would be missed."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _network() -> None:
    _run("ip", "-batch", "-", text=_LINKS)
    for name in _SETTINGS:
        (pathlib.Path("/proc/sys/net") / name).write_text("1")


def _daemon() -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    with pathlib.Path(OUTPUT).open("wb") as output:
        daemon = subprocess.Popen(
            DAEMON,
            stdin=null,
            stdout=output,
            stderr=output,
            env=handle.ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    os.close(null)
    pathlib.Path(DAEMON_PID).write_text(f"{daemon.pid}\n")


def _report_ready() -> None:
    os.write(2, READY)
    syscalls.detach_streams()


def _reap() -> NoReturn:
    """Wait for all children, also adopted ones; the lab goes on if the daemon ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        signal.sigwait({signal.SIGCHLD})


def _run(*command: str, text: str) -> None:
    done = subprocess.run(
        command,
        input=text,
        text=True,
        env=handle.ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip()}")
