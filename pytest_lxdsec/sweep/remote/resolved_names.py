"""Host names, resolved on the host."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence

from ..common import context, lxd_daemons, netns


@dataclasses.dataclass(frozen=True)
class ResolvedName:
    """Decoded as `evidence.remote_facts.ResolvedName`."""

    name: str
    addresses: Sequence[str]
    error: str


def resolved(facts: context.Context) -> tuple[ResolvedName, ...]:
    """Section: resolve the names in the daemon's listen addresses, from within its network."""
    server: lxd_daemons.Daemon = facts.require("server")
    names = facts.question.names
    return netns.in_network_of(server.pid, lambda: tuple(resolve(name) for name in names))


def resolve(name: str) -> ResolvedName:
    """Resolve a name; a name that does not exist has neither addresses nor an error."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        is_unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", 0))
        return ResolvedName(name, (), "" if is_unknown else str(error.strerror))
    return ResolvedName(name, tuple(sorted({str(entry[4][0]) for entry in found})), "")
