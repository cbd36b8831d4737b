"""The set-group-ID files of the host.

The daemons' data directories are left out: no user of the host can reach containers' files there,
since LXD restricts the directories above (lxd/storage/utils.go, 0100).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence

from ..common import commands, context, files, lxd_daemons
from ..containers import socket_mounts

SECONDS = 90.0
# They have no users' files, or no effective modes.
PSEUDO = (
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tracefs",
)
# A search there may never end, and loads another server.
REMOTE = (
    "9p",
    "afs",
    "ceph",
    "cifs",
    "gfs2",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
)


@dataclasses.dataclass(frozen=True)
class SetgidFiles:
    """Decoded as `evidence.access_facts.SetgidFiles`."""

    files: Sequence[files.File]
    unsearched: Sequence[str]


def every(_: context.Context) -> SetgidFiles:
    """Section: find the setgid files of all local file systems on which they have an effect."""
    private = sorted({daemon.directory for daemon in lxd_daemons.every(_)})
    points, unsearched = places(socket_mounts.table(os.getpid()), private)
    prune = [word for path in private for word in ("-path", path, "-prune", "-o")]
    done = commands.run(
        "find", *points, "-xdev", *prune, "-type", "f", "-perm", "-2000", "-print0",
        seconds=SECONDS,
    )  # fmt: skip
    # 1 if a file vanished meanwhile: find reports it and goes on.
    if done.status not in (0, 1):
        raise RuntimeError(f"find: exit status {done.status}")
    names = [name for name in done.output.split("\0") if name]
    return SetgidFiles(
        files=tuple(file for file in map(files.look_at, names) if file.exists),
        unsearched=unsearched,
    )


def places(
    table: Iterable[socket_mounts.Entry], private: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the mount points to search, one for each file system, and those not searched."""
    counting = [
        entry
        for entry in table
        if entry.kind not in PSEUDO
        and "nosuid" not in entry.options
        and not any(socket_mounts.holds(path, entry.point) for path in private)
    ]
    local = [entry for entry in counting if not _is_remote(entry)]
    chosen: list[socket_mounts.Entry] = []
    for entry in sorted(local, key=lambda one: len(one.root)):
        if not any(
            one.device == entry.device and socket_mounts.holds(one.root, entry.root)
            for one in chosen
        ):
            chosen.append(entry)
    unsearched = sorted({entry.point for entry in counting if _is_remote(entry)})
    return tuple(sorted(entry.point for entry in chosen)), tuple(unsearched)


def _is_remote(entry: socket_mounts.Entry) -> bool:
    return entry.kind in REMOTE or entry.kind.partition(".")[0] == "fuse"
