"""The kernel's view of the audited daemon's running containers.

A container's init is found by its parent, liblxc's monitor, whose command line is `[lxc monitor]
LXCPATH NAME` (src/lxc/lxccontainer.c). Any process may take that title, also one of a container.
A container cannot forge the namespace of its processes: a monitor is in the daemon's process
namespace, and a container's process never is, not even if the container is privileged and shares
the host's user namespace. Users of the host may start setuid programs under any name; these are
not LXD's program, and a monitor is a fork of it. If the title could not be set (prctl fails), the
container is not found, and a control reports it.
"""

from __future__ import annotations

import collections
import dataclasses
import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..common import commands, context, lxd_daemons, procfs

TITLE = "[lxc monitor] "
ROOT = ("0", "0", "0", "0")  # real, effective, saved and file system id


@dataclasses.dataclass(frozen=True)
class Container:
    """Decoded as `evidence.container_facts.ContainerFacts`."""

    lxc_path: str
    lxc_name: str
    pid: int
    status: Mapping[str, str]
    uid_map: str
    gid_map: str
    namespaces: Mapping[str, str]
    label: str


def every(facts: context.Context) -> tuple[Container, ...]:
    """Section: find the audited daemon's running containers, in order of their inits."""
    server: lxd_daemons.Daemon = facts.require("server")
    path = f"{server.directory}/containers"
    children, beside = look_around(server.namespaces["pid"])
    monitors = {pid: _monitored(pid, path, server) for pid in beside if pid in children}
    return unambiguous(
        container
        for pid, name in monitors.items()
        if name
        for child in children.get(pid, ())
        for container in of_monitor(path, name, child)
    )


def look_around(namespace: str) -> tuple[Mapping[int, Sequence[int]], Sequence[int]]:
    """Return every process's children, and the processes in this process namespace."""
    children: dict[int, list[int]] = {}
    beside = []
    for pid in procfs.every():
        try:
            children.setdefault(procfs.parent_and_start(pid)[0], []).append(pid)
            if procfs.namespace(pid, "pid") == namespace:
                beside.append(pid)
        except OSError:
            continue  # it ended meanwhile
    return children, beside


def _monitored(pid: int, path: str, server: lxd_daemons.Daemon) -> str:
    """Return the container of a process in the daemon's namespace if it is a monitor, else "".

    The command line is read last, when the process is known to be LXD's: it lies in a process's
    own memory, and a malicious process can make readers wait without end.
    """
    try:
        if not lxd_daemons.is_program(pid):
            return ""
        if not is_roots(pid, server):
            return ""
        return monitored(procfs.arguments(pid), path)
    except OSError:
        return ""  # it ended meanwhile


def is_roots(pid: int, server: lxd_daemons.Daemon) -> bool:
    """Return whether a process is root's, in the daemon's user namespace.

    Raises:
        OSError: it has ended.
    """
    if procfs.namespace(pid, "user") != server.namespaces["user"]:
        return False
    return tuple(procfs.status(pid)["Uid"].split()) == ROOT


def monitored(arguments: Sequence[str], path: str) -> str:
    """Return the container in the command line of a monitor of this LXC path, else ""."""
    title = f"{TITLE}{path} "
    if len(arguments) != 1 or not arguments[0].startswith(title):
        return ""
    return arguments[0][len(title) :]


def unambiguous(found: Iterable[Container]) -> tuple[Container, ...]:
    """Return the containers with unique names: of two processes, neither is known to be it."""
    listed = sorted(found, key=lambda container: container.pid)
    count = collections.Counter(container.lxc_name for container in listed)
    return tuple(container for container in listed if count[container.lxc_name] == 1)


def of_monitor(path: str, name: str, pid: int) -> Iterator[Container]:
    """Yield the kernel's facts of a container's init; nothing if the child is not an init.

    The start time is read before and after, so that facts of another process that reused the ID
    are never attributed to it.
    """
    try:
        _, before = procfs.parent_and_start(pid)
        status = procfs.status(pid)
        if procfs.ids_by_namespace(status)[-1] != 1:
            return  # a helper of the monitor
        found = Container(
            lxc_path=path,
            lxc_name=name,
            pid=pid,
            status=status,
            uid_map=commands.read(f"/proc/{pid}/uid_map"),
            gid_map=commands.read(f"/proc/{pid}/gid_map"),
            namespaces=procfs.namespaces(pid),
            label=_label(pid),
        )
        _, after = procfs.parent_and_start(pid)
    except OSError:
        return  # it ended meanwhile: a control reports missing facts of a running instance
    if after == before:
        yield found


def _label(pid: int) -> str:
    """Return the security module's label; "" if the kernel has no such module."""
    try:
        return commands.read(f"/proc/{pid}/attr/current").strip("\0\n ")
    except OSError as error:
        # ENOENT may also mean that the process has ended; the caller checks that.
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return ""
        raise
