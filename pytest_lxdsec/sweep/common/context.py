"""The question to the sweep, and the values of earlier sections."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


class Missing(Exception):
    """A section needs another one that failed; the text has its name and the reason."""


@dataclasses.dataclass(frozen=True)
class Question:
    """The arguments of the sweep.

    Attributes:
        server_pid: The daemon's process ID, as the API reports it.
        socket: The path of the API's unix socket on the host, "" if it is not known.
        endpoints: API paths to ask without a certificate.
        paths: Paths of the host that devices name.
        names: Host names in the daemon's listen addresses.
        probe: The script of the probe, for its control run; "" for no run.
    """

    server_pid: int
    socket: str = ""
    endpoints: Sequence[str] = ()
    paths: Sequence[str] = ()
    names: Sequence[str] = ()
    probe: str = ""


class Context:
    """The question, and the values of the sections that have run."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._values: dict[str, Any] = {}
        self._reasons: dict[str, str] = {}

    def add(self, name: str, value: object) -> None:
        """Keep the value of a section."""
        self._values[name] = value

    def fail(self, name: str, reason: str) -> None:
        """Keep the reason for which a section failed."""
        self._reasons[name] = reason

    def require(self, name: str) -> Any:  # noqa: ANN401  each section has a type of its own
        """Return the value of an earlier section.

        Raises:
            Missing: it failed; the text includes its reason.
        """
        if name not in self._values:
            reason = self._reasons.get(name, "it was not gathered")
            raise Missing(f"it needs host.{name}, which is missing: {reason}")
        return self._values[name]
