"""HTTP over TLS to a listener that may be malicious.

`http.client` limits the time of one read, so a listener that sends a byte a minute would keep it
busy without end. Here the whole conversation has one deadline and one limit of bytes.
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

MOST_BYTES = 8 * 1024 * 1024  # bytes that one listener may send in all


class Client(http.client.HTTPConnection):
    """A connection with a deadline; a request opens it if it is not open.

    Attributes:
        tls: The agreed version, "" before the handshake.
    """

    def __init__(self, addresses: Sequence[str], port: int, *, seconds: float) -> None:
        super().__init__(addresses[0], port)
        self.tls = ""
        self._addresses = addresses
        self._until = time.monotonic() + seconds
        self._budget = MOST_BYTES
        self._opened = contextlib.ExitStack()

    def connect(self) -> None:
        """Agree on TLS with the first address that accepts a connection.

        Raises:
            OSError: no address does in time, or the listener does not speak TLS.
        """
        plain = self._opened.enter_context(self._plain())
        secure = self._opened.enter_context(_context().wrap_socket(plain))
        self.tls = secure.version() or ""
        self.sock = _Stream(self, secure)

    def hang_up(self) -> None:
        """Close everything that was opened."""
        self.close()
        self._opened.close()

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("it did not answer in time")
        return seconds

    def spend(self, count: int) -> None:
        """Count received bytes.

        Raises:
            ValueError: they are too many.
        """
        self._budget -= count
        if self._budget < 0:
            raise ValueError(f"it sent more than {MOST_BYTES} bytes")

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
    context.verify_mode = (
        ssl.CERT_NONE
    )  # its answers to anonymous clients are tested, not its identity
    return context


class _Stream:
    """The socket's methods that `http.client` uses."""

    def __init__(self, client: Client, secure: ssl.SSLSocket) -> None:
        self._client = client
        self._secure = secure

    def sendall(self, data: bytes) -> None:
        self._secure.settimeout(self._client.left())
        self._secure.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._client, self._secure))

    def close(self) -> None:
        """Leave it open: `http.client` closes it before it has read an answer up to its end."""


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
