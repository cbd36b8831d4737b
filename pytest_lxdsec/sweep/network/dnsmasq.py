"""The dnsmasq processes of the daemon's network, and LXD's records of them."""

from __future__ import annotations

import dataclasses
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence

from ..common import commands, context, lxd_daemons, netlink, netns, procfs

PROGRAM = "dnsmasq"
NETWORKS = "networks"
PID_FILE = "dnsmasq.pid"
PORTS = (53, 67, 547)  # DNS, DHCPv4, DHCPv6
DIAG_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
ANY_STATE = 0xFFFFFFFF
REQUEST = struct.Struct("=BBBBI48x")  # linux/inet_diag.h, struct inet_diag_req_v2
FAMILIES: Mapping[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}  # bytes of an address


@dataclasses.dataclass(frozen=True)
class Recorded:
    """Decoded as `evidence.network_facts.RecordedServer`."""

    network: str
    text: str


@dataclasses.dataclass(frozen=True)
class Socket:
    """Decoded as `evidence.network_facts.ServerSocket`."""

    address: str
    port: int
    interface: str


@dataclasses.dataclass(frozen=True)
class Server:
    """Decoded as `evidence.network_facts.NameServer`."""

    pid: int
    own_pid: int
    is_with_daemon: bool
    uids: Sequence[int]
    arguments: Sequence[str]
    sockets: Sequence[Socket]


@dataclasses.dataclass(frozen=True)
class NameServers:
    """Decoded as `evidence.network_facts.NameServers`."""

    recorded: Sequence[Recorded]
    servers: Sequence[Server]


def every(facts: context.Context) -> NameServers:
    """Section: read LXD's records, and find the processes."""
    server: lxd_daemons.Daemon = facts.require("server")
    found = [pid for pid in procfs.every() if _is_here(pid, server)]
    bound = netns.in_network_of(server.pid, bound_sockets) if found else {}
    return NameServers(
        recorded=_recorded(lxd_daemons.root_of(server.pid) + server.directory),
        servers=tuple(_servers(found, server, bound)),
    )


def _servers(
    pids: Sequence[int], daemon: lxd_daemons.Daemon, bound: Mapping[int, Socket]
) -> Iterator[Server]:
    for pid in pids:
        try:
            yield _server(pid, daemon, bound)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile


def _is_here(pid: int, server: lxd_daemons.Daemon) -> bool:
    try:
        if os.path.basename(procfs.executable(pid)[0]) != PROGRAM:
            return False
        return procfs.namespace(pid, "net") == server.namespaces["net"]
    except OSError:
        return False  # it ended meanwhile, or it is a kernel thread


def _recorded(directory: str) -> tuple[Recorded, ...]:
    names = sorted(os.listdir(f"{directory}/{NETWORKS}"))
    found = {name: f"{directory}/{NETWORKS}/{name}/{PID_FILE}" for name in names}
    texts = {name: commands.read_if_there(path) for name, path in found.items()}
    return tuple(
        Recorded(network=name, text=text) for name, text in texts.items() if text is not None
    )


def _server(pid: int, daemon: lxd_daemons.Daemon, bound: Mapping[int, Socket]) -> Server:
    status = procfs.status(pid)
    inodes = sorted(procfs.socket_inodes(pid))
    return Server(
        pid=pid,
        own_pid=procfs.ids_by_namespace(status)[-1],
        is_with_daemon=procfs.namespace(pid, "pid") == daemon.namespaces["pid"],
        uids=tuple(sorted({int(word) for word in status["Uid"].split()})),
        arguments=procfs.arguments(pid)[1:],
        sockets=tuple(bound[inode] for inode in inodes if inode in bound),
    )


def bound_sockets() -> dict[int, Socket]:
    """Return the UDP sockets at `PORTS` by inode, of the calling thread's network namespace."""
    names = dict(socket.if_nameindex())
    found = {}
    for family in FAMILIES:
        request = REQUEST.pack(family, socket.IPPROTO_UDP, 0, 0, ANY_STATE)
        for entry in netlink.dump(netlink.SOCK_DIAG, DIAG_BY_FAMILY, request):
            inode, one = _socket(entry, names)
            if one.port in PORTS:
                found[inode] = one
    return found


def _socket(entry: bytes, names: Mapping[int, str]) -> tuple[int, Socket]:
    """Decode a struct inet_diag_msg into the inode and the socket."""
    family = entry[0]
    (port,) = struct.unpack_from(">H", entry, 4)
    address = socket.inet_ntop(family, entry[8 : 8 + FAMILIES[family]])
    (index,) = struct.unpack_from("=I", entry, 40)
    (inode,) = struct.unpack_from("=I", entry, 68)
    interface = names.get(index, str(index)) if index else ""
    return inode, Socket(address=address, port=port, interface=interface)
