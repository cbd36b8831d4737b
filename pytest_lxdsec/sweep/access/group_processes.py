"""Processes that hold the groups of the API's sockets, and may see the sockets.

A session keeps the groups that it began with, also if /etc/group was changed since.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Sequence

from ..common import commands, context, procfs, sockets
from ..containers import socket_mounts

LONGEST_NAME = 100


@dataclasses.dataclass(frozen=True)
class GroupProcess:
    """Decoded as `evidence.access_facts.GroupProcess`."""

    pid: int
    exe: str
    uids: Sequence[int]
    gids: Sequence[int]
    sees_socket: bool


def every(facts: context.Context) -> tuple[GroupProcess, ...]:
    """Section: find the processes that hold the group of a socket, in order of their IDs."""
    found: Sequence[sockets.ApiSocket] = facts.require("sockets")
    wanted = {one.file.gid for one in found if one.file.exists and not one.file.error} - {0}
    places: Sequence[socket_mounts.SocketPlace] = facts.require("mounts").sockets
    own = procfs.namespace(os.getpid(), "mnt")
    carriers = []
    for pid in procfs.every() if wanted else ():
        try:
            status = procfs.status(pid)
            gids = wanted & groups_of(status)
            if gids:
                carriers.append(_carrier(pid, status, sorted(gids), places, own))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return tuple(carriers)


def groups_of(status: dict[str, str]) -> set[int]:
    """Return the groups of a process: real, effective, saved, file system and supplementary."""
    return {int(word) for key in ("Gid", "Groups") for word in status[key].split()}


def _carrier(
    pid: int,
    status: dict[str, str],
    gids: Sequence[int],
    places: Collection[socket_mounts.SocketPlace],
    own: str,
) -> GroupProcess:
    return GroupProcess(
        pid=pid,
        exe=os.path.basename(procfs.executable(pid)[0])[:LONGEST_NAME],
        uids=tuple(sorted({int(word) for word in status["Uid"].split()})),
        gids=tuple(gids),
        sees_socket=procfs.namespace(pid, "mnt") == own or _sees(pid, places),
    )


def _sees(pid: int, places: Collection[socket_mounts.SocketPlace]) -> bool:
    """Return whether a process with mounts of its own sees one of the sockets."""
    return shows(commands.read(f"/proc/{pid}/mountinfo"), places)


def shows(table: str, places: Collection[socket_mounts.SocketPlace]) -> bool:
    """Return whether one of these mounts shows one of these sockets."""
    return any(
        entry.device == place.device and socket_mounts.holds(entry.root, place.root)
        for entry in socket_mounts.entries(table)
        for place in places
    )
