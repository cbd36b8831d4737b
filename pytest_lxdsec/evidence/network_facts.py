"""What the sweep brings back of the network: interfaces, filters, routes, name servers.

Types as there: each is one entry of a section of the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .host_facts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface in the daemon's network namespace.

    Attributes:
        kind: The kernel's word for its driver (`bridge`, `veth`, ...); "" for hardware and `lo`.
        mac: Its own MAC address, "" where it has none.
        master: The index of the bridge or bond that it is a port of, 0 for none.
        addresses: ADDRESS/LENGTH of both families.
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
    """Rules as iptables-save, ip6tables-save and ebtables-save print them; "" for none."""

    ip: Text
    ip6: Text
    bridge: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilters:
    """The rules in the daemon's network namespace.

    Attributes:
        nft: What `nft -j list ruleset` printed.
        listing: What `nft --debug=netlink list ruleset` printed.
        shims: Saves of the families whose rules nft cannot print in full.
        legacy: Saves of the legacy tools, for rules that nft does not see.
        bridge: The settings of br_netfilter (`net.bridge.*`); none where it is not loaded.
    """

    nft: Text
    listing: Text
    shims: Saves
    legacy: Saves
    bridge: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """The addresses that LXD holds for the NICs on one of its bridges.

    `entries` maps the names of the files, which are made of instance and NIC, to their texts:
    `MAC[,IPv4][,[IPv6]][,NAME]`.
    """

    network: str
    entries: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of the host, or one of the ways of a route that has several.

    Attributes:
        to: PREFIX/LENGTH.
        kind: `unicast`, `local`, `blackhole`, `unreachable`, `prohibit` or `throw`.
        via: The gateway, "" for none.
        interface: By which it leaves, "" for none.
        table: The routing table's number; 254 is main, 255 is local.
        protocol: Who made it: 2 the kernel, 9 whoever heard a router advertisement.
        metric: The kernel takes the least among routes to the same prefix.

    Only those come that bear on a control: to single addresses, to the host itself, by the host's
    ends of NICs, and those that a program took from advertisements; of all tables.
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
    """The text of the file in which LXD keeps who serves one of its bridges."""

    network: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSocket:
    """A UDP socket of DNS or DHCP; `interface` is the one it is bound to, "" for none."""

    address: str
    port: int
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """A dnsmasq in the daemon's network namespace.

    Attributes:
        pid: Its id on the host.
        own_pid: Its id in its own process namespace.
        is_with_daemon: Whether that is the daemon's.
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
    """Whom LXD recorded, by network, and who is there."""

    recorded: tuple[RecordedServer, ...]
    servers: tuple[NameServer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface's settings (`net.ipv4.conf.NAME.*`, of IPv6 too); None where absent.

    `index` is 0 for the pseudo interfaces `all` and `default`.
    """

    name: str
    index: int
    ipv4: Mapping[str, int | None]
    ipv6: Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntRoute:
    """A route of the host that came from a router advertisement."""

    to: str
    via: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStack:
    """The daemon's network namespace; `learnt_routes` are those that the kernel itself learnt."""

    has_ipv6: bool
    interfaces: tuple[Interface, ...]
    learnt_routes: tuple[LearntRoute, ...]
