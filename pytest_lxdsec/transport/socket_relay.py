"""Carries API requests on the server's own host; `shell_tunnel` sends this file there as it is.

It runs under whatever python3 that host has, so: the standard library only, nothing newer than
Python 3.6 (no `from __future__ import annotations` either; such types stand in quotes), and
imports nothing of ours. One order comes as an argument, one parcel goes to standard output
between two marker lines.

Never connect without sending a request at once: LXD up to 6.9 looks at the first bytes before
it accepts the next client, so that a silent one blocks the API for everybody.
"""

import base64
import http.client
import json
import os.path
import socket
import sys
import zlib

TYPE_CHECKING = False  # what type checkers take for true; importing typing would cost 3 ms
if TYPE_CHECKING:
    from typing import Any

CANDIDATES = ("/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket")
CHUNK = 1 << 16


class Refusal(Exception):
    """No answer can come; its text is the one-line cause."""


class Connection(http.client.HTTPConnection):
    """HTTP over the unix socket `path`; `seconds` is how long the other side may be silent."""

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
        """Let the other side be silent for `seconds` from now on."""
        if self.sock:
            self.sock.settimeout(seconds)


def find_socket(candidates: "list[str]", seconds: float, advice: str) -> str:
    """Return the path of the LXD socket of this host.

    Args:
        candidates: Where it may be.
        seconds: For how long one may be silent.
        advice: How the user can name the socket.

    Raises:
        Refusal: there is none, or two LXDs answer: then only the user can say which.
    """
    places = " or ".join(candidates)
    present = [path for path in candidates if os.path.exists(path)]  # noqa: PTH110  pathlib is slow to load
    if not present:
        raise Refusal(f"no LXD socket at {places}: {advice}")
    # A socket alone is not asked whether it answers: systemd would start a sleeping LXD.
    if len(present) > 1:
        present = [path for path in present if has_answer(path, seconds)]
    if not present:
        raise Refusal(f"no LXD answers at {places}: {advice}")
    if len(present) > 1:
        raise Refusal(f"two LXDs answer, at {' and '.join(present)}: {advice}")
    return present[0]


def has_answer(path: str, seconds: float) -> bool:
    """Return whether something that speaks HTTP listens at `path`."""
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
    """Send one request; return its status, its body and the error that spoils the body."""
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
    """Return the body; of one that is larger than `limit` more than that, not all."""
    data = bytearray()
    while len(data) <= limit:
        chunk = response.read(CHUNK)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def deliver(order: "dict[str, Any]") -> "tuple[dict[str, Any], list[bytes]]":
    """Do what `order` says; return the parcel's head and the bodies.

    Raises:
        Refusal: no answer can come.
    """
    find = (order["candidates"], order["connect"], order["advice"])
    path = order["socket"] or find_socket(*find)
    connection = Connection(path, order["connect"])
    replies, bodies, limit = [], [], order["limit"]
    try:
        for request in order["requests"]:
            status, body, error = attempt(connection, request, limit)
            limit -= len(body)
            replies.append([status, len(body), error])
            bodies.append(body)
    finally:
        connection.close()
    return {"replies": replies}, bodies


def attempt(connection: Connection, request: "list[Any]", limit: int) -> "tuple[int, bytes, str]":
    """Do `exchange`; what keeps the answer from coming is a `Refusal` that says it."""
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
        raise Refusal(f"{connection.path}: what listens there does not speak HTTP") from problem


def main(argument: str) -> None:
    """Print the parcel that the order in `argument` asks for."""
    order = json.loads(zlib.decompress(base64.b64decode(argument)).decode())
    try:
        head, bodies = deliver(order)
    except Refusal as refusal:
        head, bodies = {"cause": str(refusal)}, []
    parcel = zlib.compress(json.dumps(head).encode() + b"\n" + b"".join(bodies), 1)
    text = base64.b64encode(parcel).decode()
    sys.stdout.write("\n{0}:begin\n{1}\n{0}:end\n".format(order["mark"], text))


if __name__ == "__main__":
    main(sys.argv[1])
