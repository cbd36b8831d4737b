"""Waiting for what comes in its own time, without sleeping longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

# Before a command: what a shell starts in the background ignores SIGINT, what nohup starts SIGHUP,
# and so do their children.
INTERRUPTIBLE = ("env", "--default-signal=INT,HUP")


def until(is_so: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return as soon as `is_so()`.

    Raises:
        TimeoutError: it was not so in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds:g} s: {is_so}")
        time.sleep(0.01)
