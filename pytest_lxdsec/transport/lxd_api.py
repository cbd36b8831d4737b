"""LXD's REST API through pylxd, used as a transport only.

pylxd's models send hidden requests and drop unknown fields, so they are not used: pylxd's client
and session send our requests, and `lxd_response` decodes the JSON. One class serves three kinds
of connection: a unix socket of this machine, HTTPS, and `shell_tunnel` over a shell.
"""

from __future__ import annotations

import contextlib
import http
import ssl
import threading
import time
from collections.abc import Callable, Sequence

import pylxd
import pylxd.client
import requests
import requests.adapters
import urllib3.exceptions

from ..errors import Unreachable
from . import (
    BODY_LIMIT,
    CONNECT_SECONDS,
    Answer,
    Api,
    Reply,
    Request,
    Shell,
    credentials,
    error_causes,
    lxd_response,
    shell_tunnel,
    socket_relay,
    unix_adapter,
)

CHUNK = 1 << 16
# The limit for a whole response: a server that sends a byte now and then is never silent.
BODY_SECONDS = 300.0
ROOT = "/1.0"

# Announces the requests that follow; the context's value is their number of round trips.
Batch = Callable[[Sequence[Request]], contextlib.AbstractContextManager[int]]


def unix(path: str, *, target: str) -> Api:
    """Return a connection to the LXD behind a unix socket of this machine.

    Args:
        path: The path of the socket; "" looks for it at the paths of LXD's packages.
        target: The server's name in messages.

    Raises:
        Unreachable: There is no socket at these paths, or two LXDs answer.
    """
    try:
        find = (list(socket_relay.CANDIDATES), CONNECT_SECONDS, "name the socket: unix:///PATH")
        found = path or socket_relay.find_socket(*find)
    except socket_relay.Refusal as error:
        raise Unreachable(target, str(error)) from error
    session = requests.Session()
    session.mount(shell_tunnel.URL, unix_adapter.UnixAdapter(found))
    return Connection(target, shell_tunnel.URL, session, where=found)


def https(url: str, *, cert: str, key: str, server_cert: str, target: str) -> Api:
    """Return a connection to the LXD behind `url`, such as `https://host:8443`.

    Args:
        url: Scheme, host and port.
        cert: The client certificate, a PEM file; "" sends anonymous requests.
        key: The private key of `cert`, a PEM file; "" if there is no certificate.
        server_cert: The only certificate that the server may have, a PEM file; "" trusts the
            certificate authorities of this machine.
        target: The server's name in messages.

    Raises:
        UserError: One of the files cannot be used.
    """
    credentials.check(cert=cert, key=key, server_cert=server_cert)
    session = pylxd.client.get_session_for_url(
        url, verify=server_cert or True, cert=(cert, key) if cert else None
    )
    if not server_cert:
        # Otherwise requests would trust certifi's list of authorities.
        paths = ssl.get_default_verify_paths()
        session.verify = paths.cafile or paths.capath or True
    return Connection(target, url, session, where=url)


def over_shell(shell: Shell, path: str = "", *, target: str) -> Api:
    """Return a connection to the LXD on a host; it sends each batch of requests as one command.

    Args:
        shell: A shell on the host; it stays open when this connection is closed.
        path: The path of the socket on that host; "" looks for it at the paths of LXD's packages.
        target: The server's name in messages.
    """
    adapter = shell_tunnel.TunnelAdapter(shell, path, target)
    session = requests.Session()
    session.mount(shell_tunnel.URL, adapter)
    return Connection(target, shell_tunnel.URL, session, where=path, batch=adapter.batch)


class Connection:
    """An `Api` that sends its requests through a session of pylxd's client."""

    def __init__(
        self,
        target: str,
        url: str,
        session: requests.Session,
        *,
        where: str,
        batch: Batch | None = None,
    ) -> None:
        # Otherwise REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE would replace the pinned certificate,
        # and a proxy or ~/.netrc of the environment would take part in requests to the server.
        session.trust_env = False
        session.headers["User-Agent"] = "pytest-lxdsec"
        session.headers["Accept-Encoding"] = "identity"
        self.target = target
        self._url = url
        self._where = where
        self._client = _client(url, session)
        self._batch = batch or _one_by_one
        self._lock = threading.Lock()
        self._round_trips = 0

    @property
    def round_trips(self) -> int:
        """The number of requests (or, over a shell, commands) sent so far."""
        return self._round_trips

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        """Send a GET for every path and return one answer for each, in the same order.

        Raises:
            Unreachable: No answer can come; see `Api.get_many`.
        """
        replies = self.send_many([Request(method="GET", path=path) for path in paths])
        return tuple(lxd_response.decode(reply) for reply in replies)

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Send every request in order, never twice, and return one reply for each.

        Raises:
            Unreachable: No answer can come; see `Api.send_many`.
            ValueError: A path does not begin with `/1.0`.
        """
        if not requests:
            return ()
        with self._batch(requests) as cost:
            with self._lock:
                self._round_trips += cost
            return tuple(self._send(request) for request in requests)

    def close(self) -> None:
        """Close the connection."""
        self._client.api.session.close()

    def _send(self, request: Request) -> Reply:
        if not request.path.startswith(ROOT):
            raise ValueError(f"{request.path!r} is not a path of the API")
        try:
            with self._client.api.session.request(
                request.method,
                self._url + request.path,
                json=request.body,
                timeout=(CONNECT_SECONDS, request.patience),
                stream=True,
                allow_redirects=False,
            ) as response:
                return _read(request.path, response)
        except shell_tunnel.Spoiled as spoiled:
            return spoiled.reply
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            cause = error_causes.of(error, f"{request.method} {request.path}", self._where)
            raise Unreachable(self.target, cause) from error


def _one_by_one(batch: Sequence[Request]) -> contextlib.AbstractContextManager[int]:
    return contextlib.nullcontext(len(batch))


def _client(url: str, session: requests.Session) -> pylxd.Client:
    """Return pylxd's client on `session`, without the request that its constructor sends.

    The request would be one round trip more, and only pylxd's models use its answer.
    """
    adapter = session.get_adapter(url)
    session.mount(url, _Greeting())
    client = pylxd.Client(url, session=session)  # type: ignore[no-untyped-call]  # pylxd has no types
    session.mount(url, adapter)
    return client


class _Greeting(requests.adapters.HTTPAdapter):
    """An adapter that answers the request of pylxd's constructor."""

    def send(  # type: ignore[override]  # the other options concern connections
        self, request: requests.PreparedRequest, **_options: object
    ) -> requests.Response:
        """Return a success with empty metadata."""
        greeting = b'{"type": "sync", "metadata": {}}'
        return shell_tunnel.response(self, request, http.HTTPStatus.OK, greeting)


def _read(path: str, response: requests.Response) -> Reply:
    """Read the body up to the limits of size and time.

    Raises:
        urllib3.exceptions.HTTPError: The server fell silent.
    """
    body = bytearray()
    deadline = time.monotonic() + BODY_SECONDS
    spoiled = ""
    try:
        # read1 returns the bytes that have arrived; read would wait for a full chunk.
        # The body is not decompressed: LXD does not compress, and a bomb would grow without end.
        while not spoiled and (chunk := response.raw.read1(CHUNK, decode_content=False)):
            body += chunk
            if len(body) > BODY_LIMIT:
                spoiled = f"the answer is larger than {BODY_LIMIT >> 20} MiB"
            elif time.monotonic() > deadline:
                spoiled = f"the answer was not complete after {BODY_SECONDS:g} s"
    except urllib3.exceptions.ProtocolError:
        spoiled = "the answer was cut short"
    if spoiled:
        return Reply(path=path, status=response.status_code, error=spoiled)
    return Reply(path=path, status=response.status_code, body=bytes(body))
