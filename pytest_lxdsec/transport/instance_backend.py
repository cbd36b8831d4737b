"""Commands inside an instance: a testinfra backend that uses LXD's exec over the API."""

from __future__ import annotations

from typing import Any

import testinfra.host
from testinfra.backend import base

from . import Api, exec_batch
from .exec_request import ExecRequest, GuestUnavailable

__all__ = ["GuestBackend", "GuestUnavailable", "connect"]

ENCODING = "UTF-8"
COMMAND_SECONDS = 600.0


def connect(
    api: Api,
    *,
    project: str,
    name: str,
    location: str = "",
    seconds: float = 0.0,
) -> testinfra.host.Host:
    """Return testinfra's host for the inside of an instance; no request is sent yet.

    The host's commands raise `GuestUnavailable` if LXD cannot run them, and `Unreachable` if LXD
    does not answer.

    Args:
        api: The server, or any member of its cluster: LXD forwards to the right member.
        project: The instance's project.
        name: The instance's name.
        location: The cluster member that the instance runs on, for messages.
        seconds: The time limit for one command; 0 for `COMMAND_SECONDS`.
    """
    backend = GuestBackend(api, project, name, location, seconds=seconds)
    host = testinfra.host.Host(backend)
    backend.set_host(host)
    return host


class GuestBackend(base.BaseBackend):
    """A testinfra backend that runs commands as root in one instance."""

    NAME = "lxd"

    def __init__(
        self,
        api: Api,
        project: str,
        name: str,
        location: str,
        *,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(f"{project}/{name}")
        self._encoding = ENCODING
        self._api = api
        self._seconds = seconds or COMMAND_SECONDS
        self._name = name
        self._project = project
        self._location = location

    def run(self, command: str, *args: str, **_options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command` in the instance's /bin/sh.

        Raises:
            GuestUnavailable: The command could not be run, or its output is incomplete.
            Unreachable: LXD does not answer.
        """
        line = self.get_command(command, *args)
        exec_request = ExecRequest(
            project=self._project, name=self._name, location=self._location, line=line
        )
        exec_batch.run(self._api, [exec_request], seconds=self._seconds)
        if exec_request.error is not None:
            raise exec_request.error
        return self.result(
            exec_request.status, self.encode(line), exec_request.stdout, exec_request.stderr
        )
