"""The names that an answer discloses to an anonymous client."""

from __future__ import annotations

import json

import pytest

from pytest_lxdsec.sweep.remote import anonymous_requests

OPEN = "/1.0"


def test_disclosed_names_are_kept_without_their_values() -> None:
    metadata = {"environment": {"kernel": "6.1", "addresses": []}, "config": {"k": "v"}}
    found = anonymous_requests.disclosed(OPEN, 200, json.dumps({"metadata": metadata}).encode())
    assert found.environment == ("addresses", "kernel")
    assert found.config == ("k",)


@pytest.mark.parametrize(
    ("value", "names"),
    [("a word", ("str",)), ([1], ("list",)), (7, ("int",)), (None, ()), ({}, ()), ([], ())],
)
def test_every_type_of_value_is_noticed(value: object, names: tuple[str, ...]) -> None:
    body = json.dumps({"metadata": {"environment": value}}).encode()
    assert anonymous_requests.disclosed(OPEN, 200, body).environment == names


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000, b'"x"'])
def test_body_of_another_type_is_not_json_of_lxd(body: bytes) -> None:
    assert not anonymous_requests.disclosed(OPEN, 200, body).is_json


def test_names_are_bounded() -> None:
    many = {"x" * 1000 + str(number): 1 for number in range(1000)}
    metadata = {"environment": many, "auth": "y" * 1000}
    found = anonymous_requests.disclosed(OPEN, 200, json.dumps({"metadata": metadata}).encode())
    assert len(found.environment) == anonymous_requests.MOST_NAMES
    assert {len(name) for name in (*found.environment, found.auth)} == {
        anonymous_requests.LONGEST_NAME
    }
