"""The kernel's own lists over netlink, which needs no file and no tool.

A socket belongs to the network namespace of the thread that makes it.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

ROUTE, SOCK_DIAG, NETFILTER = 0, 4, 12  # linux/netlink.h
SECONDS = 10.0
_REQUEST, _DUMP = 0x1, 0x300
_CHANGED = 0x10  # NLM_F_DUMP_INTR: the list changed while it was read
_ERROR, _DONE = 2, 3
_TRIES = 5
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_KIND = 0x3FFF  # without the flags for nested and for network byte order
_LONGEST = 1 << 20


class Unsettled(Exception):
    """A list changed each time that it was read."""


def dump(protocol: int, kind: int, body: bytes) -> list[bytes]:
    """Return the messages of one list, each without its header.

    Raises:
        OSError: the kernel refuses, or does not answer in time.
        Unsettled: the list changed each time that it was read.
    """
    for _ in range(_TRIES):
        found = _dump(protocol, kind, body)
        if found is not None:
            return found
    raise Unsettled(f"a list of the kernel's changed {_TRIES} times while it was read")


def _dump(protocol: int, kind: int, body: bytes) -> list[bytes] | None:
    found: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as ask:
        ask.settimeout(SECONDS)
        ask.bind((0, 0))
        length = _HEADER.size + len(body)
        ask.send(_HEADER.pack(length, kind, _REQUEST | _DUMP, 1, 0) + body)
        while True:
            for message_type, flags, payload in _messages(ask.recv(_LONGEST)):
                if flags & _CHANGED:
                    return None
                if message_type in (_ERROR, _DONE):
                    _raise_error(payload)
                if message_type == _DONE:
                    return found
                found.append(payload)


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += max(_aligned(length), _HEADER.size)


def _raise_error(payload: bytes) -> None:
    """Raise the error of a message; the end of an incomplete list has one, too."""
    code = -struct.unpack_from("=i", payload)[0] if payload else 0
    if code:
        raise OSError(code, f"netlink: {os.strerror(code)}")


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes of a message by their type."""
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        found[kind & _KIND] = data[at + _ATTRIBUTE.size : at + length]
        at += max(_aligned(length), _ATTRIBUTE.size)
    return found


def number(value: bytes) -> int:
    """Return an attribute that is a number of 32 bits."""
    return int(struct.unpack("=I", value)[0])


def text(value: bytes) -> str:
    """Return an attribute that is a text, which ends with NUL."""
    return value.rstrip(b"\0").decode("utf-8", "backslashreplace")
