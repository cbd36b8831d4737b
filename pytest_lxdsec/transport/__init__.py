"""Transport of API requests and shell commands to a server, behind two small protocols.

`lxd_api` and `shell_tunnel` reach LXD through pylxd; `host_shell` reaches a host, and
`instance_backend` the inside of an instance, through testinfra. Only this package imports pylxd,
requests, urllib3 or testinfra; all other code uses the protocols below. Round trips are counted
here because their number is bounded by contract.
"""

from __future__ import annotations

import http
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
# Bytes of the largest response that is read: 1,000 running instances with their state are 4 MB.
BODY_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the API.

    Attributes:
        method: `GET`, `POST`, `DELETE`, ...
        path: The path from `/1.0` on, with its query, percent-encoded.
        body: The JSON document to send; None sends no body.
        patience: The number of seconds that the server may stay silent.
    """

    method: str
    path: str
    body: Any = None
    patience: float = READ_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The undecoded response to one request.

    Attributes:
        path: The path of the request.
        status: The HTTP status.
        body: The bytes of the body; meaningless if `error` is set.
        error: One line if the response began but cannot be used because it was cut short or is
            larger than `BODY_LIMIT`; "" otherwise.
    """

    path: str
    status: int
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The decoded response to one request.

    Attributes:
        path: The path of the request.
        status: The HTTP status; 0 if no HTTP response came.
        metadata: The `metadata` of LXD's response if the request succeeded, else None.
        error: The reason of the failure in one line; "" after a success.
    """

    path: str
    status: int
    metadata: Any = None
    error: str = ""

    @property
    def is_success(self) -> bool:
        """Return True if the server returned the requested document."""
        return self.status == http.HTTPStatus.OK and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The exit status and both output streams of a command, undecoded."""

    exit_status: int
    stdout: bytes
    stderr: bytes


class Api(Protocol):
    """A connection to one LXD server's REST API; threads may share it."""

    @property
    def target(self) -> str:
        """The server's name in messages."""

    @property
    def round_trips(self) -> int:
        """The number of requests (or, over a shell, commands) sent so far."""

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        """Send a GET for every path and return one answer for each, in the same order.

        Args:
            paths: Paths such as `/1.0/projects?recursion=1`.

        Raises:
            Unreachable: No answer can come: the connection is refused or timed out, the
                certificate is not the pinned one, or the peer does not speak HTTP.
        """

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Send every request in order, never twice, and return one reply for each.

        Raises:
            Unreachable: No answer can come; see `get_many`. LXD may have carried out the
                requests before the one that failed.
        """

    def close(self) -> None:
        """Close the connection."""


class Shell(Protocol):
    """A connection to the host under the server, as root; threads may share it."""

    @property
    def target(self) -> str:
        """The host's name in messages."""

    @property
    def host(self) -> Any:  # noqa: ANN401  a type of testinfra's, which is not imported here
        """The `testinfra.host.Host`, for a site's own tests; its commands are not counted."""

    @property
    def round_trips(self) -> int:
        """The number of commands that `run` has sent."""

    def run(self, command: str) -> Output:
        """Run a POSIX shell command without logging its output.

        Raises:
            Unreachable: The host could not be reached, or the command could not be started.
        """

    def close(self) -> None:
        """Close the connection."""
