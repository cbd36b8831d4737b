"""Causes of connection failures that cannot be provoked on loopback, wrapped by the libraries."""

from __future__ import annotations

import socket
import ssl

import pytest

from pytest_lxdsec.transport import error_causes


def wrapped(error: BaseException) -> Exception:
    """Wrap an error like requests and urllib3: once as an argument, once as a cause."""
    inner = RuntimeError("Max retries exceeded")
    inner.__cause__ = error
    return ConnectionError(inner)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (socket.gaierror(-2, "Name or service not known"), "a: no such host"),
        (TimeoutError("timed out"), "a: no answer to GET /1.0 in time"),
        (OSError(113, "No route to host"), "a: No route to host"),
        (OSError("AF_UNIX path too long"), "a: AF_UNIX path too long"),
        (PermissionError(13, "Permission denied"), "a: permission denied: use root"),
        (ConnectionResetError(104, "reset"), "a: the connection was closed without an answer"),
        (ssl.SSLError(1, "tlsv13 alert certificate required"), "a: no TLS connection: "),
        (ValueError("a\nb"), "a: a b"),
        (ValueError(), "a: ValueError"),
    ],
)
def test_cause_is_the_innermost_error(error: BaseException, cause: str) -> None:
    found = error_causes.of(wrapped(error), "GET /1.0", "a")
    assert found.startswith(cause)
    assert "\n" not in found
