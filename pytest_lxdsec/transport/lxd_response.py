"""LXD's JSON envelope: decodes a reply into an answer or its one-line error. Pure.

LXD reports success in three places: the HTTP status, `type` and `metadata`. From 5.21 on a failed
operation is an error document under HTTP status 200, so all three are checked.
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
    """Return the answer that `reply` holds; never raise, whatever the server sent.

    Args:
        reply: The undecoded reply.
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
    found = document.get("type")
    if reply.status != SUCCESS[kind] or found == "error":
        reason = document.get("error")
        words = one_line.one_line(reason) if isinstance(reason, str) else ""
        return _failure(reply, words or f"{_http(reply.status)}no success, and no reason given")
    if found != kind:
        return _failure(reply, f"type is {one_line.one_line(repr(found))}, not {kind!r}")
    if not isinstance(document.get("metadata"), dict | list):
        described = _name(document["metadata"]) if "metadata" in document else "missing"
        return _failure(reply, f"metadata is {described}, not an object or a list")
    return Answer(path=reply.path, status=reply.status, metadata=document["metadata"])


def _failure(reply: Reply, error: str) -> Answer:
    return Answer(path=reply.path, status=reply.status, error=error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python's parser accepts NaN and Infinity


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
    """Return the reason in one line if LXD refused a changing request, else "".

    The result of an operation that LXD began is not known yet; see `operation`.
    """
    if reply.error:
        return reply.error
    answer = decode(dataclasses.replace(reply, status=http.HTTPStatus.OK))
    if reply.status >= http.HTTPStatus.BAD_REQUEST:
        return answer.error or _http(reply.status)
    return answer.error if b'"type":"error"' in reply.body.replace(b" ", b"") else ""


def operation(reply: Reply) -> str:
    """Return the id of the operation that a reply announces, or "" if it does not name one."""
    answer = decode(reply, kind="async")
    identity = answer.metadata.get("id") if isinstance(answer.metadata, dict) else None
    return identity if isinstance(identity, str) and IDENTITY.fullmatch(identity) else ""
