"""Types of the sweep: interfaces, packet filters, routes and name servers.

See `host_facts` for units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .host_facts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface in the daemon's network namespace.

    Attributes:
        kind: The kernel's name of its driver (`bridge`, `veth`, ...); "" for hardware and `lo`.
        mac: Its own MAC address, "" if it has none.
        master: The index of the bridge or bond that it is a port of, else 0.
        addresses: ADDRESS/LENGTH, of both families.
    """

    name: str
    index: int
    kind: str
    mac: str
    is_loopback: bool
    master: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saves:
    """The output of iptables-save, ip6tables-save and ebtables-save; "" if there are no rules."""

    ip: Text
    ip6: Text
    bridge: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilters:
    """The rules in the daemon's network namespace.

    Attributes:
        nft: The output of `nft -j list ruleset`.
        listing: The output of `nft --debug=netlink list ruleset`.
        shims: Saves of the families whose rules nft cannot print in full.
        legacy: Saves of the legacy tools, for rules that nft does not see.
        bridge: The settings of br_netfilter (`net.bridge.*`); empty if it is not loaded.
    """

    nft: Text
    listing: Text
    shims: Saves
    legacy: Saves
    bridge: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """The addresses that LXD reserves for the NICs on one of its bridges.

    `entries` maps the names of the files, which consist of instance and NIC, to their texts:
    `MAC[,IPv4][,[IPv6]][,NAME]`.
    """

    network: str
    entries: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of the host, or one path of a multipath route.

    Attributes:
        to: PREFIX/LENGTH.
        kind: `unicast`, `local`, `blackhole`, `unreachable`, `prohibit` or `throw`.
        via: The gateway, "" if there is none.
        interface: The outgoing interface, "" if there is none.
        table: The routing table's number; 254 is main, 255 is local.
        protocol: Its origin: 2 for the kernel, 9 for a program that read a router advertisement.
        metric: The kernel prefers the least among routes to the same prefix.

    Only routes that matter to a control are gathered, from all tables: routes to single
    addresses, to the host itself, through the host's ends of NICs, and those learned from router
    advertisements by a program.
    """

    to: str
    kind: str
    via: str
    interface: str
    table: int
    protocol: int
    metric: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedServer:
    """The text of dnsmasq.pid, in which LXD records the dnsmasq process of a bridge."""

    network: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSocket:
    """A UDP socket of DNS or DHCP; `interface` is the one it is bound to, else ""."""

    address: str
    port: int
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """A dnsmasq in the daemon's network namespace.

    Attributes:
        pid: Its id on the host.
        own_pid: Its id in its own process namespace.
        is_with_daemon: Whether it shares the daemon's process namespace.
        uids: Real, effective, saved and file system user ids, each once.
        arguments: Its command line after the program.
    """

    pid: int
    own_pid: int
    is_with_daemon: bool
    uids: tuple[int, ...]
    arguments: tuple[str, ...]
    sockets: tuple[ServerSocket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServers:
    """The dnsmasq processes that LXD recorded, by network, and those that run."""

    recorded: tuple[RecordedServer, ...]
    servers: tuple[NameServer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface's settings: `net.ipv4.conf.NAME.*` and `net.ipv6.conf.NAME.*`.

    A setting that the kernel does not have is None.

    `index` is 0 for the pseudo interfaces `all` and `default`.
    """

    name: str
    index: int
    ipv4: Mapping[str, int | None]
    ipv6: Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntRoute:
    """A route of the host that was learned from a router advertisement."""

    to: str
    via: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStack:
    """The daemon's network namespace; `learnt_routes` are those that the kernel itself learned."""

    has_ipv6: bool
    interfaces: tuple[Interface, ...]
    learnt_routes: tuple[LearntRoute, ...]
