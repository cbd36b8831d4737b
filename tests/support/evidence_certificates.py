"""Certificates and revocation lists for tests, made when they are asked for."""

from __future__ import annotations

import datetime
import functools
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

YEAR = datetime.timedelta(days=365)
# Signed with SHA-1, which libraries of today do not do any more: openssl req -x509 -sha1.
SHA1 = """\
-----BEGIN CERTIFICATE-----
MIIDATCCAemgAwIBAgIUTfWiOxcT5P539oujiefG5WtEQgMwDQYJKoZIhvcNAQEF
BQAwDzENMAsGA1UEAwwEc2hhMTAgFw0yNjExMjQwMDI0MTZaGA8yMTI2MTAzMTAw
MjQxNlowDzENMAsGA1UEAwwEc2hhMTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC
AQoCggEBAJN8LBEK0IpBgsZGh0tfo/OfRgotOKbELH/oze1VEvIiOTmRVRR4kibu
kutcWd1osfmt98oxTM1VOwVWV0nSBpvZLAJYnkt7GuxcTJ/Xwf9QGBJVibFLxqF4
AOx22weYMd4zVpG06VFR5tKxcTiBLfvuWH9yduDJ3wmhwoDvLJDpTs0Dq4QIACJ+
dgVv8EbWNWWuYdBDpFMtvLhAEN44qTNaXD4oUAbn2Tf7H0OLua416Ud76ez7OrR/
ExCEZBVIWacVhl8ywoXtKOGtMUUbr3jTU9hzYriHq/EJwH0QTP36Tyfh86kvtCy1
txMGhoxMxyhEMENWIvnLEWEyVIAhGPkCAwEAAaNTMFEwHQYDVR0OBBYEFITif4Fj
56BHxkT2gvzOFxrfDRksMB8GA1UdIwQYMBaAFITif4Fj56BHxkT2gvzOFxrfDRks
MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEFBQADggEBACsTIMg0dbIa+rbE
7GaXgyZY42I7YB8FzwPA61BSG9DVPXlqlxF9vPkWg9UpMqwyiQzy1aYYAB+l1spG
686mTIXrrfBSt9xNfZdSNJ0YAfLXjyO0IILZ6l4SvVnBMRZIJBIniStlB2aoNdEL
4bD+k+uVIi0Ob4Z7NHSyvyvZeuapRfyurlF/m/Lwu+pSraPKFdfT8cp4EubI3eWF
4Pc308++uqR+pJ9je1vav0+v7xunYAmM12Oz91mhv1Fx7rDegl+BUcb2s45RjJmC
Rop9SY+yETvurKkalmYEau2fGyxeElQfJ42WICJOTzin55tEWD2EIIwDOY4rrIAE
FJO0C+s=
-----END CERTIFICATE-----
"""
PEM = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


@functools.cache
def private(kind: str) -> Any:
    """Return a key: `ec384`, `ec192`, `rsa2048`, `rsa1024`; the same for every certificate."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    curves: dict[str, ec.EllipticCurve] = {"ec384": ec.SECP384R1(), "ec192": ec.SECP192R1()}
    return ec.generate_private_key(curves[kind])


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@functools.cache
def pem(
    begins: datetime.datetime,
    ends: datetime.datetime,
    *,
    kind: str = "ec384",
    common_name: str = "lxd1",
) -> str:
    """Return a certificate that signs itself, as LXD makes them."""
    own = private(kind)
    made = (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(name(common_name))
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(own, hashes.SHA384())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@functools.cache
def crl(updated: datetime.datetime, ends: datetime.datetime, *, signer: str = "ec384") -> str:
    """Return a revocation list of the authority `ca`."""
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name("ca"))
        .last_update(updated)
        .next_update(ends)
        .sign(private(signer), hashes.SHA384())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def crl_without_end(updated: datetime.datetime) -> str:
    """Return a CRL without a next update, which libraries refuse to make."""
    ends = updated + YEAR
    made = x509.load_pem_x509_crl(crl(updated, ends).encode())
    moment = ends.strftime("%y%m%d%H%M%SZ").encode()
    kept = made.tbs_certlist_bytes.replace(_der(0x17, moment), b"", 1)
    body = _der(0x30, _content(kept))
    signature = private("ec384").sign(body, ec.ECDSA(hashes.SHA384()))
    algorithm = _algorithm(made)
    signed = _der(0x30, body + algorithm + _der(0x03, b"\0" + signature))
    again = x509.load_der_x509_crl(signed)
    return again.public_bytes(serialization.Encoding.PEM).decode()


def _der(tag: int, content: bytes) -> bytes:
    """Return a value of DER, shorter than 65536 bytes: ITU-T X.690, 8.1.3."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes(2 if size > 0xFF else 1, "big")
    return bytes((tag, 0x80 + len(length))) + length + content


def _content(value: bytes) -> bytes:
    """Return what a value of DER holds."""
    return value[2:] if value[1] < 0x80 else value[2 + value[1] - 0x80 :]


def _algorithm(made: x509.CertificateRevocationList) -> bytes:
    """Return the signature's algorithm, which a list says inside and outside of what is signed."""
    whole, inside = (
        _content(made.public_bytes(serialization.Encoding.DER)),
        made.tbs_certlist_bytes,
    )
    rest = whole[len(inside) :]
    return rest[: 2 + rest[1]]
