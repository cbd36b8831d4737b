"""The kernel's view of every container of our daemon.

A container's init is found by its parent, liblxc's monitor, whose command line is `[lxc monitor]
LXCPATH NAME` (src/lxc/lxccontainer.c). Anybody may call a process that, a container's root first
of all. What a container cannot forge is where its processes live: the process namespace of a
monitor is the daemon's, that of a container's processes never is, also where the container is
privileged and shares the user namespace with the host. Users of the host may start setuid
programs under any name; those run no LXD, and a monitor is LXD's own program, forked. Where the
title could not be set (prctl fails), the container is not found, and a control says so.
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


def every(facts: context.Known) -> tuple[Container, ...]:
    """Section: the running containers of the daemon that was asked, in order of their inits."""
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
            continue  # it ended while we looked
    return children, beside


def _monitored(pid: int, path: str, server: lxd_daemons.Daemon) -> str:
    """Return the container whose monitor a process beside the daemon is; "" where it is none.

    The command line is read last: it lies in a process's own memory, and one that means ill can
    make its readers wait for ever. Here it is LXD's own.
    """
    try:
        if not lxd_daemons.is_program(pid):
            return ""
        if not is_roots(pid, server):
            return ""
        return monitored(procfs.arguments(pid), path)
    except OSError:
        return ""  # it ended while we looked


def is_roots(pid: int, server: lxd_daemons.Daemon) -> bool:
    """Return whether a process is root's, in the daemon's user namespace.

    Raises:
        OSError: it has ended.
    """
    if procfs.namespace(pid, "user") != server.namespaces["user"]:
        return False
    return tuple(procfs.status(pid)["Uid"].split()) == ROOT


def monitored(arguments: Sequence[str], path: str) -> str:
    """Return the container in the command line of a monitor of this LXC path; "" for any other."""
    title = f"{TITLE}{path} "
    if len(arguments) != 1 or not arguments[0].startswith(title):
        return ""
    return arguments[0][len(title) :]


def unambiguous(found: Iterable[Container]) -> tuple[Container, ...]:
    """Return those whose name only one process has.

    Of two, neither is known to be the container.
    """
    listed = sorted(found, key=lambda container: container.pid)
    count = collections.Counter(container.lxc_name for container in listed)
    return tuple(container for container in listed if count[container.lxc_name] == 1)


def of_monitor(path: str, name: str, pid: int) -> Iterator[Container]:
    """Yield what the kernel holds of a container's init; nothing where the child is no init.

    Its start is read before and after, so that the facts of a process that took over the number
    are never taken for its.
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
        return  # it ended while we looked: a control will miss the facts of a running instance
    if after == before:
        yield found


def _label(pid: int) -> str:
    """Return the security module's label; "" where the kernel has no module that gives one."""
    try:
        return commands.read(f"/proc/{pid}/attr/current").strip("\0\n ")
    except OSError as error:
        # ENOENT may also mean that the process has ended, which the caller finds out.
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return ""
        raise
