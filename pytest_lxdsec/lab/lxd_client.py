"""A minimal client of LXD's REST API, enough to build a scenario.

The lab does not use `pytest_lxdsec.transport`: the code that audits a server must not set it up.
"""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from collections.abc import Mapping
from typing import Any

from . import lab_errors

_TIMEOUT = 120.0  # Seconds for one answer; waiting for an operation is one answer.


class Client:
    """A client of the LXD behind one unix socket; threads may share it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get(self, path: str) -> Any:  # noqa: ANN401  # a JSON document
        """Return the metadata of a GET."""
        return self.request("GET", path)

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
    ) -> Any:  # noqa: ANN401  # a JSON document
        """Send one request, wait for the operation it starts, return the answer's metadata.

        Args:
            method: The HTTP method.
            path: The path and query.
            body: A JSON document, or the bytes of a file; None sends no body.

        Raises:
            LabBroken: LXD refuses the request, or the operation fails, both with LXD's text; or
                LXD does not answer.
        """
        answer = self._send(method, path, body)
        if answer.get("type") == "async":
            operation = urllib.parse.urlsplit(answer["operation"])
            answer = self._send("GET", f"{operation.path}/wait?{operation.query}", None)
            if answer.get("type") != "error" and answer["metadata"]["status_code"] != 200:  # noqa: PLR2004  # LXD's own "Success"
                answer = {"type": "error", "error": answer["metadata"]["err"]}
        if answer.get("type") == "error":
            raise lab_errors.LabBroken(f"lab: {method} {path}: {answer['error']}")
        return answer["metadata"]

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None
    ) -> dict[str, Any]:
        connection = _Connection(self._path)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        try:
            connection.request(method, path, data, {"Content-Type": kind})
            answer: dict[str, Any] = json.load(connection.getresponse())
        except (http.client.HTTPException, json.JSONDecodeError, OSError) as error:
            raise lab_errors.LabBroken(
                f"lab: {method} {path}: no answer from LXD: {error}"
            ) from error
        finally:
            connection.close()
        return answer


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("lxd", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(self._path)
