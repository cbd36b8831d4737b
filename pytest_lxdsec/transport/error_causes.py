"""Causes of failed connections, each in one line with the next step. Pure.

The libraries wrap the cause three or four times, each in its own wording; the operator needs the
innermost one.
"""

from __future__ import annotations

import http.client
import socket
import ssl

from . import one_line

# The place of the right certificate, for users who have the wrong one or none.
PIN = (
    "pin the server's own by --lxd-server-cert=FILE, a copy of its /var/lib/lxd/server.crt "
    "(snap: /var/snap/lxd/common/lxd/server.crt; in a cluster cluster.crt)"
)


# The first entry that fits is used; `{words}` is the operating system's own text.
MEANINGS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer to {request} in time"),
    (socket.gaierror, "no such host"),
    (FileNotFoundError, "no such socket: is LXD running there?"),
    (PermissionError, "permission denied: use root, or a member of the socket's group"),
    # A unix socket whose queue is full: the listener does not accept connections.
    (BlockingIOError, "the listener does not accept connections: does LXD hang?"),
    (ConnectionRefusedError, "connection refused: nothing listens there"),
    (ConnectionError, "the connection was closed without an answer to {request}"),
    (OSError, "{words}"),
    (http.client.HTTPException, "the listener does not speak HTTP"),
    (BaseException, "{words}"),
)
# OpenSSL's names of failures that mean: the peer does not speak TLS.
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def of(error: BaseException, request: str, where: str) -> str:
    """Return the cause of `error` in one line.

    Args:
        error: The exception that a library raised.
        request: The method and path of the request, such as `GET /1.0`.
        where: The path of the socket, or the URL.
    """
    reason = _innermost(error)
    # urllib3 reports a mismatch with the pinned certificate in its text only.
    if isinstance(reason, ssl.SSLError) or "fingerprint" in str(reason).lower():
        return f"{where}: {_of_tls(reason)}"
    meaning = next(words for kind, words in MEANINGS if isinstance(reason, kind))
    return f"{where}: {meaning.format(request=request, words=_words(reason))}"


def _of_tls(reason: BaseException) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted here ({reason.verify_message}): {PIN}"
    if not isinstance(reason, ssl.SSLError):
        return f"its certificate is not the one of --lxd-server-cert: {PIN}"
    name = getattr(reason, "reason", None)
    if name in NO_TLS:
        return "the listener does not speak TLS: is it LXD's HTTPS port?"
    return f"no TLS connection: {one_line.one_line(name or str(reason))}"


def _words(reason: BaseException) -> str:
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return one_line.one_line(words)


def _innermost(error: BaseException) -> BaseException:
    nested = [
        inner for inner in (error.__cause__, *error.args) if isinstance(inner, BaseException)
    ]
    return _innermost(nested[0]) if nested else error
