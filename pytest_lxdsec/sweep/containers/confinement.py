"""The confinement of the audited daemon's containers, besides their IDs and namespaces.

A container decides where some of its paths lead, and may let a reader wait without end: each
container is read in a thread with a time limit, so that a malicious one hides only itself.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import re
import stat
from collections.abc import Mapping, Sequence

from ..common import commands, context, lxd_daemons, procfs
from . import containers, device_cgroup, foreign_containers, socket_mounts

CONTAINER_SECONDS = 5.0
# Lines of liblxc's configuration at the last start that configure confinement. No other line of
# the file is kept: it has the instance's environment, which is secret.
KEPT_LINES = re.compile(
    r"lxc\.(id_?map|seccomp(\.\w+)*|apparmor\.\w+|aa_\w+|selinux\.\w+|se_context|cap\.\w+"
    r"|cgroup2?\.devices\.\w+|namespace\.\w+(\.\w+)?|mount\.auto|no_new_privs|include"
    r"|rootfs\.path)\s*="
)
DEV = "/dev/"


@dataclasses.dataclass(frozen=True)
class Confinement:
    """Decoded as `evidence.container_facts.Confinement`."""

    lxc_name: str
    error: str
    mountinfo: str = ""
    limits: str = ""
    devices: device_cgroup.DeviceControl | None = None
    nodes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lxc_conf: commands.Text | None = None
    seccomp_policy: commands.Text | None = None


@dataclasses.dataclass(frozen=True)
class View:
    """Decoded as `evidence.container_facts.View`."""

    namespaces: Mapping[str, str]
    mountinfo: str
    directory: str
    neighbours: Sequence[containers.Container]


def view(facts: context.Context) -> View:
    """Section: read our own namespaces, the daemon's mounts, and other managers' containers."""
    server: lxd_daemons.Daemon = facts.require("server")
    return View(
        namespaces=procfs.namespaces(os.getpid()),
        mountinfo=commands.read(f"/proc/{server.pid}/mountinfo"),
        directory=server.directory,
        neighbours=foreign_containers.find(server),
    )


def every(facts: context.Context) -> tuple[Confinement, ...]:
    """Section: read the confinement of the audited daemon's running containers."""
    server: lxd_daemons.Daemon = facts.require("server")
    found: Sequence[containers.Container] = facts.require("containers")
    groups = device_cgroup.Hierarchies(commands.read("/proc/self/mountinfo"))
    reader = _Reader(server, groups)
    return tuple(reader.confinement(container) for container in found)


class _Reader:
    """Reader of containers, one by one; it abandons a thread that hangs."""

    def __init__(self, server: lxd_daemons.Daemon, groups: device_cgroup.Hierarchies) -> None:
        self._server = server
        self._groups = groups
        self._thread = concurrent.futures.ThreadPoolExecutor(1)

    def confinement(self, container: containers.Container) -> Confinement:
        name = container.lxc_name
        begun = self._thread.submit(self._read, container)
        try:
            return begun.result(timeout=CONTAINER_SECONDS)
        except concurrent.futures.TimeoutError:
            self._thread = concurrent.futures.ThreadPoolExecutor(1)
            why = f"its files did not answer within {CONTAINER_SECONDS:g} s"
            return Confinement(lxc_name=name, error=why)
        except (OSError, ValueError) as error:
            return Confinement(lxc_name=name, error=commands.reason(error))

    def _read(self, container: containers.Container) -> Confinement:
        pid, name = container.pid, container.lxc_name
        mountinfo = commands.read(f"/proc/{pid}/mountinfo")
        confinement = Confinement(
            lxc_name=name,
            error="",
            mountinfo=mountinfo,
            limits=commands.read(f"/proc/{pid}/limits"),
            devices=self._groups.control_of(commands.read(f"/proc/{pid}/cgroup")),
            nodes=nodes(pid, mountinfo),
            lxc_conf=self._lxc_conf(name),
            seccomp_policy=self._text(f"{self._server.directory}/security/seccomp/{name}"),
        )
        # IDs are used again: a process in the same process namespace is the known one.
        if procfs.namespace(pid, "pid") != container.namespaces["pid"]:
            raise ProcessLookupError("its process ended meanwhile")
        return confinement

    def _lxc_conf(self, name: str) -> commands.Text:
        found = self._text(f"{log_directory(self._server)}/{name}/lxc.conf")
        kept = [line for line in commands.lines(found.text) if KEPT_LINES.match(line)]
        return commands.Text(text="".join(f"{line}\n" for line in kept), error=found.error)

    def _text(self, path: str) -> commands.Text:
        try:
            return commands.Text(
                text=commands.read(lxd_daemons.root_of(self._server.pid) + path), error=""
            )
        except OSError as error:
            return commands.Text(text="", error=f"{path}: {error.strerror}")


def log_directory(server: lxd_daemons.Daemon) -> str:
    """Return the directory of LXD's logs of instances: shared/util.go, LogPath."""
    if "LXD_DIR" in server.environment or server.is_snap:
        return f"{server.directory}/logs"
    return "/var/log/lxd"


def nodes(pid: int, mountinfo: str) -> dict[str, str]:
    """Return the devices mounted below /dev: paths to numbers such as `c 10:229`.

    Raises:
        OSError: a path cannot be looked at.
        ValueError: a file system there is served by the container itself.
    """
    found = {}
    for entry in socket_mounts.entries(mountinfo):
        if not f"{entry.point}/".startswith(DEV):
            continue
        if entry.kind.startswith("fuse"):
            raise ValueError(f"{entry.point} is a file system that the container itself serves")
        node = _node(pid, entry.point)
        if node:
            found[entry.point] = node
    return found


def _node(pid: int, path: str) -> str:
    """Return type and number of a device, "" for other files; no link is followed."""
    opened = [os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for part in path.strip("/").split("/"):
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(part, flags, dir_fd=opened[-1]))
        found = os.fstat(opened[-1])
    except (FileNotFoundError, NotADirectoryError):
        return ""  # another mount hides it
    finally:
        for number in opened:
            os.close(number)
    kind = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return ""
    return f"{kind} {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
