"""The running containers of other managers on this host: another LXD, Incus, plain LXC.

They use IDs and namespaces of the host, too, and the audited API does not list them. All have a
monitor of liblxc, which is found like in `containers`, by another LXC path. Managers in a process
namespace of their own, such as an LXD in a container, are not among them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..common import lxd_daemons, procfs
from . import containers

# Programs whose processes become monitors. No other command line is read: see `containers`.
PROGRAMS = (*lxd_daemons.PROGRAMS, "incusd", "lxc-autostart", "lxc-execute", "lxc-start")


def find(server: lxd_daemons.Daemon) -> tuple[containers.Container, ...]:
    """Return other managers' containers in the daemon's process namespace, by their inits."""
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
    """Return the LXC path and the name of a monitor's container; "" for other processes."""
    try:
        if os.path.basename(procfs.executable(pid)[0]) not in PROGRAMS:
            return "", ""
        if not containers.is_roots(pid, server):
            return "", ""
        return watched(procfs.arguments(pid))
    except OSError:
        return "", ""  # it ended meanwhile


def watched(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the LXC path and the name in a monitor's command line; a name has no blanks."""
    if len(arguments) != 1 or not arguments[0].startswith(containers.TITLE):
        return "", ""
    path, _, name = arguments[0][len(containers.TITLE) :].rpartition(" ")
    return (path, name) if path else ("", "")
