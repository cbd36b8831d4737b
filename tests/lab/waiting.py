"""Waiting for conditions, no longer than necessary."""

from __future__ import annotations

import time
from collections.abc import Callable

# A prefix for commands: background processes of a shell ignore SIGINT, those of nohup SIGHUP, and
# so do their children.
INTERRUPTIBLE = ("env", "--default-signal=INT,HUP")


def until(is_so: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Return as soon as `is_so()` is true.

    Raises:
        TimeoutError: The condition was not true in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds:g} s: {is_so}")
        time.sleep(0.01)
