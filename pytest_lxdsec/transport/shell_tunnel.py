"""HTTP over a shell command: access to LXD's unix socket on a host with a shell only.

An adapter for requests that sends a whole batch of API requests as one command. The command
contains a small program (`socket_relay`), so that nothing has to be installed or removed on the
host. The payload comes back compressed, between two marker lines: a banner before it does no harm,
and truncated output is detected instead of being taken for an answer.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import io
import json
import pathlib
import re
import secrets
import shlex
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence

import requests
import requests.adapters
import urllib3

from ..errors import Unreachable
from . import BODY_LIMIT, CONNECT_SECONDS, Output, Reply, Request, Shell, one_line, socket_relay

# The address for pylxd: the adapter knows the socket, and no host has this name.
URL = "http://lxd"
# A shell's whole command is one argument, which Linux limits to 128 KiB (MAX_ARG_STRLEN); quoting
# for the shells in between makes it longer.
COMMAND_LIMIT = 100_000
# Bytes of all bodies together, and of the relay's statuses and errors.
PAYLOAD_LIMIT = BODY_LIMIT + (1 << 20)
NOT_FOUND = 127
LAUNCHER = "import base64,sys,zlib;exec(zlib.decompress(base64.b64decode(sys.argv.pop(1))))"


class Spoiled(requests.RequestException):
    """A response began and cannot be used; `reply` holds the reason."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.error)
        self.reply = reply


class _Lost(Exception):
    """The command returned no payload; the text is the one-line cause."""


class TunnelAdapter(requests.adapters.HTTPAdapter):
    """An adapter that answers requests from the batch that was announced in the same thread."""

    def __init__(self, shell: Shell, path: str, target: str) -> None:
        super().__init__()
        self._shell = shell
        self._path = path
        self._target = target
        self._announced = threading.local()

    @contextlib.contextmanager
    def batch(self, requests: Sequence[Request]) -> Iterator[int]:
        """Run the command for `requests`, which must then be sent in this order.

        Yields:
            The number of round trips: one command.

        Raises:
            Unreachable: The command failed, or returned no complete payload.
        """
        try:
            self._announced.replies = iter(self._carry(requests))
        except _Lost as error:
            raise Unreachable(self._target, str(error)) from error
        try:
            yield 1
        finally:
            del self._announced.replies

    def _carry(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        marker = secrets.token_hex(8)
        command = _command(self._batch_document(marker, requests))
        if len(command) > COMMAND_LIMIT:
            raise _Lost("the request is too long for a shell command")
        return _replies(_payload(self._shell.run(command), marker), requests)

    def send(  # type: ignore[override]  # the other options concern connections
        self, request: requests.PreparedRequest, **_options: object
    ) -> requests.Response:
        """Return the next response of the batch."""
        reply: Reply = next(self._announced.replies)
        if reply.error:
            raise Spoiled(reply)
        return response(self, request, reply.status, reply.body)

    def _batch_document(self, marker: str, requests: Sequence[Request]) -> dict[str, object]:
        return {
            "marker": marker,
            "socket": self._path,
            "advice": "name the socket: ?socket=/PATH",
            "candidates": socket_relay.CANDIDATES,
            "connect": CONNECT_SECONDS,
            "limit": BODY_LIMIT,
            "requests": [
                (request.method, request.path, _body(request), request.patience)
                for request in requests
            ],
        }


def response(
    adapter: requests.adapters.HTTPAdapter,
    request: requests.PreparedRequest,
    status: int,
    body: bytes,
) -> requests.Response:
    """Return a response with `body`, as if it had come over a connection of `adapter`."""
    raw = urllib3.HTTPResponse(body=io.BytesIO(body), status=status, preload_content=False)
    return adapter.build_response(request, raw)


def _body(request: Request) -> str | None:
    return None if request.body is None else json.dumps(request.body)


def _command(document: Mapping[str, object]) -> str:
    # -I and -S ignore the host's environment and site-packages, and python starts faster.
    words = ("python3", "-IS", "-c", LAUNCHER, _program(), _packed(json.dumps(document).encode()))
    return shlex.join(words)


@functools.cache
def _program() -> str:
    return _packed(pathlib.Path(socket_relay.__file__).read_bytes())


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _payload(output: Output, marker: str) -> bytes:
    """Return the relay's payload, decompressed.

    Raises:
        _Lost: The command failed, or part of its output is missing.
    """
    if output.exit_status:
        raise _Lost(_failure(output))
    pattern = rf"^{marker}:begin\s+([A-Za-z0-9+/=]*)\s+{marker}:end\s*$"
    found = re.search(pattern.encode(), output.stdout, re.MULTILINE)
    if found is None:
        raise _Lost("the output of the command that carries the API was cut off")
    opened = zlib.decompressobj()
    try:
        payload = opened.decompress(base64.b64decode(found[1]), PAYLOAD_LIMIT)
    except (binascii.Error, zlib.error) as error:
        raise _Lost("the output of the command that carries the API is damaged") from error
    if not opened.eof:
        raise _Lost("the output of the command that carries the API is incomplete")
    return payload


def _failure(output: Output) -> str:
    words = one_line.last_line(output.stderr) or "nothing on its error output"
    if output.exit_status == NOT_FOUND:
        return f"no python3 on the host, which carries the API: install it ({words})"
    return f"the command that carries the API ended with {output.exit_status}: {words}"


def _replies(payload: bytes, requests: Sequence[Request]) -> tuple[Reply, ...]:
    line, _, bodies = payload.partition(b"\n")
    try:
        head = json.loads(line)
        if "cause" in head:
            raise _Lost(one_line.one_line(head["cause"]))
        return tuple(_unpack(head["replies"], bodies, requests))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise _Lost("the command that carries the API returned a malformed payload") from error


def _unpack(
    heads: Sequence[tuple[int, int, str]], bodies: bytes, requests: Sequence[Request]
) -> Iterator[Reply]:
    stream = io.BytesIO(bodies)
    for request, (status, length, error) in zip(requests, heads, strict=True):
        body = stream.read(length)
        if not (isinstance(status, int) and isinstance(error, str) and len(body) == length):
            raise TypeError("the relay's head does not match its bodies")
        yield Reply(path=request.path, status=status, body=body, error=error)
