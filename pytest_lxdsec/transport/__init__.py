"""How words reach a server: two small protocols, and nothing that knows what is asked.

`api` and `shell_tunnel` speak to LXD through pylxd, `shell` to a host and `guest` to the inside of
an instance through testinfra. They are the only modules of ours that import pylxd, requests,
urllib3 or testinfra; everything else sees the protocols below. Round trips are counted here,
because keeping them few is a promise.
"""

from __future__ import annotations

import http
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
# The largest answer that is read: 1,000 running instances with their state are 4 MB.
BODY_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the API.

    Attributes:
        method: `GET`, `POST`, `DELETE`, ...
        path: From `/1.0` on, with its query, quoted as it goes over the wire.
        body: Sent as JSON; None sends nothing.
        patience: For how many seconds the server may be silent.
    """

    method: str
    path: str
    body: Any = None
    patience: float = READ_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back for one request, undecoded.

    `error` is one line where an HTTP answer began and cannot be used: cut short, or larger than
    `BODY_LIMIT`. `body` is empty then, which says nothing.
    """

    path: str
    status: int
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API said to one GET: `metadata` of a success, else the one-line `error`.

    `status` is the HTTP status; 0 where no HTTP answer came at all.
    """

    path: str
    status: int
    metadata: Any = None
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the server answered with what was asked for."""
        return self.status == http.HTTPStatus.OK and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a command left: its exit status and both streams, undecoded."""

    exit_status: int
    stdout: bytes
    stderr: bytes


class Api(Protocol):
    """A connection to one LXD server's REST API; threads may share it."""

    @property
    def target(self) -> str:
        """What messages call the server."""

    @property
    def round_trips(self) -> int:
        """How many requests (or, over a shell, commands) this connection has cost."""

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        """GET every path, such as `/1.0/projects?recursion=1`; one answer each, in order.

        Raises:
            Unreachable: no answer can come: refused, timed out, a certificate that is not
                the pinned one, a peer that does not speak HTTP.
        """

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Send every request, one after the other and never twice; one reply each, in order.

        Raises:
            Unreachable: as `get_many`; requests before the one that failed may have been done.
        """

    def close(self) -> None:
        """Let go of the connection."""


class Shell(Protocol):
    """A connection to the host under the server, as root; threads may share it."""

    @property
    def target(self) -> str:
        """What messages call the host."""

    @property
    def host(self) -> Any:  # noqa: ANN401  a type of testinfra's, which is not imported here
        """The `testinfra.host.Host`, for a site's own tests; its commands are not counted."""

    @property
    def round_trips(self) -> int:
        """How many commands `run` has carried."""

    def run(self, command: str) -> Output:
        """Run a POSIX shell command; what it prints enters no log.

        Raises:
            Unreachable: the host could not be reached, or the command could not be started.
        """

    def close(self) -> None:
        """Let go of the connection."""
