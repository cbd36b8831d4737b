"""The meaning of LXD's JSON envelope; no other shape of it is taken for a success."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_lxdsec.transport import Reply, lxd_response, one_line


def reply(document: object, *, status: int = 200) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Reply(path="/1.0", status=status, body=body)


def success(metadata: object) -> dict[str, Any]:
    return {"type": "sync", "status_code": 200, "metadata": metadata}


@pytest.mark.parametrize("metadata", [{}, {"config": {}}, [], ["/1.0/instances/a"]])
def test_metadata_of_a_success_is_the_answer(metadata: object) -> None:
    answer = lxd_response.decode(reply(success(metadata)))
    assert answer.is_success
    assert answer.metadata == metadata


def test_error_of_lxd_is_quoted() -> None:
    document = {"type": "error", "error": "Instance not found", "error_code": 404}
    answer = lxd_response.decode(reply(document, status=404))
    assert (answer.status, answer.error) == (404, "Instance not found")


def test_error_under_http_200_is_an_error() -> None:
    document = {"type": "error", "error": "Command not found", "metadata": {}}
    assert lxd_response.decode(reply(document)).error == "Command not found"


def test_success_under_another_http_status_is_an_error() -> None:
    answer = lxd_response.decode(reply(success({}), status=403))
    assert answer.error == "HTTP 403 Forbidden: no success, and no reason given"


def test_started_operation_is_not_an_answer_to_a_get() -> None:
    document = {"type": "async", "metadata": {"id": "1"}}
    assert lxd_response.decode(reply(document, status=202)).error


def test_started_operation_is_an_answer_if_one_is_expected() -> None:
    document = {"type": "async", "metadata": {"id": "1"}}
    answer = lxd_response.decode(reply(document, status=202), kind="async")
    assert not answer.error
    assert answer.metadata == {"id": "1"}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (b"", "not JSON: an empty body"),
        (b"<html>", "not JSON: '<html>'"),
        (b'{"type": "sync", "metadata": {', "not JSON: "),
        (b'{"type": "sync", "metadata": {"a": NaN}}', "not JSON: "),
        (b"\xff\xfe", "not JSON: "),
        ([], "a JSON list, not LXD's answer"),
        ("sync", "a JSON string, not LXD's answer"),
        (None, "a JSON null, not LXD's answer"),
        ({}, "type is None, not 'sync'"),
        ({"type": "sync"}, "metadata is missing, not an object or a list"),
        (success(None), "metadata is null, not an object or a list"),
        (success("trusted"), "metadata is string, not an object or a list"),
        (success(True), "metadata is boolean, not an object or a list"),
        (success(0), "metadata is number, not an object or a list"),
        ({"type": ["sync"], "metadata": {}}, "type is ['sync'], not 'sync'"),
    ],
)
def test_wrong_shape_is_an_error(document: object, error: str) -> None:
    answer = lxd_response.decode(reply(document))
    assert not answer.is_success
    assert answer.metadata is None
    assert answer.error.startswith(error)


def test_deep_nesting_is_an_error() -> None:
    depth = 200_000
    body = b'{"type": "sync", "metadata": ' + b"[" * depth + b"]" * depth + b"}"
    assert lxd_response.decode(reply(body)).error.startswith("not JSON: ")


def test_redirect_is_an_error() -> None:
    answer = lxd_response.decode(reply(success({}), status=301))
    assert answer.error == "HTTP 301: a redirect, which is not followed"


def test_unusable_reply_keeps_its_error() -> None:
    answer = lxd_response.decode(Reply(path="/1.0", status=200, error="the answer was cut short"))
    assert answer.error == "the answer was cut short"


def test_error_is_one_line_without_escapes() -> None:
    document = {"type": "error", "error": "a\n\x1b[31mb\x07\r" + "c" * 1000}
    error = lxd_response.decode(reply(document, status=500)).error
    assert error.isprintable()
    assert len(error) <= one_line.LENGTH


def test_last_line_is_the_last_that_is_not_blank() -> None:
    assert one_line.last_line(b"motd\nsudo: a terminal is required\n \n") == (
        "sudo: a terminal is required"
    )
    assert one_line.last_line(b"\n") == ""
