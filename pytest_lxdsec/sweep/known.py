"""What was asked, and what the sections before have found; imports the standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


class Missing(Exception):
    """A section builds on another that brought nothing; the text names it."""


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

    def add(self, name: str, value: object) -> None:
        """Keep what a section found."""
        self._values[name] = value

    def require(self, name: str) -> Any:  # noqa: ANN401  each section has a type of its own
        """What an earlier section found.

        Raises:
            Missing: it found nothing; its own entry in the document says why.
        """
        if name not in self._values:
            raise Missing(f"it builds on host.{name}, which is missing")
        return self._values[name]
