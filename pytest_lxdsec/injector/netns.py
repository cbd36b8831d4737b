"""Sockets in the network namespaces of other processes."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFHWADDR = 0x8913, 0x8914, 0x8927
IFF_UP = 1


def inside(pid: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Return a new socket in the network namespace of a process; it stays there.

    Raises:
        OSError: the namespace cannot be entered, or the socket cannot be made.
    """
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            _enter(pid)
            made.append(make())
        except OSError as error:
            failed.append(error)

    # The new thread ends in that namespace; the calling one never leaves its own.
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    for error in failed:
        raise error
    return made[0]


def _enter(pid: int) -> None:
    with open(f"/proc/{pid}/ns/net", "rb") as space:
        if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"network of process {pid}: {os.strerror(number)}")


def is_same(one: int, other: int) -> bool:
    """Return whether two processes share their network namespace."""
    return os.path.samefile(f"/proc/{one}/ns/net", f"/proc/{other}/ns/net")


def mac_address(any_socket: socket.socket, interface: str) -> str:
    """Return the MAC address of an interface of the socket's namespace.

    Raises:
        OSError: the interface does not exist.
    """
    return _request(any_socket, SIOCGIFHWADDR, interface)[18:24].hex()


def set_up(any_socket: socket.socket, interface: str) -> None:
    """Turn an interface on; an instance whose init configures nothing leaves it off.

    Raises:
        OSError: the interface does not exist.
    """
    (flags,) = struct.unpack_from("H", _request(any_socket, SIOCGIFFLAGS, interface), 16)
    if not flags & IFF_UP:
        request = struct.pack("16sH14x", interface.encode(), flags | IFF_UP)
        fcntl.ioctl(any_socket.fileno(), SIOCSIFFLAGS, request)


def _request(any_socket: socket.socket, number: int, interface: str) -> bytes:
    return fcntl.ioctl(any_socket.fileno(), number, struct.pack("16s16x", interface.encode()))
