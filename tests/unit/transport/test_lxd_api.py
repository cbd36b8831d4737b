"""The API over unix sockets and HTTPS: no misbehaviour of a server is taken for a success."""

from __future__ import annotations

import contextlib
import gzip
import pathlib
import socket
import ssl
import threading
from collections.abc import Iterator

import pylxd.client
import pytest

from pytest_lxdsec.errors import Unreachable, UserError
from pytest_lxdsec.transport import Api, Request, lxd_api, socket_relay
from tests.support import hostile

ROOT = "/1.0"


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "unix.socket"


@contextlib.contextmanager
def speaking(path: pathlib.Path, answer: bytes | None) -> Iterator[tuple[Api, hostile.Served]]:
    """Yield a connection to a server that always answers `answer`."""
    with hostile.on_unix(path, lambda _line: answer) as served:
        lxd = lxd_api.unix(str(path), target="lxd1")
        try:
            yield lxd, served
        finally:
            lxd.close()


def failure(lxd: Api, *requests: Request) -> str:
    with pytest.raises(Unreachable) as caught:
        lxd.send_many(requests or [Request(method="GET", path=ROOT)])
    assert caught.value.target == "lxd1"
    assert "\n" not in caught.value.cause
    return caught.value.cause


def test_answers_come_in_the_order_of_the_paths(path: pathlib.Path) -> None:
    with hostile.on_unix(path, lambda line: hostile.success([line])):
        lxd = lxd_api.unix(str(path), target="lxd1")
        answers = lxd.get_many(["/1.0/b", "/1.0/a?recursion=1", "/1.0"])
        lxd.close()
    assert [answer.metadata for answer in answers] == [
        ["GET /1.0/b"],
        ["GET /1.0/a?recursion=1"],
        ["GET /1.0"],
    ]


def test_connecting_sends_nothing(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, served):
        assert lxd.round_trips == 0
    assert served.connections == 0


def test_each_request_is_sent_once_and_counted(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, served):
        lxd.get_many([ROOT] * 12)
        assert lxd.round_trips == 12
    assert len(served.requests) == 12


def test_one_connection_serves_all_requests(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, served):
        lxd.get_many([f"/1.0/{number}" for number in range(12)])
    assert served.connections == 1


def test_nothing_asked_costs_nothing(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, served):
        assert lxd.get_many([]) == ()
    assert served.requests == []


def test_threads_may_share_a_connection(path: pathlib.Path) -> None:
    with hostile.on_unix(path, lambda line: hostile.success([line])):
        lxd = lxd_api.unix(str(path), target="lxd1")
        wrong: list[str] = []

        def ask(number: int) -> None:
            (answer,) = lxd.get_many([f"/1.0/{number}"])
            if answer.metadata != [f"GET /1.0/{number}"]:
                wrong.append(answer.error)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lxd.close()
    assert not wrong
    assert lxd.round_trips == 8


def test_body_is_sent_as_json(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, served):
        lxd.send_many([Request(method="POST", path="/1.0/x", body={"a": "é"})])
    assert served.requests == ["POST /1.0/x"]
    assert served.bodies == [b'{"a": "\\u00e9"}']


def test_raw_body_comes_back_unchanged(path: pathlib.Path) -> None:
    data = bytes(range(256)) * 999
    with speaking(path, hostile.http(200, data)) as (lxd, _):
        (reply,) = lxd.send_many([Request(method="GET", path=ROOT)])
    assert reply.body == data


def test_path_outside_of_the_api_is_our_bug(path: pathlib.Path) -> None:
    with speaking(path, hostile.success({})) as (lxd, _), pytest.raises(ValueError, match="evil"):
        lxd.get_many(["@evil.example/1.0"])


def test_missing_socket_is_reported(path: pathlib.Path) -> None:
    lxd = lxd_api.unix(str(path), target="lxd1")
    assert failure(lxd) == f"{path}: no such socket: is LXD running there?"
    lxd.close()


def test_socket_without_a_listener_is_reported(path: pathlib.Path) -> None:
    with hostile.on_unix(path, lambda _line: None):
        pass
    lxd = lxd_api.unix(str(path), target="lxd1")
    assert failure(lxd) == f"{path}: connection refused: nothing listens there"
    lxd.close()


def test_listener_that_does_not_accept_is_reported(path: pathlib.Path) -> None:
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as first,
    ):
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        lxd = lxd_api.unix(str(path), target="lxd1")
        text = failure(lxd)
        lxd.close()
    assert text == f"{path}: the listener does not accept connections: does LXD hang?"


def test_peer_that_does_not_speak_http_is_reported(path: pathlib.Path) -> None:
    with speaking(path, b"SSH-2.0-OpenSSH_9.2\r\n") as (lxd, _):
        assert failure(lxd) == f"{path}: the listener does not speak HTTP"


def test_peer_that_hangs_up_is_reported(path: pathlib.Path) -> None:
    with speaking(path, b"") as (lxd, served):
        text = f"{path}: the connection was closed without an answer to GET /1.0"
        assert failure(lxd) == text
    assert len(served.requests) == 1


def test_write_is_never_repeated(path: pathlib.Path) -> None:
    with speaking(path, b"") as (lxd, served):
        failure(lxd, Request(method="POST", path="/1.0/x", body={}))
    assert served.requests == ["POST /1.0/x"]


def test_silent_peer_is_not_waited_for(path: pathlib.Path) -> None:
    with speaking(path, None) as (lxd, _):
        text = failure(lxd, Request(method="GET", path=ROOT, patience=0.2))
    assert text == f"{path}: no answer to GET /1.0 in time"


def test_peer_silent_within_a_body_is_not_waited_for(path: pathlib.Path) -> None:
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with speaking(path, begun) as (lxd, _):
        text = failure(lxd, Request(method="GET", path=ROOT, patience=0.2))
    assert text == f"{path}: no answer to GET /1.0 in time"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    ],
)
def test_answer_cut_short_is_an_error(path: pathlib.Path, answer: bytes) -> None:
    with speaking(path, answer) as (lxd, _):
        (found,) = lxd.get_many([ROOT])
    assert found.error == "the answer was cut short"


def test_answer_in_chunks_is_read(path: pathlib.Path) -> None:
    body = b'{"type": "sync", "metadata": {"a": 1}}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with speaking(path, head + chunks + b"0\r\n\r\n") as (lxd, _):
        (answer,) = lxd.get_many([ROOT])
    assert answer.metadata == {"a": 1}


def test_huge_answer_is_an_error(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lxd_api, "BODY_LIMIT", 1 << 20)
    with speaking(path, hostile.http(200, b" " * (5 << 20))) as (lxd, _):
        (answer,) = lxd.get_many([ROOT])
    assert answer.error == "the answer is larger than 1 MiB"


def test_compressed_answer_is_not_decompressed(path: pathlib.Path) -> None:
    bomb = hostile.http(200, gzip.compress(b" " * (64 << 20)), "Content-Encoding: gzip")
    with speaking(path, bomb) as (lxd, _):
        (answer,) = lxd.get_many([ROOT])
    assert answer.error.startswith("not JSON: ")


def test_endless_slow_answer_is_given_up(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lxd_api, "BODY_SECONDS", -1.0)
    with speaking(path, hostile.success({})) as (lxd, _):
        (answer,) = lxd.get_many([ROOT])
    assert answer.error.startswith("the answer was not complete after ")


def test_answer_after_an_unusable_one_is_correct(path: pathlib.Path) -> None:
    def answer(line: str) -> bytes:
        cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}"
        return cut if line.endswith("/cut") else hostile.success([line])

    with hostile.on_unix(path, answer):
        lxd = lxd_api.unix(str(path), target="lxd1")
        _, good = lxd.get_many(["/1.0/cut", "/1.0/good"])
        lxd.close()
    assert good.metadata == ["GET /1.0/good"]


def test_redirect_is_not_followed(path: pathlib.Path) -> None:
    with speaking(path, hostile.http(301, b"", "Location: http://lxd/1.0/x")) as (lxd, served):
        (answer,) = lxd.get_many([ROOT])
    assert (answer.status, answer.is_success) == (301, False)
    assert served.requests == ["GET /1.0"]


@pytest.fixture
def candidates(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> list[pathlib.Path]:
    paths = [tmp_path / "snap.socket", tmp_path / "deb.socket"]
    monkeypatch.setattr(socket_relay, "CANDIDATES", tuple(str(path) for path in paths))
    return paths


def test_only_socket_is_found_without_asking_it(candidates: list[pathlib.Path]) -> None:
    with hostile.on_unix(candidates[1], lambda _line: hostile.success({"deb": 1})) as served:
        lxd = lxd_api.unix("", target="lxd1")
        assert served.requests == []
        (answer,) = lxd.get_many([ROOT])
        lxd.close()
    assert answer.metadata == {"deb": 1}


def test_missing_socket_message_names_the_candidates(candidates: list[pathlib.Path]) -> None:
    with pytest.raises(Unreachable) as caught:
        lxd_api.unix("", target="lxd1")
    assert caught.value.cause == (
        f"no LXD socket at {candidates[0]} or {candidates[1]}: name the socket: unix:///PATH"
    )


def test_two_answering_sockets_are_an_error(candidates: list[pathlib.Path]) -> None:
    with (
        hostile.on_unix(candidates[0], lambda _line: hostile.success({})),
        hostile.on_unix(candidates[1], lambda _line: hostile.success({})),
        pytest.raises(Unreachable) as caught,
    ):
        lxd_api.unix("", target="lxd1")
    assert caught.value.cause.startswith("two LXDs answer, at ")


def test_socket_left_behind_does_not_hide_the_other(candidates: list[pathlib.Path]) -> None:
    with hostile.on_unix(candidates[0], lambda _line: None):
        pass
    with hostile.on_unix(candidates[1], lambda _line: hostile.success({"deb": 1})):
        lxd = lxd_api.unix("", target="lxd1")
        (answer,) = lxd.get_many([ROOT])
        lxd.close()
    assert answer.metadata == {"deb": 1}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, hostile.Pair]:
    directory = tmp_path_factory.mktemp("pairs")
    return {name: hostile.pair(directory, name) for name in ("server", "client", "other")}


@contextlib.contextmanager
def secured(
    pairs: dict[str, hostile.Pair], *, pin: str = "", client: str = ""
) -> Iterator[tuple[Api, hostile.Served]]:
    """Yield a connection to an HTTPS server, with a pinned and a client certificate."""
    context = pairs["server"].context(clients=pairs["client"])
    with hostile.on_loopback(lambda _line: hostile.success({"auth": "x"}), context) as served:
        lxd = lxd_api.https(
            served.url,
            cert=pairs[client].cert if client else "",
            key=pairs[client].key if client else "",
            server_cert=pairs[pin].cert if pin else "",
            target="lxd1",
        )
        try:
            yield lxd, served
        finally:
            lxd.close()


def test_pinned_certificate_is_accepted(pairs: dict[str, hostile.Pair]) -> None:
    with secured(pairs, pin="server") as (lxd, served):
        assert lxd.get_many([ROOT, "/1.0/projects"])[1].is_success
    assert served.requests == ["GET /1.0", "GET /1.0/projects"]
    assert served.connections == 1


def test_client_certificate_is_shown(pairs: dict[str, hostile.Pair]) -> None:
    with secured(pairs, pin="server", client="client") as (lxd, served):
        lxd.get_many([ROOT])
    pem = pathlib.Path(pairs["client"].cert).read_text()
    assert served.peers == [ssl.PEM_cert_to_DER_cert(pem)]


def test_no_client_certificate_is_shown_unasked(
    pairs: dict[str, hostile.Pair], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("client.crt", "client.key"):
        (tmp_path / name).write_text("not even a certificate")
    default = pylxd.client.Cert(str(tmp_path / "client.crt"), str(tmp_path / "client.key"))
    monkeypatch.setattr(pylxd.client, "DEFAULT_CERTS", default)
    with secured(pairs, pin="server") as (lxd, served):
        lxd.get_many([ROOT])
    assert served.peers == [None]


def test_other_certificate_than_the_pinned_is_refused(pairs: dict[str, hostile.Pair]) -> None:
    with secured(pairs, pin="other") as (lxd, served):
        text = failure(lxd)
    assert text.startswith(f"{served.url}: its certificate is not the one of --lxd-server-cert")
    assert "server.crt" in text
    assert served.requests == []


def test_self_signed_certificate_is_refused_without_a_pin(
    pairs: dict[str, hostile.Pair],
) -> None:
    with secured(pairs) as (lxd, served):
        text = failure(lxd)
    assert text.startswith(f"{served.url}: its certificate is not trusted here (self-signed")
    assert "--lxd-server-cert=FILE" in text
    assert served.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_environment_does_not_replace_the_pin(
    pairs: dict[str, hostile.Pair], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, pairs["server"].cert)
    with secured(pairs, pin="other") as (lxd, served):
        failure(lxd)
    assert served.requests == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxy_of_the_environment_sees_nothing(
    pairs: dict[str, hostile.Pair], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with hostile.on_loopback(lambda _line: None) as proxy:
        monkeypatch.setenv(variable, proxy.url.replace("https", "http"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with secured(pairs, pin="server") as (lxd, _):
            assert lxd.get_many([ROOT])[0].is_success
    assert proxy.connections == 0


def test_authorities_of_this_machine_are_trusted(
    pairs: dict[str, hostile.Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", pairs["server"].cert)
    with secured(pairs) as (lxd, _):
        assert lxd.get_many([ROOT])[0].is_success


def test_trusted_certificate_of_another_host_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = hostile.pair(tmp_path, "elsewhere", host="192.0.2.1")
    monkeypatch.setenv("SSL_CERT_FILE", elsewhere.cert)
    with hostile.on_loopback(lambda _line: None, elsewhere.context()) as served:
        lxd = lxd_api.https(served.url, cert="", key="", server_cert="", target="lxd1")
        text = failure(lxd)
        lxd.close()
    assert text.startswith(f"{served.url}: its certificate is not trusted here (IP address")


def test_port_without_tls_is_reported(pairs: dict[str, hostile.Pair]) -> None:
    with hostile.on_loopback(lambda _line: b"HTTP/1.1 400 Bad Request\r\n\r\n") as served:
        pin = pairs["server"].cert
        lxd = lxd_api.https(served.url, cert="", key="", server_cert=pin, target="lxd1")
        text = failure(lxd, Request(method="GET", path=ROOT, patience=5))
        lxd.close()
    assert text.startswith(f"{served.url}: the listener does not speak TLS")


def test_closed_port_is_reported() -> None:
    with hostile.on_loopback(lambda _line: None) as served:
        pass
    lxd = lxd_api.https(served.url, cert="", key="", server_cert="", target="lxd1")
    assert failure(lxd) == f"{served.url}: connection refused: nothing listens there"
    lxd.close()


def test_unusable_file_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="--lxd-server-cert=/no/such"):
        lxd_api.https("https://a:8443", cert="", key="", server_cert="/no/such", target="lxd1")
