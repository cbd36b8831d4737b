"""LXD's JSON envelope: an undecoded reply to an answer or its one-line error; pure.

LXD says success three times: in the HTTP status, in `type` and in `metadata`. From 5.21 on a
failed operation is an error document under HTTP status 200, so all three are asked.
"""

from __future__ import annotations

import dataclasses
import http
import json
import re
from typing import Any, NoReturn

from . import Answer, Reply, one_line

SUCCESS = {"sync": http.HTTPStatus.OK, "async": http.HTTPStatus.ACCEPTED}

REDIRECTIONS = range(300, 400)
IDENTITY = re.compile(r"[0-9A-Za-z-]{1,64}")


def decode(reply: Reply, *, kind: str = "sync") -> Answer:
    """Return what `reply` means; never raises, whatever the server sent.

    Args:
        reply: As it came.
        kind: The `type` that a success must have: `sync`, or `async` for an operation.
    """
    if reply.error:
        return _failure(reply, reply.error)
    if reply.status in REDIRECTIONS:
        return _failure(reply, f"HTTP {reply.status}: a redirect, which is not followed")
    try:
        document = json.loads(reply.body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _failure(reply, f"{_http(reply.status)}not JSON: {_beginning(reply.body)}")
    if not isinstance(document, dict):
        return _failure(reply, f"{_http(reply.status)}a JSON {_name(document)}, not LXD's answer")
    return _judge(reply, document, kind)


def _judge(reply: Reply, document: dict[str, Any], kind: str) -> Answer:
    said = document.get("type")
    if reply.status != SUCCESS[kind] or said == "error":
        reason = document.get("error")
        words = one_line.one_line(reason) if isinstance(reason, str) else ""
        return _failure(reply, words or f"{_http(reply.status)}no success, and no reason given")
    if said != kind:
        return _failure(reply, f"type is {one_line.one_line(repr(said))}, not {kind!r}")
    if not isinstance(document.get("metadata"), dict | list):
        described = _name(document["metadata"]) if "metadata" in document else "missing"
        return _failure(reply, f"metadata is {described}, not an object or a list")
    return Answer(path=reply.path, status=reply.status, metadata=document["metadata"])


def _failure(reply: Reply, error: str) -> Answer:
    return Answer(path=reply.path, status=reply.status, error=error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python reads NaN and Infinity, JSON has neither


def _http(status: int) -> str:
    if status == http.HTTPStatus.OK:
        return ""
    known = status in {member.value for member in http.HTTPStatus}
    phrase = f" {http.HTTPStatus(status).phrase}" if known else ""
    return f"HTTP {status}{phrase}: "


def _beginning(body: bytes) -> str:
    shown = body[:60].decode("utf-8", "replace")
    return repr(one_line.one_line(shown)) if body else "an empty body"


def _name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "list"
    return "object"


def refusal(reply: Reply) -> str:
    """Why a request that changes something was refused, on one line; "" where it was not.

    Of an operation that was begun this says nothing: see `operation`.
    """
    if reply.error:
        return reply.error
    said = decode(dataclasses.replace(reply, status=http.HTTPStatus.OK))
    if reply.status >= http.HTTPStatus.BAD_REQUEST:
        return said.error or _http(reply.status)
    return said.error if b'"type":"error"' in reply.body.replace(b" ", b"") else ""


def operation(reply: Reply) -> str:
    """The identity of the operation that a reply announces; "" where it announces none."""
    answer = decode(reply, kind="async")
    identity = answer.metadata.get("id") if isinstance(answer.metadata, dict) else None
    return identity if isinstance(identity, str) and IDENTITY.fullmatch(identity) else ""
