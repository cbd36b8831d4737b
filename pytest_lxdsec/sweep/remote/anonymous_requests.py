"""Requests without a client certificate to every listener of the daemon.

The client follows no redirect, keeps names but no values of answers (a value may be a leaked
secret), and ends within `CONNECT_SECONDS` whatever the listener does.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import http.client
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..common import commands, context, lxd_daemons, netns, sockets
from . import tls_client

CONNECT_SECONDS = 5.0
LONGEST_ANSWER = 1024 * 1024
MOST_NAMES = 100  # in one answer; LXD's own environment has 25
LONGEST_NAME = 100
# A wildcard is asked on loopback; `::` accepts IPv4, too, if loopback has no IPv6 address.
LOOPBACK: dict[str, tuple[str, ...]] = {"0.0.0.0": ("127.0.0.1",), "::": ("::1", "127.0.0.1")}  # noqa: S104  compared, never bound

if TYPE_CHECKING:
    Endpoint = tuple[str, int]


@dataclasses.dataclass(frozen=True)
class AnonymousAnswer:
    """Decoded as `evidence.remote_facts.AnonymousAnswer`."""

    path: str
    status: int
    is_json: bool
    auth: str
    environment: Sequence[str]
    config: Sequence[str]


@dataclasses.dataclass(frozen=True)
class AnonymousRequests:
    """Decoded as `evidence.remote_facts.AnonymousRequests`."""

    address: str
    port: int
    tls: str
    error: str
    answers: Sequence[AnonymousAnswer]


def ask_all(facts: context.Context) -> tuple[AnonymousRequests, ...]:
    """Section: ask every listener for every endpoint, from within the daemon's network."""
    server: lxd_daemons.Daemon = facts.require("server")
    listeners: Sequence[sockets.Listener] = facts.require("listeners")
    endpoints = sorted({(listener.address, listener.port) for listener in listeners})
    return netns.in_network_of(
        server.pid, lambda: _side_by_side(endpoints, facts.question.endpoints)
    )


def _side_by_side(
    endpoints: Sequence[Endpoint], paths: Sequence[str]
) -> tuple[AnonymousRequests, ...]:
    with concurrent.futures.ThreadPoolExecutor(max(len(endpoints), 1)) as pool:
        return tuple(pool.map(lambda endpoint: ask(endpoint, paths), endpoints))


def ask(
    endpoint: Endpoint, paths: Iterable[str], *, seconds: float = CONNECT_SECONDS
) -> AnonymousRequests:
    """Ask one listener, over one connection unless it closes it; never fails, see `error`."""
    address, port = endpoint
    answers: list[AnonymousAnswer] = []
    client = tls_client.Client(LOOPBACK.get(address, (address,)), port, seconds=seconds)
    error = ""
    try:
        for path in paths:
            answers.append(_ask(client, path))  # noqa: PERF401  those before an error are kept
    except (OSError, ValueError, http.client.HTTPException) as cause:
        error = commands.reason(cause)
    finally:
        client.hang_up()
    return AnonymousRequests(
        address=address, port=port, tls=client.tls, error=error, answers=answers
    )


def _ask(client: tls_client.Client, path: str) -> AnonymousAnswer:
    client.request("GET", path)
    response = client.getresponse()
    body = response.read(LONGEST_ANSWER + 1)
    if len(body) > LONGEST_ANSWER:
        raise ValueError(f"{path}: an answer of more than {LONGEST_ANSWER} bytes")
    return disclosed(path, response.status, body)


def disclosed(path: str, status: int, body: bytes) -> AnonymousAnswer:
    """Return the disclosed names of an answer."""
    try:
        document = json.loads(body.decode())
    except (ValueError, RecursionError):
        document = None
    metadata = document.get("metadata") if isinstance(document, dict) else None
    words = metadata if isinstance(metadata, dict) else {}
    return AnonymousAnswer(
        path=path,
        status=status,
        is_json=isinstance(document, dict),
        auth=str(words.get("auth", ""))[:LONGEST_NAME],
        environment=_names(words.get("environment")),
        config=_names(words.get("config")),
    )


def _names(value: object) -> tuple[str, ...]:
    """Return the names in an object; the type of any other value that is not empty."""
    if not value:
        return ()
    if not isinstance(value, dict):
        return (type(value).__name__,)
    return tuple(name[:LONGEST_NAME] for name in sorted(value)[:MOST_NAMES])
