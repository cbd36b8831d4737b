"""A testinfra backend for the inside of another process's namespaces: the lab's host.

The spec `nsenter://PID` is internal: it names a process that this package started. Commands run
in the environment of a root shell, not in that of this process.
"""

from __future__ import annotations

import pathlib
from typing import Any

from testinfra.backend import base

ENVIRONMENT = (
    "HOME=/root",
    "LANG=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)
COMMAND = f"nsenter --target %s --all --root --wd env -i {' '.join(ENVIRONMENT)} /bin/sh -c %s"


class NsenterBackend(base.BaseBackend):
    """A testinfra backend that runs commands in the namespaces of one process."""

    NAME = "nsenter"

    def __init__(self, pid: str) -> None:
        """Remember the process that has this id now.

        Raises:
            RuntimeError: No process has this id.
        """
        super().__init__(pid)
        self._birth = _birth(pid)

    def run(self, command: str, *args: str, **_options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command` in the process's namespaces.

        Raises:
            RuntimeError: The process is gone; another process may have its id by now.
        """
        self._require_alive()
        result = self.run_local(COMMAND, self.hostname, self.get_command(command, *args))
        if result.rc:
            self._require_alive()  # or nsenter's failure would look like the command's
        return result

    def _require_alive(self) -> None:
        if _birth(self.hostname) != self._birth:
            raise RuntimeError(f"process {self.hostname} is gone")


def _birth(pid: str) -> str:
    """Return the start time of the process, which identifies it together with its id."""
    try:
        stat = pathlib.Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RuntimeError(f"process {pid} is gone") from error
    # The name in parentheses may hold any character; starttime, field 22, is the 20th after it
    # (proc_pid_stat(5)).
    return stat.rpartition(")")[2].split()[19]
