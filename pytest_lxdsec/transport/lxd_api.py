"""LXD's REST API through pylxd, as transport only: raw bytes in, nothing judged.

pylxd's models send hidden requests and drop fields that they do not know, so none is used: its
client and session carry our requests, and the JSON is read by `lxd_response`. Three roads, one
class: a unix socket of this machine, HTTPS, and `shell_tunnel` over a shell.
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
# A whole answer, however slowly it drips: a minute of silence between bytes is not the limit.
BODY_SECONDS = 300.0
ROOT = "/1.0"

# Announces the requests that follow; its value is how many round trips they cost.
Batch = Callable[[Sequence[Request]], contextlib.AbstractContextManager[int]]


def unix(path: str, *, target: str) -> Api:
    """Speak to the LXD behind a unix socket of this machine.

    Args:
        path: The socket; "" finds LXD's own.
        target: What messages call the server.

    Raises:
        Unreachable: there is no such socket, or two LXDs answer.
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
    """Speak to the LXD behind `url`, such as `https://host:8443`.

    Args:
        url: Scheme, host and port.
        cert: The client certificate, a PEM file; "" asks as a stranger.
        key: Its private key.
        server_cert: The one certificate that the server may have; "" trusts the certificate
            authorities of this machine.
        target: What messages call the server.

    Raises:
        UserError: one of the files cannot be used.
    """
    credentials.check(cert=cert, key=key, server_cert=server_cert)
    session = pylxd.client.get_session_for_url(
        url, verify=server_cert or True, cert=(cert, key) if cert else None
    )
    if not server_cert:
        # requests would trust the list that certifi ships instead.
        paths = ssl.get_default_verify_paths()
        session.verify = paths.cafile or paths.capath or True
    return Connection(target, url, session, where=url)


def over_shell(shell: Shell, path: str = "", *, target: str) -> Api:
    """Speak to the LXD on the host behind `shell`, one command for each batch of requests.

    Args:
        shell: It stays open when this connection is closed.
        path: The socket on that host; "" finds LXD's own.
        target: What messages call the server.
    """
    adapter = shell_tunnel.TunnelAdapter(shell, path, target)
    session = requests.Session()
    session.mount(shell_tunnel.URL, adapter)
    return Connection(target, shell_tunnel.URL, session, where=path, batch=adapter.batch)


class Connection:
    """An `Api` on a session of pylxd's client."""

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
        # and a proxy or ~/.netrc of the environment would see what is meant for the server.
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
        """How many requests (or, over a shell, commands) this connection has cost."""
        return self._round_trips

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        """GET every path; one answer each, in order; raises `Unreachable`."""
        replies = self.send_many([Request(method="GET", path=path) for path in paths])
        return tuple(lxd_response.decode(reply) for reply in replies)

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Send every request, never twice; one reply each, in order; raises `Unreachable`."""
        if not requests:
            return ()
        with self._batch(requests) as cost:
            with self._lock:
                self._round_trips += cost
            return tuple(self._send(request) for request in requests)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.api.session.close()

    def _send(self, request: Request) -> Reply:
        if not request.path.startswith(ROOT):
            raise ValueError(f"{request.path!r} is no path of the API")
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

    It would be one round trip more, and what it hears is for the models that nobody uses.
    """
    adapter = session.get_adapter(url)
    session.mount(url, _Greeting())
    client = pylxd.Client(url, session=session)  # type: ignore[no-untyped-call]  # pylxd has no types
    session.mount(url, adapter)
    return client


class _Greeting(requests.adapters.HTTPAdapter):
    """Answers what pylxd's client asks when it is made."""

    def send(  # type: ignore[override]  # the other options concern connections
        self, request: requests.PreparedRequest, **_options: object
    ) -> requests.Response:
        """Return a success that says nothing."""
        greeting = b'{"type": "sync", "metadata": {}}'
        return shell_tunnel.response(self, request, http.HTTPStatus.OK, greeting)


def _read(path: str, response: requests.Response) -> Reply:
    """Read the body, but no more than is sound of it.

    Raises:
        urllib3.exceptions.HTTPError: the server fell silent.
    """
    body = bytearray()
    deadline = time.monotonic() + BODY_SECONDS
    spoiled = ""
    try:
        # read1 returns what has come: read would wait for a full chunk, however slow it drips.
        # Nothing is unpacked: LXD packs nothing, and what is small might grow without end.
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
