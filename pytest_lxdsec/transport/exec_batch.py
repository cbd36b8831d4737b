"""Commands in instances: any number side by side, in three exchanges with LXD.

On a slow road to LXD an exchange is what costs, so none is made for one instance alone.
"""

from __future__ import annotations

import http
import time
from collections.abc import Iterable, Sequence

from . import Api, Request
from .exec_request import Errand

WAIT_SECONDS = 30
# They began together: when the first has had its time, so have the others, all but.
LATER_SECONDS = 5


def run(api: Api, errands: Sequence[Errand], *, seconds: float) -> None:
    """Run all of them side by side; each has its result or its error then, and left nothing.

    Args:
        api: The server, or any member of its cluster: LXD forwards to the right one.
        errands: New ones.
        seconds: How long all of them together may take.

    Raises:
        Unreachable: LXD does not answer.
    """
    try:
        deadline = time.monotonic() + seconds
        starts = [errand.start() for errand in errands]
        for errand, reply in zip(errands, api.send_many(starts), strict=True):
            errand.started(reply)
        while waiting := [errand for errand in errands if errand.is_waiting]:
            if time.monotonic() >= deadline:
                _give_up(waiting, seconds)
            else:
                _wait(api, waiting, seconds)
    except KeyboardInterrupt:
        _discard(api, errands)
        raise
    _discard(api, [errand for errand in errands if errand.error is not None])
    _collect(api, [errand for errand in errands if errand.error is None])


def _give_up(errands: Iterable[Errand], seconds: float) -> None:
    for errand in errands:
        errand.fail(f"the command has not ended after {seconds:g} s and runs on: end it by hand")


def _wait(api: Api, errands: Sequence[Errand], seconds: float) -> None:
    """Hear of each, when the first has ended or after half a minute."""
    first = max(1, min(WAIT_SECONDS, round(seconds)))
    later = min(first, LATER_SECONDS)
    paths = [
        f"{errand.operation}/wait?timeout={later if number else first}"
        for number, errand in enumerate(errands)
    ]
    waited = dict(zip(errands, api.get_many(paths), strict=True))
    # From 5.21 on LXD answers with an error where the operation failed or has not ended.
    unclear = [errand for errand in errands if waited[errand].error]
    asked = api.get_many([errand.operation for errand in unclear])
    waited.update(zip(unclear, asked, strict=True))
    forgotten = [e for e in unclear if waited[e].status == http.HTTPStatus.NOT_FOUND]
    for errand in errands:
        if errand not in forgotten:
            errand.hear(waited[errand])
    _find(api, forgotten)


def _find(api: Api, errands: Sequence[Errand]) -> None:
    """Find what is left of those whose operations LXD has forgotten.

    It does five seconds after the end (lxd/operations/operations.go), which a slow road to it
    outlasts. That the output is whole is said by its marks, not by LXD.
    """
    places = [(errand, paths) for errand in errands for paths in errand.outputs()]
    requests = [Request(method="GET", path=path) for _, paths in places for path in paths]
    replies = iter(api.send_many(requests))
    for errand, paths in places:
        statuses = [next(replies).status for _ in paths]
        if statuses == [http.HTTPStatus.OK] * len(paths):
            errand.paths = paths
    for errand in errands:
        if not errand.paths:
            errand.fail("its command was lost: LXD has neither it nor its output")


def _collect(api: Api, errands: Sequence[Errand]) -> None:
    """Fetch both streams of each and delete them, at one go."""
    wanted = [
        [Request(method=verb, path=url) for verb in ("GET", "DELETE") for url in errand.paths]
        for errand in errands
    ]
    replies = iter(api.send_many([request for each in wanted for request in each]))
    for errand, requests in zip(errands, wanted, strict=True):
        errand.collected([next(replies) for _ in requests], requests)


def _discard(api: Api, errands: Iterable[Errand]) -> None:
    """Delete what was recorded, wherever it is; what is not there is no loss."""
    api.send_many(
        [
            Request(method="DELETE", path=path)
            for errand in errands
            if errand.identity
            for paths in errand.outputs()
            for path in paths
        ]
    )
