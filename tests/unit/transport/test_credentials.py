"""Problems with the files for https:// targets are user errors that name the option."""

from __future__ import annotations

import pathlib

import pytest
from cryptography.hazmat.primitives import serialization

from pytest_lxdsec.errors import UserError
from pytest_lxdsec.transport import credentials
from tests.support import hostile


@pytest.fixture
def pair(tmp_path: pathlib.Path) -> hostile.Pair:
    return hostile.pair(tmp_path, "client")


def mistake(**files: str) -> str:
    with pytest.raises(UserError) as caught:
        credentials.check(**{"cert": "", "key": "", "server_cert": "", **files})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_file_is_accepted() -> None:
    credentials.check(cert="", key="", server_cert="")


def test_pair_is_accepted(pair: hostile.Pair) -> None:
    credentials.check(cert=pair.cert, key=pair.key, server_cert=pair.cert)


def test_certificate_without_key_is_refused(pair: hostile.Pair) -> None:
    assert mistake(cert=pair.cert) == f"--lxd-cert={pair.cert}: needs --lxd-key=FILE beside it"


def test_key_without_certificate_is_refused(pair: hostile.Pair) -> None:
    assert mistake(key=pair.key) == f"--lxd-key={pair.key}: needs --lxd-cert=FILE beside it"


def test_missing_certificate_is_named(pair: hostile.Pair) -> None:
    text = mistake(cert="/no/such.crt", key=pair.key)
    assert text == "--lxd-cert=/no/such.crt: cannot be read: No such file or directory"


def test_directory_as_server_certificate_is_named(tmp_path: pathlib.Path) -> None:
    text = mistake(server_cert=str(tmp_path))
    assert text == f"--lxd-server-cert={tmp_path}: cannot be read: Is a directory"


def test_certificate_not_in_pem_is_refused(pair: hostile.Pair, tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(b"\x30\x82")
    text = mistake(cert=str(tmp_path / "x"), key=pair.key)
    assert text == f"--lxd-cert={tmp_path}/x: holds no certificate in PEM form"


def test_certificate_as_key_is_refused(pair: hostile.Pair) -> None:
    text = mistake(cert=pair.cert, key=pair.cert)
    assert text == f"--lxd-key={pair.cert}: holds no private key in PEM form"


def test_key_of_another_certificate_is_refused(pair: hostile.Pair, tmp_path: pathlib.Path) -> None:
    other = hostile.pair(tmp_path, "other")
    text = mistake(cert=pair.cert, key=other.key)
    assert (
        text == f"--lxd-key={other.key}: is not the key of --lxd-cert={pair.cert}: name the pair"
    )


def test_encrypted_key_is_refused_without_asking(
    pair: hostile.Pair, tmp_path: pathlib.Path
) -> None:
    key = serialization.load_pem_private_key(pathlib.Path(pair.key).read_bytes(), password=None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    text = mistake(cert=pair.cert, key=str(locked))
    assert text == f"--lxd-key={locked}: is encrypted: use a key without passphrase"
