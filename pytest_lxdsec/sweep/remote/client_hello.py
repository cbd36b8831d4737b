"""A listener's answers to old versions of TLS.

No TLS library is used: its own policy may refuse an old version before anything is sent, which
would look like the server's refusal. So this module makes the first message byte by byte (RFC
5246, 7.4.1.2), and reads the first record of the answer: an alert, or a hello.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import struct

VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303}
# ECDHE with AES-GCM, ChaCha20 and AES-CBC, and RSA with AES: what old servers accept.
_CIPHERS = (
    0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014,
    0x009C, 0x009D, 0x002F, 0x0035,
)  # fmt: skip
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019)  # X25519, P-256, P-384, P-521
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201)
_ALERT, _HANDSHAKE, _SERVER_HELLO = 21, 22, 2
ALERTS = {40: "handshake_failure", 70: "protocol_version", 71: "insufficient_security"}
_HEADER = 5  # bytes of a record before its content
_LONGEST = 64


@dataclasses.dataclass(frozen=True)
class Offer:
    """Decoded as `evidence.remote_facts.Offer`."""

    version: str
    answer: str
    detail: str


def offer(address: str, port: int, version: str, *, seconds: float) -> Offer:
    """Offer one version and no newer one; failures are in `answer`."""
    try:
        with socket.create_connection((address, port), seconds) as stream:
            stream.settimeout(seconds)
            stream.sendall(client_hello(VERSIONS[version]))
            return Offer(version, *judge(_first_record(stream)))
    except OSError as error:
        return Offer(version, "error", error.strerror or type(error).__name__)


def _first_record(stream: socket.socket) -> bytes:
    """Return the beginning of the first record of the answer, enough to classify it."""
    found = b""
    while len(found) < _HEADER + 6:
        part = stream.recv(_LONGEST)
        if not part:
            break
        found += part
        if found[:1] == bytes([_ALERT]) and len(found) >= _HEADER + 2:
            break
    return found


def judge(record: bytes) -> tuple[str, str]:
    """Classify a server's first record: return an `Offer`'s answer and detail."""
    if not record:
        return "closed", "it closed the connection without an answer"
    kind, content = record[0], record[_HEADER:]
    if kind == _ALERT and len(content) >= 2:  # noqa: PLR2004  level and description
        return "alert", ALERTS.get(content[1], f"alert {content[1]}")
    if kind == _HANDSHAKE and len(content) >= 6 and content[0] == _SERVER_HELLO:  # noqa: PLR2004
        (number,) = struct.unpack("!H", content[4:6])
        names = {value: name for name, value in VERSIONS.items()}
        return "accepted", names.get(number, f"version {number:#06x}")
    return "other", f"its answer is not a TLS record ({record[:8].hex()})"


def client_hello(version: int) -> bytes:
    """Return a first message that offers this version as the newest."""
    ciphers = _numbers(_CIPHERS)
    extensions = (
        _extension(10, _counted(_numbers(_GROUPS)))
        + _extension(11, b"\x01\x00")
        + _extension(13, _counted(_numbers(_SIGNATURES)))
    )
    body = struct.pack("!H", version) + os.urandom(32) + b"\x00" + _counted(ciphers)
    body += b"\x01\x00" + _counted(extensions)
    message = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16" + struct.pack("!H", min(version, 0x0301)) + _counted(message)


def _numbers(values: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(values)}H", *values)


def _counted(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack("!H", number) + _counted(data)
