"""What the sweep brings back of LXD's listeners: where they are, and what they say to strangers.

Types as in `host_facts`, which it imports.
"""

from __future__ import annotations

from dataclasses import dataclass

from .host_facts import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A TCP socket on which the daemon listens; family is `tcp` or `tcp6`."""

    family: str
    address: str
    port: int

    @property
    def text(self) -> str:
        """ADDRESS:PORT, an IPv6 address in brackets."""
        return endpoint(self.address, self.port)


def endpoint(address: str, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousAnswer:
    """What a client without a certificate got for one path.

    `environment` and `config` are the names of what it was told, not the values.
    """

    path: str
    status: int
    is_json: bool
    auth: str
    environment: tuple[str, ...]
    config: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousRequests:
    """One listener, asked without a certificate; `error` where it broke off, else ""."""

    address: str
    port: int
    tls: str
    error: str
    answers: tuple[AnonymousAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An old version of TLS, offered alone.

    Attributes:
        answer: `alert` (the server refuses), `accepted`, `closed` (without a word), `other` (no
            TLS) or `error` (no connection).
        detail: Which alert or version, or why.
    """

    version: str
    answer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One listener, asked for TLS 1.3 and for each older version.

    Attributes:
        newest: What was agreed on where 1.3 was offered; "" where `error` says why not.
        certificate: The server's, as PEM.
    """

    address: str
    port: int
    newest: str
    certificate: str
    error: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiFile:
    """A file of a public key infrastructure; `text` is "" where it is not there."""

    name: str
    file: File
    text: str
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """Those files, and when the daemon was started, which reads them then only."""

    started: int
    files: tuple[PkiFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedName:
    """What a name in a listen address resolves to on the host; `error` where it did not answer."""

    name: str
    addresses: tuple[str, ...]
    error: str
