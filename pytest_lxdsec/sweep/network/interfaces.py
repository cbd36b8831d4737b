"""Settings of interfaces, and learned routes, of the daemon's network."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Mapping, Sequence

from ..common import commands, context, lxd_daemons, netns

IPV4_SETTINGS = "/proc/sys/net/ipv4/conf"
IPV6_SETTINGS = "/proc/sys/net/ipv6/conf"
# /proc/self is in the main thread's namespace.
IPV6_ROUTES = "/proc/thread-self/net/ipv6_route"
IPV4_KEYS = ("rp_filter",)
KEYS = ("accept_ra", "disable_ipv6", "forwarding", "autoconf", "accept_ra_defrtr")
RTF_ADDRCONF = 0x00040000  # linux/ipv6_route.h: from a router advertisement


@dataclasses.dataclass(frozen=True)
class Interface:
    """Decoded as `evidence.network_facts.Interface`."""

    name: str
    index: int
    ipv4: Mapping[str, int | None]
    ipv6: Mapping[str, int | None]


@dataclasses.dataclass(frozen=True)
class LearntRoute:
    """Decoded as `evidence.network_facts.LearntRoute`."""

    to: str
    via: str
    interface: str


@dataclasses.dataclass(frozen=True)
class NetworkStack:
    """Decoded as `evidence.network_facts.NetworkStack`."""

    has_ipv6: bool
    interfaces: Sequence[Interface]
    learnt_routes: Sequence[LearntRoute]


def network(facts: context.Context) -> NetworkStack:
    """Section: read the settings and learned routes of the daemon's network namespace."""
    server: lxd_daemons.Daemon = facts.require("server")
    return netns.in_network_of(server.pid, _stack)


def _stack() -> NetworkStack:
    has_ipv6 = os.path.isdir(IPV6_SETTINGS)
    names = {*os.listdir(IPV4_SETTINGS), *(os.listdir(IPV6_SETTINGS) if has_ipv6 else ())}
    indexes = {name: index for index, name in socket.if_nameindex()}
    return NetworkStack(
        has_ipv6=has_ipv6,
        interfaces=tuple(_interface(name, indexes.get(name, 0)) for name in sorted(names)),
        learnt_routes=learnt_routes(commands.read_if_there(IPV6_ROUTES) or ""),
    )


def _interface(name: str, index: int) -> Interface:
    return Interface(
        name=name,
        index=index,
        ipv4=_settings(f"{IPV4_SETTINGS}/{name}", IPV4_KEYS),
        ipv6=_settings(f"{IPV6_SETTINGS}/{name}", KEYS),
    )


def _settings(directory: str, keys: Sequence[str]) -> dict[str, int | None]:
    texts = {key: commands.read_if_there(f"{directory}/{key}") for key in keys}
    return {key: None if text is None else int(text) for key, text in texts.items()}


def learnt_routes(table: str) -> tuple[LearntRoute, ...]:
    """Return the routes of /proc/net/ipv6_route that the kernel learned from advertisements."""
    rows = (line.split() for line in commands.lines(table))
    return tuple(
        LearntRoute(
            to=f"{_address(row[0])}/{int(row[1], 16)}", via=_address(row[4]), interface=row[9]
        )
        for row in rows
        if int(row[8], 16) & RTF_ADDRCONF
    )


def _address(text: str) -> str:
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(text))
