"""The sockets on which daemons listen.

The inode of an open file shows that a socket is a daemon's, not its name in the tables. A unix
socket may have any name, with line feeds, too, so that a local user can forge a line of that
table: this can add a path to those that are looked at, and cannot hide one.
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import sys
from collections.abc import Collection, Iterator, Sequence

from . import commands, context, files, lxd_daemons, paths, procfs

# Sockets of the daemon that are not its API: devlxd and the seccomp notifier (lxd/endpoints), and
# for some seconds that of a container's files (lxd/instance/drivers/driver_lxc.go, FileSFTPConn).
OTHER_PROTOCOLS = ("sock", "seccomp.socket", "forkfile.sock")
# Pointer, references, protocol, flags, type, state, inode, name: net/unix/af_unix.c.
_UNIX = re.compile(
    r"[0-9a-f]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{4} [0-9A-F]{2} +(\d+) (.+)"
)
_ACCEPTING = "00010000"  # __SO_ACCEPTCON
_LISTEN = "0A"  # TCP_LISTEN
_IPV4_BYTES = 4


@dataclasses.dataclass(frozen=True)
class ApiSocket:
    """Decoded as `evidence.access_facts.ApiSocket`."""

    daemon: int
    file: files.File
    directories: Sequence[files.File]


@dataclasses.dataclass(frozen=True)
class Listener:
    """Decoded as `evidence.remote_facts.Listener`."""

    family: str
    address: str
    port: int


def api_sockets(facts: context.Context) -> tuple[ApiSocket, ...]:
    """Section: find the unix sockets on which daemons serve their API, and their directories."""
    found: Sequence[lxd_daemons.Daemon] = facts.require("daemons")
    return tuple(
        _api_socket(daemon.pid, path) for daemon in found for path in api_paths(daemon.pid)
    )


def api_paths(pid: int) -> tuple[str, ...]:
    """Return the names of the unix sockets on which a daemon serves its API."""
    named = unix_listeners(
        commands.read(f"/proc/{pid}/net/unix"), inodes=procfs.socket_inodes(pid)
    )
    return tuple(sorted(path for path in set(named) if _may_be_api(path)))


def _may_be_api(path: str) -> bool:
    # An abstract name is a container's command socket: liblxc, lxc_make_abstract_socket.
    return not path.startswith("@") and os.path.basename(path) not in OTHER_PROTOCOLS


def unix_listeners(table: str, *, inodes: Collection[int]) -> Iterator[str]:
    """Yield the names of the listening sockets of /proc/net/unix that have these inodes."""
    for line in commands.lines(table):
        match = _UNIX.fullmatch(line)
        if match and match.group(1) == _ACCEPTING and int(match.group(2)) in inodes:
            yield match.group(3)


def _api_socket(pid: int, path: str) -> ApiSocket:
    root = lxd_daemons.root_of(pid)
    found = paths.find(root, path)
    return ApiSocket(
        daemon=pid,
        file=dataclasses.replace(found, path=path),
        directories=tuple(
            files.look_at(root + directory, shown=directory)
            for directory in paths.above(found.path)
        ),
    )


def listeners(facts: context.Context) -> tuple[Listener, ...]:
    """Section: find the TCP sockets on which the audited daemon listens, in its own network."""
    server: lxd_daemons.Daemon = facts.require("server")
    inodes = procfs.socket_inodes(server.pid)
    found = list(tcp_listeners(commands.read(f"/proc/{server.pid}/net/tcp"), "tcp", inodes=inodes))
    # A kernel that was started without IPv6 has no such table.
    table = commands.read_if_there(f"/proc/{server.pid}/net/tcp6") or ""
    return (*found, *tcp_listeners(table, "tcp6", inodes=inodes))


def tcp_listeners(table: str, family: str, *, inodes: Collection[int]) -> Iterator[Listener]:
    """Yield the listening sockets of /proc/net/tcp or tcp6 that have these inodes."""
    for line in commands.lines(table)[1:]:
        words = line.split()
        if words[3] == _LISTEN and int(words[9]) in inodes:
            address, port = words[1].split(":")
            yield Listener(family=family, address=address_of(address), port=int(port, 16))


def address_of(text: str) -> str:
    """Return an address of these tables: 32-bit words in the host's own byte order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == _IPV4_BYTES else socket.AF_INET6, raw)
