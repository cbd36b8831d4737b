"""The running containers of everybody else on this host: another LXD, Incus, LXC by itself.

They too have ids and namespaces of the host's, and no API of ours tells of them. All are liblxc's,
whose monitors say what they watch; found as our own are (`containers`), by another LXC path. What
runs in a process namespace of its own, such as a LXD in a container, is not among them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..common import lxd_daemons, procfs
from . import containers

# Whose processes become monitors. Nobody else's command line is read: see `containers`.
PROGRAMS = (*lxd_daemons.PROGRAMS, "incusd", "lxc-autostart", "lxc-execute", "lxc-start")


def find(server: lxd_daemons.Daemon) -> tuple[containers.Container, ...]:
    """Return the containers of other daemons' monitors, by their init processes."""
    own = f"{server.directory}/containers"
    children, beside = containers.look_around(server.namespaces["pid"])
    found = [
        container
        for pid in beside
        if pid in children
        for path, name in (_watched(pid, server),)
        if name and path != own
        for child in children[pid]
        for container in containers.of_monitor(path, name, child)
    ]
    return tuple(sorted(found, key=lambda container: container.pid))


def _watched(pid: int, server: lxd_daemons.Daemon) -> tuple[str, str]:
    """Return the LXC path and the name of the container whose monitor a process is.

    "" for none.
    """
    try:
        if os.path.basename(procfs.executable(pid)[0]) not in PROGRAMS:
            return "", ""
        if not containers.is_roots(pid, server):
            return "", ""
        return watched(procfs.arguments(pid))
    except OSError:
        return "", ""  # it ended while we looked


def watched(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the LXC path and the name in a monitor's command line; a name has no blanks."""
    if len(arguments) != 1 or not arguments[0].startswith(containers.TITLE):
        return "", ""
    path, _, name = arguments[0][len(containers.TITLE) :].rpartition(" ")
    return (path, name) if path else ("", "")
