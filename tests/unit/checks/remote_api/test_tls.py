"""LXD-API-05: what a refusal is, and what a good certificate is."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from pytest_lxdsec.checks.remote_api import x509
from pytest_lxdsec.sweep.remote import client_hello
from pytest_lxdsec.verdict import CannotTell, Outcome
from tests.support import evidence_api, evidence_certificates, evidence_documents, judging
from tests.support.evidence_api import TAKEN
from tests.support.evidence_certificates import YEAR
from tests.support.evidence_documents import Document, configure_server, patch

OFFER = ("host.handshakes", 0, "offers", 2)


def judge(document: Document) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-API-05", "server"]
    return found.verdict, found.reason


def offered(answer: str, detail: str = "") -> Document:
    document = evidence_documents.baseline()
    document = patch(document, *OFFER, "answer", to=answer)
    return patch(document, *OFFER, "detail", to=detail)


def with_certificate(pem: str) -> Document:
    return patch(evidence_documents.baseline(), "host.handshakes", 0, "certificate", to=pem)


def test_alert_is_a_refusal() -> None:
    outcome, reason = judge(evidence_documents.baseline())
    assert outcome is Outcome.PASS
    assert "refuses TLSv1 by alert protocol_version" in reason


def test_older_version_that_is_taken_is_found() -> None:
    assert judge(offered("accepted")) == (Outcome.FAIL, "192.0.2.10:8443 accepts TLSv1.2")


@pytest.mark.parametrize("answer", ["closed", "other", "error"])
def test_silence_is_no_refusal(answer: str) -> None:
    assert judge(offered(answer, "it hung up"))[0] is Outcome.ERROR


def test_listener_that_takes_nothing_refuses_nothing() -> None:
    document = patch(evidence_documents.baseline(), "host.handshakes", 0, "newest", to="")
    assert judge(document)[0] is Outcome.ERROR


def test_listener_without_tls_is_not_asked_for_it() -> None:
    document = configure_server(evidence_documents.baseline(), "core.debug_address", ":8443")
    assert judge(document)[0] is Outcome.NOT_APPLICABLE


def test_metrics_listener_speaks_tls_too() -> None:
    metrics = {"family": "tcp", "address": "192.0.2.10", "port": 9100}
    document = evidence_documents.add(
        evidence_documents.baseline(), "host.listeners", entry=metrics
    )
    assert judge(document) == (Outcome.ERROR, "cannot tell: 192.0.2.10:9100 was not asked")


@pytest.mark.parametrize(
    ("pem", "fault"),
    [
        (evidence_certificates.pem(TAKEN - 2 * YEAR, TAKEN - YEAR), "it expired on"),
        (evidence_certificates.pem(TAKEN + YEAR, TAKEN + 2 * YEAR), "it is not valid before"),
        (evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="rsa1024"), "RSA of 1024"),
        (evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="ec192"), "of 192 bits"),
    ],
)
def test_bad_certificate_is_found(pem: str, fault: str) -> None:
    outcome, reason = judge(with_certificate(pem))
    assert outcome is Outcome.FAIL
    assert fault in reason


def test_rsa_of_2048_bits_is_good() -> None:
    pem = evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="rsa2048")
    assert judge(with_certificate(pem))[0] is Outcome.PASS


def test_what_is_no_certificate_cannot_be_told() -> None:
    assert judge(with_certificate("-----BEGIN CERTIFICATE-----\nMIIB\n"))[0] is Outcome.ERROR
    with pytest.raises(CannotTell, match="no certificate"):
        x509.parse("")


@pytest.fixture(scope="module", params=["TLSv1_2", "TLSv1_3"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """Yield a server that takes nothing older than one version, and its port."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    key = evidence_certificates.private("ec384").private_bytes(*evidence_certificates.PEM)
    path.write_bytes(key + evidence_api.CERTIFICATE.encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.minimum_version = ssl.TLSVersion[request.param]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, context))
        thread.start()
        yield request.param, listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return  # it was shut down
        with plain:
            plain.settimeout(5)
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                continue  # what it is for: refusals


def test_real_server_refuses_by_an_alert_and_accepts_by_a_hello(server: tuple[str, int]) -> None:
    oldest, port = server
    found = {v: client_hello.offer("127.0.0.1", port, v, seconds=5) for v in client_hello.VERSIONS}
    assert found["TLSv1.1"] == client_hello.Offer("TLSv1.1", "alert", "protocol_version")
    answer = "accepted" if oldest == "TLSv1_2" else "alert"
    assert found["TLSv1.2"].answer == answer


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (b"", "closed"),
        (bytes.fromhex("15030100020246"), "alert"),
        (bytes.fromhex("160303003d0200003903030000"), "accepted"),
        (b"HTTP/1.0 400 Bad Request", "other"),
        (bytes.fromhex("160303"), "other"),
        (bytes.fromhex("1503"), "other"),
    ],
)
def test_first_record_says_what_it_is(record: bytes, answer: str) -> None:
    assert client_hello.judge(record)[0] == answer


def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert client_hello.offer("127.0.0.1", port, "TLSv1.2", seconds=1).answer == "error"
