"""Roads to a target, opened when first asked for and closed together.

Evidence has no road: it is a file, and asking it for a live host says so.
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

# What testinfra calls Host; it ships no types.
Host = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The files with which https:// targets are met; "" where none was named."""

    cert: str = ""
    key: str = ""
    server_cert: str = ""


@dataclass(slots=True, kw_only=True)
class Connection:
    """The roads to one resolved target: a lab must be up, a group taken apart.

    Hosts are asked side by side, so opening is guarded; each road is opened once.
    """

    target: Target
    trust: Trust = Trust()
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _api: Api | None = None
    _shell: Shell | None = None
    _guests: dict[tuple[str, str], Host] = field(default_factory=dict)

    def api(self) -> Api:
        """The way to LXD's API.

        Raises:
            Unreachable: there is none.
            UserError: a certificate that was named cannot be used.
            NotAssessed: the target is a file of evidence.
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
        """The way to the host; None where the target has none.

        Raises:
            Unreachable: the host does not answer.
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
        """Testinfra's `Host` of the server's host."""
        if self.target.reach is Reach.EVIDENCE:
            raise NotAssessed("evidence is a file: there is no live host behind it")
        return self._required_shell().host

    def guest(self, project: str, name: str) -> Host:
        """Testinfra's `Host` of an instance's inside."""
        with self._lock:
            if (project, name) not in self._guests:
                found = instance_backend.connect(self.api(), project=project, name=name)
                self._guests[project, name] = found
            return self._guests[project, name]

    def close(self) -> None:
        """Close whatever was opened."""
        with self._lock:
            self._guests.clear()
            self._api = self._shell = None
            self._stack.close()
