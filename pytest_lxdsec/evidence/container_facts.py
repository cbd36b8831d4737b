"""What the sweep brings back of running containers: id maps, mounts, and what confines them.

Types as in `host_facts`, which it imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .host_facts import File, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateIds:
    """The text of /etc/subuid and /etc/subgid, "" where there is no such file."""

    subuid: str
    subgid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """The kernel's view of a running container: what /proc says of its init."""

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
    """Where a socket of the API lies: the file system by number, and the path within it.

    `links` counts its names in that file system; more than one are hard links.
    """

    path: str
    device: str
    root: str
    links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount in a container, of a file system that holds a socket of the API.

    Attributes:
        point: Where the container sees it.
        root: What it shows, as a path within the file system `device`.
        file: What the daemon sees there; `exists` is false where the daemon does not see it.
    """

    point: str
    device: str
    root: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerMounts:
    """Those mounts of one running container; `error` says why they are not known, else ""."""

    lxc_name: str
    error: str
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """The sockets' places, and what containers mount of the same file systems."""

    sockets: tuple[SocketPlace, ...]
    containers: tuple[ContainerMounts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceControl:
    """What the devices controller has for a container's init.

    Attributes:
        group: Its control group in the v2 hierarchy, "" where there is none.
        programs: That group and those above it to the number of v2 programs on each.
        rules: The list of v1 (`devices.list`), "" where v1 does not have the controller.
        error: Why the kernel did not say, else "".
    """

    group: str
    programs: Mapping[str, int]
    rules: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What stands between a running container and the host; `error` where it was not read.

    Attributes:
        mountinfo: /proc/PID/mountinfo of its init.
        limits: /proc/PID/limits of its init.
        nodes: Paths below /dev on which a device is mounted to its type and number (`c 1:3`).
        lxc_conf: What liblxc was told at the last start, the lines that bear on a wall.
        seccomp_policy: LXD's file of the last start.
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
    """How the host looks: the sweep's own namespaces, the daemon's mounts and data directory.

    `neighbours` are running containers that are not the daemon's own: another LXD's, Incus's,
    LXC's. None where nobody looked for them (evidence of 0.1.0's first days).
    """

    namespaces: Mapping[str, str]
    mountinfo: str
    directory: str
    neighbours: tuple[ContainerFacts, ...] | None = None
