"""Functions called within another process's network namespace."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000


def in_network_of(pid: int, question: Callable[[], T]) -> T:
    """Call a function within a process's network namespace; return its value.

    It runs in a new thread, since setns moves the calling thread only; threads that it starts are
    in the namespace, too. They find the namespace's tables below /proc/thread-self and
    /proc/sys/net; /proc/self is the main thread's.

    Raises:
        OSError: the namespace cannot be entered. Errors of the function are raised, too.
    """

    def asked() -> T:
        _enter(pid)
        return question()

    with concurrent.futures.ThreadPoolExecutor(1) as once:
        return once.submit(asked).result()


def _enter(pid: int) -> None:
    with open(f"/proc/{pid}/ns/net", "rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")
