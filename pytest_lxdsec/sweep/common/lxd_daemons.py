"""The LXD daemons of the host."""

from __future__ import annotations

import dataclasses
import os
import posixpath
from collections.abc import Mapping, Sequence

from . import context, procfs

PROGRAMS = ("lxd", "lxd.debug")
# Subcommands of `lxd` that run a helper or a client, not the daemon: lxd/main.go registers them,
# besides those that begin with "fork".
OTHER_COMMANDS = (
    "activateifneeded",
    "callhook",
    "cluster",
    "import",
    "init",
    "migratedumpsuccess",
    "netcat",
    "recover",
    "shutdown",
    "sql",
    "version",
    "waitready",
)
# The variables that decide what the daemon does; others may be secret.
ENVIRONMENT = ("LISTEN_FDS", "LXD_DIR", "LXD_INSECURE_TLS", "SNAP", "SNAP_NAME")
DIRECTORY = "/var/lib/lxd"
SNAP_DIRECTORY = "/var/snap/lxd/common/lxd"


@dataclasses.dataclass(frozen=True)
class Daemon:
    """Decoded as `evidence.host_facts.Daemon`."""

    pid: int
    exe: str
    is_deleted: bool
    uid: int
    gid: int
    arguments: Sequence[str]
    environment: Mapping[str, str]
    namespaces: Mapping[str, str]
    replaced: Sequence[str]

    @property
    def is_snap(self) -> bool:
        """True for LXD's own snap."""
        return self.environment.get("SNAP_NAME") == "lxd"

    @property
    def directory(self) -> str:
        """Its data directory, by LXD's own rule: shared/util.go, VarPath."""
        default = SNAP_DIRECTORY if self.is_snap else DIRECTORY
        return posixpath.normpath(self.environment.get("LXD_DIR") or default)


def every(_: context.Context) -> tuple[Daemon, ...]:
    """Section: find the daemons of this process namespace; nested ones are their container's."""
    depth = len(procfs.ids_by_namespace(procfs.status(os.getpid())))
    return tuple(_daemon(pid) for pid in procfs.every() if _is_daemon(pid, depth))


def root_of(pid: int) -> str:
    """Return the directory that shows a process's view of the file system."""
    return f"/proc/{pid}/root"


def is_program(pid: int) -> bool:
    """Return whether a process runs LXD's program, as the daemon or as a helper."""
    return os.path.basename(procfs.executable(pid)[0]) in PROGRAMS


def is_daemon_command(words: Sequence[str]) -> bool:
    """Return whether a command line of LXD's program is the daemon's."""
    if not words or words[0].startswith("[lxc monitor]"):
        return False
    verb = words[1] if len(words) > 1 else ""
    return not verb.startswith("fork") and verb not in OTHER_COMMANDS


def _is_daemon(pid: int, depth: int) -> bool:
    try:
        if not is_program(pid):
            return False
        # Before its command line, which lies in its own memory: a container's process can make
        # every reader of it wait without end (a mapping of a FUSE file that does not answer).
        if len(procfs.ids_by_namespace(procfs.status(pid))) != depth:
            return False
        return is_daemon_command(procfs.arguments(pid))
    except (OSError, KeyError):
        return False  # it ended meanwhile, or it is a kernel thread


def _daemon(pid: int) -> Daemon:
    status, environment = procfs.status(pid), procfs.environment(pid)
    path, is_deleted = procfs.executable(pid)
    return Daemon(
        pid=pid,
        exe=path,
        is_deleted=is_deleted,
        uid=int(status["Uid"].split()[1]),
        gid=int(status["Gid"].split()[1]),
        arguments=procfs.arguments(pid)[1:],
        environment={name: environment[name] for name in ENVIRONMENT if name in environment},
        namespaces=procfs.namespaces(pid),
        replaced=procfs.replaced(pid),
    )
