"""Types of the sweep: running containers, their ID maps, mounts and confinement.

See `host_facts` for units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .host_facts import File, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateIds:
    """The text of /etc/subuid and /etc/subgid, "" if the file does not exist."""

    subuid: str
    subgid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """The kernel's view of a running container: /proc/PID of its init.

    Attributes:
        lxc_path: The daemon's directory of containers.
        lxc_name: The instance's internal name.
        pid: Its init's pid on the host.
        status: The fields of /proc/PID/status.
        uid_map: /proc/PID/uid_map.
        gid_map: /proc/PID/gid_map.
        namespaces: Kinds to the targets of the links in /proc/PID/ns.
        label: The label of the security module, "" if there is none.
    """

    lxc_path: str
    lxc_name: str
    pid: int
    status: Mapping[str, str]
    uid_map: str
    gid_map: str
    namespaces: Mapping[str, str]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlace:
    """The place of a socket of the API.

    Attributes:
        path: Its path on the host.
        device: The number of its file system, MAJOR:MINOR.
        root: Its path within that file system.
        links: The number of its names there: more than one if there are hard links.
    """

    path: str
    device: str
    root: str
    links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount in a container, of a file system that holds a socket of the API.

    Attributes:
        point: Its mount point in the container.
        device: The number of the file system, MAJOR:MINOR.
        root: The mounted path within that file system.
        file: The same path as the daemon sees it; `exists` is false if the daemon does not.
    """

    point: str
    device: str
    root: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerMounts:
    """These mounts of one running container; `error` is why they are not known, else ""."""

    lxc_name: str
    error: str
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """The sockets' places, and containers' mounts of the same file systems."""

    sockets: tuple[SocketPlace, ...]
    containers: tuple[ContainerMounts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceControl:
    """The devices controller's limits on a container's init.

    Attributes:
        group: Its control group in the v2 hierarchy, "" if there is none.
        programs: This group and those above it, to the number of v2 programs on each.
        rules: The list of v1 (`devices.list`), "" if v1 does not have the controller.
        error: Why the limits are not known, else "".
    """

    group: str
    programs: Mapping[str, int]
    rules: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The confinement of a running container, as the host sees it.

    Attributes:
        lxc_name: The instance's internal name.
        error: Why nothing could be read, else "".
        mountinfo: /proc/PID/mountinfo of its init.
        limits: /proc/PID/limits of its init.
        devices: The limits on devices.
        nodes: Paths below /dev on which a device is mounted, to its type and number (`c 1:3`).
        lxc_conf: The lines about confinement of liblxc's configuration at the last start.
        seccomp_policy: LXD's seccomp policy file of the last start.
    """

    lxc_name: str
    error: str
    mountinfo: str
    limits: str
    devices: DeviceControl | None
    nodes: Mapping[str, str]
    lxc_conf: Text | None
    seccomp_policy: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The host to compare containers with.

    Attributes:
        namespaces: The sweep's own namespaces.
        mountinfo: /proc/PID/mountinfo of the daemon.
        directory: The daemon's data directory.
        neighbours: Running containers of other managers: another LXD, Incus, LXC. None in
            evidence of the first versions, which did not look for them.
    """

    namespaces: Mapping[str, str]
    mountinfo: str
    directory: str
    neighbours: tuple[ContainerFacts, ...] | None = None
