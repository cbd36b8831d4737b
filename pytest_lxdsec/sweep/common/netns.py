"""Asking within another process's network namespace; imports the standard library only."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000


def in_network_of(pid: int, question: Callable[[], T]) -> T:
    """Answer a question within a process's network namespace.

    In a thread made for it, and in the threads that this one makes: setns moves the calling
    thread only. Such a thread finds its namespace's tables below /proc/thread-self and
    /proc/sys/net; /proc/self is the main thread's.

    Raises:
        OSError: the namespace cannot be entered; else what the question raises.
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
