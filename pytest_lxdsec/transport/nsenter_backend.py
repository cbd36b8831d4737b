"""A testinfra backend for the inside of another process's namespaces: the lab's host.

`nsenter://PID` is a spec of our own, for what this machine started itself; users have no need
of it. The environment is what a root shell would have, not ours.
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
    """Runs commands where the process with this id lives."""

    NAME = "nsenter"

    def __init__(self, pid: str) -> None:
        """Take the process that has this id now.

        Raises:
            RuntimeError: there is none.
        """
        super().__init__(pid)
        self._birth = _birth(pid)

    def run(self, command: str, *args: str, **_options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command`.

        Raises:
            RuntimeError: the process is gone; its id may be another's by now.
        """
        self._require_alive()
        result = self.run_local(COMMAND, self.hostname, self.get_command(command, *args))
        if result.rc:
            self._require_alive()  # else nsenter's failure would look like the command's
        return result

    def _require_alive(self) -> None:
        if _birth(self.hostname) != self._birth:
            raise RuntimeError(f"process {self.hostname} is gone")


def _birth(pid: str) -> str:
    """Return when the process started, which with its id names it for good."""
    try:
        stat = pathlib.Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RuntimeError(f"process {pid} is gone") from error
    # The name, in parentheses, may hold anything; the 22nd field is the 20th after it.
    return stat.rpartition(")")[2].split()[19]
