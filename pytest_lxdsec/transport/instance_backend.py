"""Commands inside an instance: a testinfra backend over LXD's exec, by plain API requests."""

from __future__ import annotations

from typing import Any

import testinfra.host
from testinfra.backend import base

from . import Api, exec_batch
from .exec_request import Errand, GuestUnavailable

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
    """Return testinfra's host for the inside of an instance; nothing is sent yet.

    Its commands raise `GuestUnavailable` where LXD cannot run them and `Unreachable` where LXD
    does not answer.

    Args:
        api: The server, or any member of its cluster: LXD forwards to the right one.
        project: The instance's project.
        name: The instance.
        location: The cluster member that it runs on, for messages.
        seconds: How long one command may take; 0 for `COMMAND_SECONDS`.
    """
    backend = GuestBackend(api, project, name, location, seconds=seconds)
    host = testinfra.host.Host(backend)
    backend.set_host(host)
    return host


class GuestBackend(base.BaseBackend):
    """Runs commands as root in one instance."""

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
        """Run `command` through /bin/sh.

        Raises:
            GuestUnavailable: it could not be run, or its result is not all there.
            Unreachable: LXD does not answer.
        """
        line = self.get_command(command, *args)
        errand = Errand(project=self._project, name=self._name, location=self._location, line=line)
        exec_batch.run(self._api, [errand], seconds=self._seconds)
        if errand.error is not None:
            raise errand.error
        return self.result(errand.status, self.encode(line), errand.stdout, errand.stderr)
