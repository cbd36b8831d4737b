"""Processes in /proc.

Every function raises OSError if the process has ended, and ValueError or KeyError if the kernel's
answer does not have the documented form.
"""

from __future__ import annotations

import os
import re

from . import commands

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
STATUS_FIELDS = (
    "Uid",
    "Gid",
    "Groups",
    "NSpid",
    "CapBnd",
    "CapEff",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",  # since 5.10
)
DELETED = " (deleted)"
# proc(5): address, permissions, offset, device, inode, path; and paths that packages do not own.
MAPPED = 6
NO_FILES = ("/memfd:", "/dev/", "/SYSV", "/anon_hugepage", "/[")


def every() -> tuple[int, ...]:
    """Return the IDs of all processes of this process namespace, in order."""
    return tuple(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()))


def status(pid: int) -> dict[str, str]:
    """Return the needed fields of /proc/PID/status; a kernel thread lacks some."""
    return status_fields(commands.read(f"/proc/{pid}/status"))


def status_fields(text: str) -> dict[str, str]:
    """Parse the text for `status`."""
    pairs = (line.split(":", 1) for line in commands.lines(text) if ":" in line)
    found = {key: value.strip() for key, value in pairs}
    return {key: found[key] for key in STATUS_FIELDS if key in found}


def parent_and_start(pid: int) -> tuple[int, int]:
    """Return the parent's ID, and the start time in clock ticks since boot."""
    return stat_fields(commands.read(f"/proc/{pid}/stat"))


def stat_fields(text: str) -> tuple[int, int]:
    """Parse the text for `parent_and_start`: the name in it may have spaces and parentheses."""
    words = text.rpartition(")")[2].split()
    return int(words[1]), int(words[19])


def arguments(pid: int) -> tuple[str, ...]:
    """Return the words of the command line; empty for a zombie or a kernel thread."""
    text = commands.read(f"/proc/{pid}/cmdline")
    return tuple(text.rstrip("\0").split("\0")) if text.rstrip("\0") else ()


def environment(pid: int) -> dict[str, str]:
    """Return the environment that it was started with."""
    pairs = commands.read(f"/proc/{pid}/environ").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def executable(pid: int) -> tuple[str, bool]:
    """Return the path of the running program, and whether the file was deleted or replaced."""
    path = os.readlink(f"/proc/{pid}/exe")
    if path.endswith(DELETED):
        return path[: -len(DELETED)], True
    return path, False


def replaced(pid: int) -> tuple[str, ...]:
    """Return the programs and libraries in use whose files were deleted or replaced."""
    return replaced_in(commands.read(f"/proc/{pid}/maps"))


def replaced_in(maps: str) -> tuple[str, ...]:
    """Parse the text for `replaced`; memory without a file has the same mark and is left out."""
    found = set()
    for line in commands.lines(maps):
        words = line.split(None, 5)
        if len(words) == MAPPED and "x" in words[1] and words[5].endswith(DELETED):
            found.add(words[5][: -len(DELETED)])
    return tuple(sorted(path for path in found if not path.startswith(NO_FILES)))


def namespaces(pid: int) -> dict[str, str]:
    """Return kinds to identities, such as `mnt` to `mnt:[4026532548]`."""
    return {kind: namespace(pid, kind) for kind in NAMESPACES}


def namespace(pid: int, kind: str) -> str:
    """Return the identity of one of its namespaces."""
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def ids_by_namespace(found: dict[str, str]) -> tuple[int, ...]:
    """Return its ID in each process namespace (NSpid): first in ours, last in its own."""
    return tuple(int(word) for word in found["NSpid"].split())


def socket_inodes(pid: int) -> frozenset[int]:
    """Return the inodes of its open sockets."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue  # closed meanwhile
        match = re.match(r"socket:\[(\d+)\]$", target)
        if match:
            inodes.add(int(match.group(1)))
    return frozenset(inodes)
