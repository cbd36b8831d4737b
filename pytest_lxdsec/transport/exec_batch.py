"""Commands in any number of instances in parallel, in three exchanges with LXD.

Over a slow connection the exchanges are what costs, so each exchange covers all instances.
"""

from __future__ import annotations

import http
import time
from collections.abc import Iterable, Sequence

from . import Api, Request
from .exec_request import ExecRequest

WAIT_SECONDS = 30
# The commands began together, so the others have nearly the same time behind them as the first.
LATER_SECONDS = 5


def run(api: Api, exec_requests: Sequence[ExecRequest], *, seconds: float) -> None:
    """Run all commands in parallel; afterwards each has its result or its error.

    The outputs that LXD recorded are deleted.

    Args:
        api: The server, or any member of its cluster: LXD forwards to the right member.
        exec_requests: Requests that have not been started yet.
        seconds: The time limit for all commands together.

    Raises:
        Unreachable: LXD does not answer.
    """
    try:
        deadline = time.monotonic() + seconds
        starts = [exec_request.start_request() for exec_request in exec_requests]
        for exec_request, reply in zip(exec_requests, api.send_many(starts), strict=True):
            exec_request.read_start(reply)
        while waiting := [
            exec_request for exec_request in exec_requests if exec_request.is_waiting
        ]:
            if time.monotonic() >= deadline:
                _give_up(waiting, seconds)
            else:
                _wait(api, waiting, seconds)
    except KeyboardInterrupt:
        _discard(api, exec_requests)
        raise
    _discard(
        api, [exec_request for exec_request in exec_requests if exec_request.error is not None]
    )
    _collect(api, [exec_request for exec_request in exec_requests if exec_request.error is None])


def _give_up(exec_requests: Iterable[ExecRequest], seconds: float) -> None:
    for exec_request in exec_requests:
        exec_request.fail(
            f"the command has not ended after {seconds:g} s and runs on: end it by hand"
        )


def _wait(api: Api, exec_requests: Sequence[ExecRequest], seconds: float) -> None:
    """Read the state of every operation, once the first has ended or after half a minute."""
    first = max(1, min(WAIT_SECONDS, round(seconds)))
    later = min(first, LATER_SECONDS)
    paths = [
        f"{exec_request.operation}/wait?timeout={later if number else first}"
        for number, exec_request in enumerate(exec_requests)
    ]
    waited = dict(zip(exec_requests, api.get_many(paths), strict=True))
    # From 5.21 on LXD answers with an error if the operation failed or has not ended.
    unclear = [exec_request for exec_request in exec_requests if waited[exec_request].error]
    asked = api.get_many([exec_request.operation for exec_request in unclear])
    waited.update(zip(unclear, asked, strict=True))
    expired = [e for e in unclear if waited[e].status == http.HTTPStatus.NOT_FOUND]
    for exec_request in exec_requests:
        if exec_request not in expired:
            exec_request.read_operation(waited[exec_request])
    _find_outputs(api, expired)


def _find_outputs(api: Api, exec_requests: Sequence[ExecRequest]) -> None:
    """Find the recorded outputs of requests whose operations LXD has dropped.

    LXD drops an operation five seconds after its end (lxd/operations/operations.go); an exchange
    over a slow connection may take longer. The markers show whether the output is complete.
    """
    places = [
        (exec_request, paths)
        for exec_request in exec_requests
        for paths in exec_request.output_paths()
    ]
    requests = [Request(method="GET", path=path) for _, paths in places for path in paths]
    replies = iter(api.send_many(requests))
    for exec_request, paths in places:
        statuses = [next(replies).status for _ in paths]
        if statuses == [http.HTTPStatus.OK] * len(paths):
            exec_request.paths = paths
    for exec_request in exec_requests:
        if not exec_request.paths:
            exec_request.fail("its command was lost: LXD has neither it nor its output")


def _collect(api: Api, exec_requests: Sequence[ExecRequest]) -> None:
    """Fetch and delete both streams of every command in one batch."""
    wanted = [
        [
            Request(method=verb, path=url)
            for verb in ("GET", "DELETE")
            for url in exec_request.paths
        ]
        for exec_request in exec_requests
    ]
    replies = iter(api.send_many([request for each in wanted for request in each]))
    for exec_request, requests in zip(exec_requests, wanted, strict=True):
        exec_request.read_streams([next(replies) for _ in requests], requests)


def _discard(api: Api, exec_requests: Iterable[ExecRequest]) -> None:
    """Delete recorded outputs under every possible path; missing files are not an error."""
    api.send_many(
        [
            Request(method="DELETE", path=path)
            for exec_request in exec_requests
            if exec_request.identity
            for paths in exec_request.output_paths()
            for path in paths
        ]
    )
