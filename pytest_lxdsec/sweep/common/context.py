"""What was asked, and what the sections before have found; imports the standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


class Missing(Exception):
    """A section builds on another that brought nothing; the text says which and why."""


@dataclasses.dataclass(frozen=True)
class Question:
    """What the sweep was told.

    Attributes:
        server_pid: The daemon's process id, as the API gives it.
        socket: The path of the API's unix socket on the host, "" where it is not known.
        endpoints: API paths to ask without a certificate.
        paths: Paths of the host that devices name.
        names: Host names in the daemon's listen addresses.
        probe: The script that runs inside containers, for its control run; "" for none.
    """

    server_pid: int
    socket: str = ""
    endpoints: Sequence[str] = ()
    paths: Sequence[str] = ()
    names: Sequence[str] = ()
    probe: str = ""


class Known:
    """The question, and the values of the sections that have run."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._values: dict[str, Any] = {}
        self._reasons: dict[str, str] = {}

    def add(self, name: str, value: object) -> None:
        """Keep what a section found."""
        self._values[name] = value

    def lack(self, name: str, reason: str) -> None:
        """Keep why a section found nothing."""
        self._reasons[name] = reason

    def require(self, name: str) -> Any:  # noqa: ANN401  each section has a type of its own
        """Return what an earlier section found.

        Raises:
            Missing: it found nothing, for a reason that whoever reads of the other wants, too.
        """
        if name not in self._values:
            reason = self._reasons.get(name, "it was not looked at")
            raise Missing(f"it builds on host.{name}, which is missing: {reason}")
        return self._values[name]
