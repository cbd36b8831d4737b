"""The certificate and key files for https:// targets, checked before any connection is made.

A problem with a file is the user's mistake and is reported as such. The TLS library reports
little, and it asks on the terminal for the passphrase of an encrypted key, which would block a
pipeline for ever.
"""

from __future__ import annotations

import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import types

from ..errors import UserError

CERT = "--lxd-cert"
KEY = "--lxd-key"
SERVER_CERT = "--lxd-server-cert"


def check(*, cert: str, key: str, server_cert: str) -> None:
    """Raise an error unless the files can be used.

    Args:
        cert: The path of the client certificate; "" if there is none.
        key: The path of its private key; "" if there is none.
        server_cert: The path of the pinned server certificate; "" if none is pinned.

    Raises:
        UserError: A file is missing, unreadable or not PEM, or the certificate and the key do
            not belong together.
    """
    if bool(cert) is not bool(key):
        given, absent = (CERT, KEY) if cert else (KEY, CERT)
        raise UserError(f"{given}={cert or key}: needs {absent}=FILE beside it")
    if cert:
        _require_pair(cert, key)
    if server_cert:
        _certificate(SERVER_CERT, server_cert)


def _require_pair(cert: str, key: str) -> None:
    public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    certified = _certificate(CERT, cert).public_key().public_bytes(*public)
    if _key(key).public_key().public_bytes(*public) != certified:
        raise UserError(f"{KEY}={key}: is not the key of {CERT}={cert}: name the pair")


def _certificate(option: str, path: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(option, path))
    except ValueError as error:
        raise UserError(f"{option}={path}: holds no certificate in PEM form") from error


def _key(path: str) -> types.PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_read(KEY, path), password=None)
    except TypeError as error:
        raise UserError(f"{KEY}={path}: is encrypted: use a key without passphrase") from error
    except ValueError as error:
        raise UserError(f"{KEY}={path}: holds no private key in PEM form") from error


def _read(option: str, path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{option}={path}: cannot be read: {error.strerror}") from error
