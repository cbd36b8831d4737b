"""The TLS versions and certificates of the daemon's listeners."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import socket
import ssl
from collections.abc import Sequence

from ..common import commands, context, lxd_daemons, netns, sockets
from . import anonymous_requests, client_hello

SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Handshake:
    """Decoded as `evidence.remote_facts.Handshake`."""

    address: str
    port: int
    newest: str
    certificate: str
    error: str
    offers: Sequence[client_hello.Offer]


def every(facts: context.Context) -> tuple[Handshake, ...]:
    """Section: offer TLS versions to every listener, from within the daemon's network."""
    server: lxd_daemons.Daemon = facts.require("server")
    listeners: Sequence[sockets.Listener] = facts.require("listeners")
    endpoints = sorted({(listener.address, listener.port) for listener in listeners})
    return netns.in_network_of(server.pid, lambda: _side_by_side(endpoints))


def _side_by_side(endpoints: Sequence[anonymous_requests.Endpoint]) -> tuple[Handshake, ...]:
    with concurrent.futures.ThreadPoolExecutor(max(len(endpoints), 1)) as pool:
        return tuple(pool.map(ask, endpoints))


def ask(endpoint: anonymous_requests.Endpoint) -> Handshake:
    """Offer one listener TLS 1.3, and each older version alone."""
    address, port = endpoint
    reachable = _reachable(anonymous_requests.LOOPBACK.get(address, (address,)), port)
    newest, certificate, error = "", "", ""
    try:
        newest, certificate = _agree(reachable, port)
    except (OSError, ValueError) as cause:
        error = commands.reason(cause)
    offers = tuple(
        client_hello.offer(reachable, port, version, seconds=SECONDS)
        for version in client_hello.VERSIONS
    )
    return Handshake(address, port, newest, certificate, error, offers)


def _agree(address: str, port: int) -> tuple[str, str]:
    """Offer TLS 1.3; return the agreed version, and the server's certificate as PEM."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    settings.check_hostname = False
    settings.verify_mode = ssl.CERT_NONE  # its certificate is read, and nothing is sent
    settings.minimum_version = ssl.TLSVersion.TLSv1_3
    plain = socket.create_connection((address, port), SECONDS)
    with plain, settings.wrap_socket(plain) as secure:
        found = secure.getpeercert(binary_form=True)
        return secure.version() or "", ssl.DER_cert_to_PEM_cert(found or b"")


def _reachable(addresses: Sequence[str], port: int) -> str:
    """Return the first address that accepts a connection; the first of all if none does."""
    for address in addresses:
        with contextlib.suppress(OSError), socket.create_connection((address, port), SECONDS):
            return address
    return addresses[0]
