"""What is wrong with a certificate; pure.

LXD itself refuses RSA keys below 2048 bits only, and only when a certificate is added
(lxd/certificates.go); it looks neither at curves nor at what signed it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from ...verdict import CannotTell

RSA_BITS, EC_BITS = 2048, 256
BROKEN_HASHES = ("md5", "sha1")
SOON = datetime.timedelta(days=30)


def parse(pem: str) -> x509.Certificate:
    """Read one certificate.

    Raises:
        CannotTell: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise CannotTell(f"no certificate in PEM: {error}") from error


def faults(found: x509.Certificate, now: datetime.datetime) -> Iterator[str]:
    """Yield what is wrong with a certificate on that day."""
    if now < found.not_valid_before_utc:
        yield f"it is not valid before {found.not_valid_before_utc:%Y-%m-%d}"
    if now > found.not_valid_after_utc:
        yield f"it expired on {found.not_valid_after_utc:%Y-%m-%d}"
    if not _is_strong(found):
        yield f"its key is {key(found)}"
    if _hash(found) in BROKEN_HASHES:
        yield f"it is signed with {_hash(found).upper()}"


def _is_strong(found: x509.Certificate) -> bool:
    match found.public_key():
        case rsa.RSAPublicKey() as public:
            return public.key_size >= RSA_BITS
        case ec.EllipticCurvePublicKey() as public:
            return public.key_size >= EC_BITS
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return True
        case _:
            return False


def key(found: x509.Certificate) -> str:
    """Return the kind and size of its key."""
    match found.public_key():
        case rsa.RSAPublicKey() as public:
            return f"RSA of {public.key_size} bits"
        case ec.EllipticCurvePublicKey() as public:
            return f"EC {public.curve.name} of {public.key_size} bits"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
        case dsa.DSAPublicKey() as public:
            return f"DSA of {public.key_size} bits"
        case other:
            return type(other).__name__


def _hash(found: x509.Certificate) -> str:
    """Return the hash of its signature.

    "" where the signature has none of its own, as Ed25519's.
    """
    algorithm = found.signature_hash_algorithm
    return algorithm.name if algorithm else ""


def describe(found: x509.Certificate) -> str:
    """Key, signature and last day."""
    signed = _hash(found).upper() or "no hash"
    return f"{key(found)}, signed with {signed}, until {found.not_valid_after_utc:%Y-%m-%d}"
