"""Types of the sweep: LXD's listeners and their answers to anonymous clients.

See `host_facts` for units.
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
        """ADDRESS:PORT, with an IPv6 address in brackets."""
        return endpoint(self.address, self.port)


def endpoint(address: str, port: int) -> str:
    """Return ADDRESS:PORT, with an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousAnswer:
    """The answer to a client without a certificate, for one path.

    `environment` and `config` are the names of the disclosed fields, without their values.
    """

    path: str
    status: int
    is_json: bool
    auth: str
    environment: tuple[str, ...]
    config: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnonymousRequests:
    """One listener's answers to a client without a certificate.

    Attributes:
        tls: The version of TLS that was agreed on, "" if none was.
        error: Why the conversation ended early, else "".
    """

    address: str
    port: int
    tls: str
    error: str
    answers: tuple[AnonymousAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An old version of TLS, offered alone.

    Attributes:
        answer: `alert` (the server refuses), `accepted`, `closed` (without an answer), `other`
            (not TLS) or `error` (no connection).
        detail: The alert, the version, or the reason.
    """

    version: str
    answer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One listener's answers to TLS 1.3 and to each older version.

    Attributes:
        newest: The version agreed on if 1.3 is offered; "" if there was no agreement.
        certificate: The server's, as PEM.
        error: Why there was no agreement, else "".
    """

    address: str
    port: int
    newest: str
    certificate: str
    error: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiFile:
    """A file of a public key infrastructure; `text` is "" if it does not exist.

    `changed` is its ctime.
    """

    name: str
    file: File
    text: str
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """These files, and when the daemon was started: it reads them only then."""

    started: int
    files: tuple[PkiFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedName:
    """The addresses of a name in a listen address; `error` is why it was not resolved, else ""."""

    name: str
    addresses: tuple[str, ...]
    error: str
