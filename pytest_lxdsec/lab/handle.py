"""The handle of a running lab, with which tests run programs in it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass

from . import scenario

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"HOME": "/root", "PATH": PATH, "LANG": "C.UTF-8", "USER": "root"}
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A running lab.

    Attributes:
        id: The lab's name in `lab:ID`.
        pid: The process id of the lab's PID 1 on this machine.
        socket: The path of LXD's unix socket on this machine.
        address: Address and port of LXD's HTTPS listener in the lab's network.
    """

    id: str
    pid: int
    socket: str
    address: str = f"{scenario.BRIDGE_ADDRESS}:{scenario.PORT}"

    def command(self, *argv: str) -> list[str]:
        """Return the command that runs `argv` as root inside the lab, in a clean environment."""
        environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        enter = ["nsenter", f"--target={self.pid}", *_NAMESPACES, "--"]
        return [*enter, "env", "-i", *environment, *argv]

    def run(
        self,
        *argv: str,
        input: bytes = b"",  # noqa: A002  # subprocess's name for it
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program inside the lab; the caller checks its exit status.

        Raises:
            subprocess.TimeoutExpired: The program ran for `timeout` seconds, and was killed.
        """
        command = self.command(*argv)
        # nsenter forks to enter the PID namespace: only its process group reaches the program.
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                output, errors = process.communicate(input, timeout)
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def shell(self, script: str) -> subprocess.CompletedProcess[bytes]:
        """Run a POSIX shell script inside the lab; see `run`."""
        return self.run("sh", "-c", script)
