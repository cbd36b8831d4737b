"""HTTP over a unix socket, as an adapter for requests.

pylxd's own adapter opens a connection for every URL and leaks a socket that it cannot connect. The
leak is an error for users who turn warnings into errors.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import requests
import requests.adapters
import urllib3
import urllib3.connection


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, *args: Any, socket_path: str, **options: Any) -> None:  # noqa: ANN401  urllib3's
        super().__init__(*args, **options)
        self._socket_path = socket_path

    def connect(self) -> None:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.settimeout(self.timeout)
            end.connect(self._socket_path)
        except OSError:
            end.close()
            raise
        self.sock = end


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class UnixAdapter(requests.adapters.HTTPAdapter):
    """An adapter that sends every request to the socket at `path` over lasting connections."""

    def __init__(self, path: str) -> None:
        super().__init__()
        # Probes inside containers send requests in parallel: keep as many connections, not one.
        size = requests.adapters.DEFAULT_POOLSIZE
        self._pool = _Pool("localhost", socket_path=path, maxsize=size)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001  the signature is that of requests
        proxies: Mapping[str, str] | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> urllib3.HTTPConnectionPool:
        """Return the same pool for every URL."""
        del request, verify, proxies, cert
        return self._pool

    def close(self) -> None:
        """Close all connections."""
        super().close()
        self._pool.close()
