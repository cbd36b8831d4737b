"""Anonymous requests to a listener: LXD's answers, and other behaviour of listeners."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from pytest_lxdsec.sweep.remote import anonymous_requests, tls_client
from tests.support import hostile

OPEN, CLOSED = "/1.0", "/1.0/instances"
UNTRUSTED = {"metadata": {"auth": "untrusted", "api_version": "1.0"}}
REFUSED = hostile.http(403, b'{"type":"error","error":"not authorized","error_code":403}')


def lxd(line: str) -> bytes:
    """LXD's answers to an anonymous client."""
    body = json.dumps(UNTRUSTED).encode()
    return hostile.http(200, body) if line.split()[1] == OPEN else REFUSED


@contextlib.contextmanager
def serving(
    tmp_path: pathlib.Path, answer: Callable[[str], bytes | None]
) -> Iterator[tuple[anonymous_requests.AnonymousRequests, hostile.Served]]:
    """Ask a TLS server that answers like this, without a certificate."""
    pair = hostile.pair(tmp_path, "server")
    with hostile.on_loopback(answer, pair.context(clients=pair)) as served:
        yield ask(urllib.parse.urlsplit(served.url).port or 0), served


def ask(
    port: int, *, seconds: float = anonymous_requests.CONNECT_SECONDS
) -> anonymous_requests.AnonymousRequests:
    return anonymous_requests.ask(("127.0.0.1", port), (OPEN, CLOSED), seconds=seconds)


def saying(tmp_path: pathlib.Path, answer: bytes) -> anonymous_requests.AnonymousRequests:
    with serving(tmp_path, lambda _line: answer) as (found, _):
        return found


def test_answers_of_lxd_are_returned(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, lxd) as (found, _):
        assert found.error == ""
        assert found.tls == "TLSv1.3"
        assert found.answers == [
            anonymous_requests.AnonymousAnswer(
                path=OPEN, status=200, is_json=True, auth="untrusted", environment=(), config=()
            ),
            anonymous_requests.AnonymousAnswer(
                path=CLOSED, status=403, is_json=True, auth="", environment=(), config=()
            ),
        ]


def test_one_connection_serves_all_requests(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, lxd) as (_, served):
        assert served.requests == [f"GET {OPEN}", f"GET {CLOSED}"]
        assert served.connections == 1


def test_no_certificate_is_offered(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, lxd) as (_, served):
        assert served.peers == [None]


def test_closed_connection_is_opened_again(tmp_path: pathlib.Path) -> None:
    answer = hostile.http(403, b"{}", "Connection: close")
    with serving(tmp_path, lambda _line: answer) as (found, served):
        assert [one.status for one in found.answers] == [403, 403]
        assert served.connections == 2


def test_answer_that_ends_with_the_connection_is_read(tmp_path: pathlib.Path) -> None:
    found = saying(tmp_path, b'HTTP/1.0 403 Forbidden\r\n\r\n{"error": ""}')
    assert [(one.status, one.is_json) for one in found.answers] == [(403, True), (403, True)]


def test_chunked_answer_is_read(tmp_path: pathlib.Path) -> None:
    body = json.dumps(UNTRUSTED).encode()
    chunks = b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    # The helper keeps a connection only where a length is named.
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-No: Content-Length\r\n\r\n"
    found = saying(tmp_path, head + chunks + b"0\r\n\r\n")
    assert found.error == ""
    assert [(one.is_json, one.auth) for one in found.answers] == [(True, "untrusted")] * 2


def test_redirect_is_not_followed(tmp_path: pathlib.Path) -> None:
    answer = hostile.http(301, b"", "Location: https://127.0.0.1/elsewhere")
    with serving(tmp_path, lambda _line: answer) as (found, served):
        assert [one.status for one in found.answers] == [301, 301]
        assert served.requests == [f"GET {OPEN}", f"GET {CLOSED}"]


@pytest.mark.parametrize(
    "answer",
    [
        b"220 smtp.example.org ESMTP\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\nabc",
    ],
)
def test_what_is_not_http_is_an_error(tmp_path: pathlib.Path, answer: bytes) -> None:
    found = saying(tmp_path, answer)
    assert found.error
    assert found.answers == []


def test_connection_that_ends_without_an_answer_is_an_error(tmp_path: pathlib.Path) -> None:
    assert "closed connection without response" in saying(tmp_path, b"").error


def test_answers_before_an_error_are_kept(tmp_path: pathlib.Path) -> None:
    with serving(tmp_path, lambda line: lxd(line) if line.endswith(OPEN) else b"") as (found, _):
        assert [one.path for one in found.answers] == [OPEN]
        assert found.error


def test_answer_that_is_too_long_is_an_error(tmp_path: pathlib.Path) -> None:
    found = saying(tmp_path, hostile.http(200, b"x" * (anonymous_requests.LONGEST_ANSWER + 1)))
    assert (
        found.error == f"{OPEN}: an answer of more than {anonymous_requests.LONGEST_ANSWER} bytes"
    )


def test_all_answers_together_are_bounded(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_client, "MOST_BYTES", 1000)
    with serving(tmp_path, lambda _line: hostile.http(200, b"x" * 800)) as (found, _):
        assert len(found.answers) == 1
        assert found.error == "it sent more than 1000 bytes"


def test_listener_without_tls_is_an_error() -> None:
    with hostile.on_loopback(lambda _line: b"HTTP/1.1 400 Bad Request\r\n\r\n") as served:
        found = ask(urllib.parse.urlsplit(served.url).port or 0)
    assert "SSL" in found.error
    assert (found.tls, found.answers) == ("", [])


def test_refused_connection_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "Connection refused" in ask(port).error


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Run a listener that accepts connections and sends nothing; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_silent_listener_is_left_in_time() -> None:
    with silent() as port:
        began = time.monotonic()
        found = ask(port, seconds=0.3)
    assert "timed out" in found.error
    assert time.monotonic() - began < 3


def test_listener_that_answers_by_the_byte_is_left_in_time(tmp_path: pathlib.Path) -> None:
    with dripping(tmp_path) as port:
        began = time.monotonic()
        found = ask(port, seconds=0.5)
    assert found.error
    assert time.monotonic() - began < 3


@contextlib.contextmanager
def dripping(tmp_path: pathlib.Path) -> Iterator[int]:
    """Run a TLS listener that answers slowly and without end; yield its port."""
    context, ended = hostile.pair(tmp_path, "server").context(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            end, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(end, server_side=True) as tls:
                tls.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    tls.sendall(b"X: y\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def test_endpoints_are_asked_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anonymous_requests.ask, "__kwdefaults__", {"seconds": 0.5})
    with contextlib.ExitStack() as stack:
        endpoints = [("127.0.0.1", stack.enter_context(silent())) for _ in range(6)]
        began = time.monotonic()
        found = anonymous_requests._side_by_side(endpoints, (OPEN,))
    assert [one.port for one in found] == [port for _, port in endpoints]
    assert time.monotonic() - began < 2.5


def test_wildcard_is_asked_on_loopback() -> None:
    wildcard = "0.0.0.0"  # noqa: S104  asked, not bound
    with silent() as port:
        found = anonymous_requests.ask((wildcard, port), (OPEN,), seconds=0.3)
    assert "timed out" in found.error
    assert found.address == wildcard


def test_ipv6_wildcard_is_asked_over_ipv4_where_loopback_has_no_ipv6(
    tmp_path: pathlib.Path,
) -> None:
    # Nothing listens on ::1 at this port, as where IPv6 is off.
    pair = hostile.pair(tmp_path, "server")
    with hostile.on_loopback(lxd, pair.context()) as served:
        port = urllib.parse.urlsplit(served.url).port or 0
        assert anonymous_requests.ask(("::", port), (OPEN,)).error == ""


def test_without_endpoints_there_are_no_requests() -> None:
    assert anonymous_requests._side_by_side([], (OPEN,)) == ()
