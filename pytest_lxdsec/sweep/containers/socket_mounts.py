"""Mounts in running containers of the file systems that have the API's sockets.

No path of a container is opened: it may lead into a file system that the container serves and that
need not answer. A mount's root is a path within its file system, so it is looked at where the
daemon sees the same file system; mount IDs show whether another mount hides it there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator, Sequence

from ..common import commands, context, files, lxd_daemons, paths, procfs, sockets
from . import containers

MOST_MOUNTS = 1000  # of one container, out of these file systems
# A mount with shifted IDs is a file system of its own; its source is the shown path.
SHIFTED = "shiftfs"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of /proc/PID/mountinfo: proc(5)."""

    number: int
    device: str
    root: str
    point: str
    options: Sequence[str]
    kind: str
    source: str


@dataclasses.dataclass(frozen=True)
class SocketPlace:
    """Decoded as `evidence.container_facts.SocketPlace`."""

    path: str
    device: str
    root: str
    links: int


@dataclasses.dataclass(frozen=True)
class Mount:
    """Decoded as `evidence.container_facts.Mount`."""

    point: str
    device: str
    root: str
    file: files.File


@dataclasses.dataclass(frozen=True)
class ContainerMounts:
    """Decoded as `evidence.container_facts.ContainerMounts`."""

    lxc_name: str
    error: str
    mounts: Sequence[Mount]


@dataclasses.dataclass(frozen=True)
class Mounts:
    """Decoded as `evidence.container_facts.Mounts`."""

    sockets: Sequence[SocketPlace]
    containers: Sequence[ContainerMounts]


class _View:
    """A daemon's mounts, and the files that it sees at the roots of containers' mounts."""

    def __init__(self, pid: int) -> None:
        self._top = lxd_daemons.root_of(pid)
        self._entries = {entry.number: entry for entry in table(pid)}
        self._seen: dict[tuple[str, str], files.File] = {}

    def place(self, path: str) -> SocketPlace:
        """Return the file system of a socket, and the path within it."""
        way = paths.resolve(self._top, path)
        with _opened(self._top + way) as number:
            entry, links = self._entries[mount_id(number)], os.fstat(number).st_nlink
        root = _join(entry.root, _below(entry.point, way))
        return SocketPlace(path=path, device=entry.device, root=root, links=links)

    def look(self, entry: Entry) -> files.File:
        """Return the file at the root of a mount, through the daemon's own mounts."""
        key = (entry.source, "") if entry.kind == SHIFTED else (entry.device, entry.root)
        if key not in self._seen:
            self._seen[key] = self._look(entry)
        return self._seen[key]

    def _look(self, entry: Entry) -> files.File:
        if entry.kind == SHIFTED:
            return files.look_at(self._top + entry.source, shown=entry.source)
        for own in self._entries.values():
            if own.device == entry.device and holds(own.root, entry.root):
                path = _join(own.point, _below(own.root, entry.root))
                if self._is_on(own, path):
                    return files.look_at(self._top + path, shown=path)
        return files.File(path=entry.root, exists=False)

    def _is_on(self, own: Entry, path: str) -> bool:
        try:
            with _opened(self._top + path) as number:
                return mount_id(number) == own.number
        except OSError:
            return False


def table(pid: int) -> tuple[Entry, ...]:
    """Return the mounts that a process sees."""
    return entries(commands.read(f"/proc/{pid}/mountinfo"))


def entries(text: str) -> tuple[Entry, ...]:
    """Return the entries of a mountinfo file.

    Raises:
        ValueError: a line is not an entry.
    """
    return tuple(_entry(line) for line in commands.lines(text))


def _entry(line: str) -> Entry:
    before, dash, after = line.partition(" - ")
    words, kind = before.split(" "), after.split(" ")
    if not dash or len(words) < 6 or len(kind) < 2:  # noqa: PLR2004  proc(5)
        raise ValueError(f"mountinfo: {line!r} is not a mount")
    return Entry(
        number=int(words[0]),
        device=words[2],
        root=_unescaped(words[3]),
        point=_unescaped(words[4]),
        options=tuple(words[5].split(",")),
        kind=kind[0],
        source=_unescaped(kind[1]),
    )


def _unescaped(path: str) -> str:
    """Return a path without escapes: the table has blanks and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), path)


def mount_id(number: int) -> int:
    """Return the ID of the mount that an open file is on.

    Raises:
        ValueError: the kernel does not report it; it does since 3.15.
    """
    text = commands.read(f"/proc/self/fdinfo/{number}")
    found = re.search(r"^mnt_id:\s*(\d+)$", text, re.MULTILINE)
    if not found:
        raise ValueError("the kernel does not report the mount of a file")
    return int(found.group(1))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    number = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield number
    finally:
        os.close(number)


def holds(directory: str, path: str) -> bool:
    """Return whether a path is a directory or below it, both without links."""
    return directory in (path, "/") or path.startswith(directory + "/")


def _below(directory: str, path: str) -> str:
    return path if directory == "/" else path[len(directory) :]


def _join(directory: str, below: str) -> str:
    return ("" if directory == "/" else directory) + below or "/"


def every(facts: context.Context) -> Mounts:
    """Section: find the sockets' places, and containers' mounts of the same file systems."""
    listening: Sequence[sockets.ApiSocket] = facts.require("sockets")
    found: Sequence[containers.Container] = facts.require("containers")
    server: lxd_daemons.Daemon = facts.require("server")
    views = {pid: _View(pid) for pid in {server.pid, *(one.daemon for one in listening)}}
    places = tuple(views[one.daemon].place(one.file.path) for one in listening if one.file.exists)
    devices = {place.device for place in places}
    view = views[server.pid]
    return Mounts(sockets=places, containers=tuple(_mounts(one, devices, view) for one in found))


def _mounts(container: containers.Container, devices: set[str], view: _View) -> ContainerMounts:
    """Read a container's mounts if its process is still the known one: IDs are used again."""
    try:
        found = table(container.pid)
        if procfs.namespace(container.pid, "mnt") != container.namespaces["mnt"]:
            raise ProcessLookupError("its process ended meanwhile")
    except (OSError, ValueError) as error:
        return ContainerMounts(
            lxc_name=container.lxc_name, error=commands.reason(error), mounts=()
        )
    shared = [entry for entry in found if entry.device in devices or entry.kind == SHIFTED]
    if len(shared) > MOST_MOUNTS:
        reason = f"it has {len(shared)} mounts of the host's file system"
        return ContainerMounts(lxc_name=container.lxc_name, error=reason, mounts=())
    mounts = tuple(
        Mount(point=one.point, device=one.device, root=one.root, file=view.look(one))
        for one in shared
    )
    return ContainerMounts(lxc_name=container.lxc_name, error="", mounts=mounts)
