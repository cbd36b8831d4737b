"""A TCP relay from 127.0.0.1 into the lab's network, for clients outside of the lab.

One thread enters the lab's network namespace (a thread may have its own) and connects there for
every client outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import selectors
import socket
import threading
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
PAUSE = 0.05  # Seconds between a thread's checks that it should end.


@contextlib.contextmanager
def into(pid: int, address: str) -> Iterator[int]:
    """Relay connections to `address` in the network of process `pid`; yield the local port."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PAUSE)
        relay = threading.Thread(target=_serve, args=(listener, pid, address, ended))
        relay.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            relay.join()


def _serve(listener: socket.socket, pid: int, address: str, ended: threading.Event) -> None:
    _enter(pid)
    host, _, port = address.rpartition(":")
    pumps: list[threading.Thread] = []
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            outer, _ = listener.accept()
            # A new thread starts in the namespace of its parent thread.
            pump = threading.Thread(target=_pump, args=(outer, (host, int(port)), ended))
            pump.start()
            pumps.append(pump)
    for pump in pumps:
        pump.join()


def _enter(pid: int) -> None:
    namespace = os.open(pathlib.Path("/proc", str(pid), "ns/net"), os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(namespace)


def _pump(outer: socket.socket, address: tuple[str, int], ended: threading.Event) -> None:
    with outer, contextlib.suppress(OSError), socket.create_connection(address, 10) as inner:
        others = {outer: inner, inner: outer}
        selector = selectors.DefaultSelector()
        for end in others:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(end, selectors.EVENT_READ)
        with selector:
            while not ended.is_set():
                for key, _ in selector.select(PAUSE):
                    end = next(end for end in others if end is key.fileobj)
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    others[end].sendall(data)
