"""HTTP over TLS to a listener that may mean ill; imports the standard library only.

`http.client` bounds one read, which a listener that sends a byte a minute lives with for ever.
Here the whole conversation has one deadline and one budget of bytes.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONGEST_TALK = 8 * 1024 * 1024  # bytes that one listener may send in all


class Client(http.client.HTTPConnection):
    """A connection that ends in time; opened with a request where none is open.

    Attributes:
        tls: The version that was agreed on, "" before there was an agreement.
    """

    def __init__(self, addresses: Sequence[str], port: int, *, seconds: float) -> None:
        super().__init__(addresses[0], port)
        self.tls = ""
        self._addresses = addresses
        self._until = time.monotonic() + seconds
        self._budget = LONGEST_TALK
        self._opened = contextlib.ExitStack()

    def connect(self) -> None:
        """Agree on TLS with the first of the addresses that takes a connection.

        Raises:
            OSError: none does in time, or what is there speaks no TLS.
        """
        plain = self._opened.enter_context(self._plain())
        secure = self._opened.enter_context(_context().wrap_socket(plain))
        self.tls = secure.version() or ""
        self.sock = _Stream(self, secure)

    def hang_up(self) -> None:
        """Close whatever was opened."""
        self.close()
        self._opened.close()

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none.
        """
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("it did not answer in time")
        return seconds

    def spend(self, count: int) -> None:
        """Take note of bytes that came.

        Raises:
            ValueError: they are too many.
        """
        self._budget -= count
        if self._budget < 0:
            raise ValueError(f"it sent more than {LONGEST_TALK} bytes")

    def _plain(self) -> socket.socket:
        refused: OSError | None = None
        for address in self._addresses:
            try:
                return socket.create_connection((address, self.port), self.left())
            except OSError as error:
                refused = refused or error
        raise refused or OSError("it has no address")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # we ask what it tells a stranger, not who it is
    return context


class _Stream:
    """What `http.client` asks of a socket."""

    def __init__(self, client: Client, secure: ssl.SSLSocket) -> None:
        self._client = client
        self._secure = secure

    def sendall(self, data: bytes) -> None:
        self._secure.settimeout(self._client.left())
        self._secure.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._client, self._secure))

    def close(self) -> None:
        """Leave it open: `http.client` closes before it has read an answer that ends with it."""


class _Reader(io.RawIOBase):
    """The bytes of one answer."""

    def __init__(self, client: Client, secure: ssl.SSLSocket) -> None:
        super().__init__()
        self._client = client
        self._secure = secure

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._secure.settimeout(self._client.left())
        count = self._secure.recv_into(buffer)
        self._client.spend(count)
        return count
