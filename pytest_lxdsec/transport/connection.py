"""Connections to a target, opened when they are first needed and closed together.

Evidence is a file without a connection; a request for its API or host raises `NotAssessed`.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from ..verdict import NotAssessed
from . import Api, Shell, host_shell, instance_backend, lxd_api
from .targets import Reach, Target

# testinfra's class Host; testinfra ships no types.
Host = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The certificate and key files for https:// targets; "" if the user named no file."""

    cert: str = ""
    key: str = ""
    server_cert: str = ""


@dataclass(slots=True, kw_only=True)
class Connection:
    """The connections to one resolved target: its lab is running, its group is expanded.

    Threads may share it, because hosts are audited in parallel: a lock makes sure that each
    connection is opened once.
    """

    target: Target
    trust: Trust = Trust()
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _api: Api | None = None
    _shell: Shell | None = None
    _guests: dict[tuple[str, str], Host] = field(default_factory=dict)

    def api(self) -> Api:
        """Return the connection to LXD's API.

        Raises:
            Unreachable: The server cannot be reached.
            UserError: A certificate or key named by the user cannot be used.
            NotAssessed: The target is an evidence file.
        """
        with self._lock:
            if self._api is None:
                self._api = self._open_api()
                self._stack.callback(self._api.close)
            return self._api

    def _open_api(self) -> Api:
        match self.target.reach:
            case Reach.UNIX:
                return lxd_api.unix(self.target.address, target=self.target.name)
            case Reach.SHELL:
                return lxd_api.over_shell(
                    self._required_shell(), self.target.address, target=self.target.name
                )
            case Reach.HTTPS:
                return lxd_api.https(
                    self.target.address,
                    cert=self.trust.cert,
                    key=self.trust.key,
                    server_cert=self.trust.server_cert,
                    target=self.target.name,
                )
            case Reach.EVIDENCE:
                raise NotAssessed("evidence is a file: there is no live server behind it")
            case Reach.LAB:
                raise UserError(f"{self.target.name}: the lab is not up")

    def shell(self) -> Shell | None:
        """Return the connection to the host, or None if the target has no shell.

        Raises:
            Unreachable: The connection cannot be prepared; see `host_shell.connect`.
            UserError: testinfra cannot use the host spec.
        """
        if not self.target.shell:
            return None
        with self._lock:
            if self._shell is None:
                self._shell = host_shell.connect(self.target.shell, target=self.target.name)
                self._stack.callback(self._shell.close)
            return self._shell

    def _required_shell(self) -> Shell:
        found = self.shell()
        if found is None:
            raise NotAssessed(f"{self.target.name} has no shell: add ?shell=ssh://USER@HOST")
        return found

    def host(self) -> Host:
        """Return testinfra's `Host` for the server's host.

        Raises:
            NotAssessed: The target is an evidence file, or has no shell.
            Unreachable: See `shell`.
        """
        if self.target.reach is Reach.EVIDENCE:
            raise NotAssessed("evidence is a file: there is no live host behind it")
        return self._required_shell().host

    def guest(self, project: str, name: str) -> Host:
        """Return testinfra's `Host` for the inside of an instance.

        Raises:
            Unreachable: See `api`.
            NotAssessed: The target is an evidence file.
        """
        with self._lock:
            if (project, name) not in self._guests:
                found = instance_backend.connect(self.api(), project=project, name=name)
                self._guests[project, name] = found
            return self._guests[project, name]

    def close(self) -> None:
        """Close all connections that were opened."""
        with self._lock:
            self._guests.clear()
            self._api = self._shell = None
            self._stack.close()
