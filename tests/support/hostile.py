"""Servers that misbehave on purpose, on a unix socket or on loopback, and certificates for them.

`answer(request_line)` returns the answer to a request: bytes to send, or None for silence.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import pathlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TLS_HELLO = b"\x16\x03"

AnswerTo = Callable[[str], bytes | None]


@dataclass(slots=True, kw_only=True)
class Served:
    """The requests and connections that a server has received."""

    url: str
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    peers: list[bytes | None] = field(default_factory=list)
    connections: int = 0


def http(status: int, body: bytes, *headers: str) -> bytes:
    """Return an HTTP answer that keeps the connection."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def success(metadata: object) -> bytes:
    """Return LXD's answer with `metadata`."""
    document = {"type": "sync", "status": "Success", "status_code": 200, "metadata": metadata}
    return http(200, json.dumps(document).encode())


@contextlib.contextmanager
def on_unix(path: pathlib.Path, answer: AnswerTo) -> Iterator[Served]:
    """Run a server on a unix socket for the length of a `with` block."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    with _serving(listener, str(path), answer, None) as served:
        yield served


@contextlib.contextmanager
def on_loopback(answer: AnswerTo, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Run a server on a port of 127.0.0.1 for the length of a `with` block."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    with _serving(listener, url, answer, tls) as served:
        yield served


@contextlib.contextmanager
def _serving(
    listener: socket.socket, url: str, answer: AnswerTo, tls: ssl.SSLContext | None
) -> Iterator[Served]:
    served, ended = Served(url=url), threading.Event()
    listener.listen()
    listener.settimeout(0.05)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                end, _ = listener.accept()
                served.connections += 1
                threads.append(
                    threading.Thread(target=_talk, args=(end, served, answer, tls, ended))
                )
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield served
    finally:
        ended.set()
        acceptor.join()
        for thread in threads:
            thread.join()
        listener.close()


def _talk(
    end: socket.socket,
    served: Served,
    answer: AnswerTo,
    tls: ssl.SSLContext | None,
    ended: threading.Event,
) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        stack.enter_context(end)
        end.settimeout(10)
        if tls is not None:
            secured = stack.enter_context(tls.wrap_socket(end, server_side=True))
            served.peers.append(secured.getpeercert(binary_form=True))
            end = secured
        while (request := _request(end, ended)) is not None:
            line, body = request
            served.requests.append(line)
            served.bodies.append(body)
            sent = answer(line)
            if sent is None:
                ended.wait()
                return
            end.sendall(sent)
            if b"Connection: close" in sent or b"Content-Length" not in sent:
                return


def _request(end: socket.socket, ended: threading.Event) -> tuple[str, bytes] | None:
    data = b""
    end.settimeout(0.05)
    while b"\r\n\r\n" not in data:
        try:
            chunk = end.recv(65536)
        except TimeoutError:
            if ended.is_set():
                return None
            continue
        if not chunk:
            return None
        data += chunk
        if data.startswith(TLS_HELLO):
            return "TLS", data
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if b"content-length" in line.lower()
        ),
        0,
    )
    end.settimeout(10)
    while len(body) < length:
        body += end.recv(65536)
    return head.split(b"\r\n")[0].decode().rpartition(" ")[0], body


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A self-signed certificate and its key, as PEM files."""

    cert: str
    key: str

    def context(self, clients: Pair | None = None) -> ssl.SSLContext:
        """Return the TLS context of a server, which requests the certificate of `clients`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if clients is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(clients.cert)
        return context


def pair(directory: pathlib.Path, name: str, *, host: str = "127.0.0.1") -> Pair:
    """Make a self-signed certificate for the address `host`."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / f"{name}.crt", directory / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Pair(cert=str(cert_file), key=str(key_file))
