"""Relay of API requests to the unix socket on the server's host; `shell_tunnel` sends this file.

It runs under the host's python3, so it uses the standard library only and nothing newer than
Python 3.6 (`from __future__ import annotations` is newer: types stand in quotes). One batch of
requests comes as an argument; one payload goes to standard output between two marker lines.

Never connect without sending a request at once: LXD up to 6.9 reads the first bytes before it
accepts the next client, so a silent client blocks the API for all others.
"""

import base64
import http.client
import json
import os.path
import socket
import sys
import zlib

TYPE_CHECKING = False  # type checkers assume that it is true; importing typing would cost 3 ms
if TYPE_CHECKING:
    from typing import Any

CANDIDATES = ("/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket")
CHUNK = 1 << 16


class Refusal(Exception):
    """An error: no answer can come. The text is the one-line cause."""


class Connection(http.client.HTTPConnection):
    """HTTP over the unix socket `path`; the server may stay silent for `seconds`."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self.path = path

    def connect(self) -> None:
        """Connect; http.client does so just before it sends the first request."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.settimeout(self.timeout)
            end.connect(self.path)
        except OSError:
            end.close()
            raise
        self.sock = end

    def wait(self, seconds: float) -> None:
        """Allow the server to stay silent for `seconds` from now on."""
        if self.sock:
            self.sock.settimeout(seconds)


def find_socket(candidates: "list[str]", seconds: float, advice: str) -> str:
    """Return the path of the LXD socket of this host.

    Args:
        candidates: The possible paths.
        seconds: The number of seconds that a server may stay silent.
        advice: The instruction for the user to name the socket, for messages.

    Raises:
        Refusal: There is no socket, or two LXDs answer and the user must choose one.
    """
    places = " or ".join(candidates)
    present = [path for path in candidates if os.path.exists(path)]  # noqa: PTH110  pathlib is slow to load
    if not present:
        raise Refusal(f"no LXD socket at {places}: {advice}")
    # A single socket is not tried: systemd would start an inactive LXD.
    if len(present) > 1:
        present = [path for path in present if has_answer(path, seconds)]
    if not present:
        raise Refusal(f"no LXD answers at {places}: {advice}")
    if len(present) > 1:
        raise Refusal(f"two LXDs answer, at {' and '.join(present)}: {advice}")
    return present[0]


def has_answer(path: str, seconds: float) -> bool:
    """Return True if an HTTP server listens at `path`."""
    connection = Connection(path, seconds)
    try:
        connection.request("GET", "/1.0")
        connection.getresponse().read(CHUNK)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def exchange(connection: Connection, request: "list[Any]", limit: int) -> "tuple[int, bytes, str]":
    """Send one request; return the status, the body, and the error if the body is unusable."""
    method, path, body, seconds = request
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, body, headers)
    connection.wait(seconds)
    response = connection.getresponse()
    try:
        data = read(response, limit)
    except http.client.HTTPException:
        data = None
    if data is None or (response.length and len(data) <= limit):
        connection.close()
        return response.status, b"", "the answer was cut short"
    if len(data) > limit:
        connection.close()
        return response.status, b"", "the answer is larger than what is read"
    return response.status, data, ""


def read(response: http.client.HTTPResponse, limit: int) -> bytes:
    """Return the body; stop once more than `limit` bytes were read."""
    data = bytearray()
    while len(data) <= limit:
        chunk = response.read(CHUNK)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def deliver(batch: "dict[str, Any]") -> "tuple[dict[str, Any], list[bytes]]":
    """Send the requests of `batch`; return the payload's head and the bodies.

    Raises:
        Refusal: No answer can come.
    """
    find = (batch["candidates"], batch["connect"], batch["advice"])
    path = batch["socket"] or find_socket(*find)
    connection = Connection(path, batch["connect"])
    replies, bodies, limit = [], [], batch["limit"]
    try:
        for request in batch["requests"]:
            status, body, error = attempt(connection, request, limit)
            limit -= len(body)
            replies.append([status, len(body), error])
            bodies.append(body)
    finally:
        connection.close()
    return {"replies": replies}, bodies


def attempt(connection: Connection, request: "list[Any]", limit: int) -> "tuple[int, bytes, str]":
    """Call `exchange`; turn its exceptions into a `Refusal` with the cause."""
    try:
        return exchange(connection, request, limit)
    except socket.timeout as problem:  # noqa: UP041  it is TimeoutError from Python 3.10 on only
        raise Refusal(f"no answer to {request[0]} {request[1]} in {request[3]:g} s") from problem
    except PermissionError as problem:
        raise Refusal(
            f"{connection.path}: permission denied: use root, or ?sudo=true"
        ) from problem
    except OSError as problem:
        reason = problem.strerror or "the connection was closed without an answer"
        raise Refusal(f"{connection.path}: {reason}") from problem
    except http.client.HTTPException as problem:
        raise Refusal(f"{connection.path}: the listener does not speak HTTP") from problem


def main(argument: str) -> None:
    """Print the payload for the batch in `argument`."""
    batch = json.loads(zlib.decompress(base64.b64decode(argument)).decode())
    try:
        head, bodies = deliver(batch)
    except Refusal as refusal:
        head, bodies = {"cause": str(refusal)}, []
    payload = zlib.compress(json.dumps(head).encode() + b"\n" + b"".join(bodies), 1)
    text = base64.b64encode(payload).decode()
    sys.stdout.write("\n{0}:begin\n{1}\n{0}:end\n".format(batch["marker"], text))


if __name__ == "__main__":
    main(sys.argv[1])
