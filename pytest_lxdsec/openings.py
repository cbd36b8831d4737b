"""What of the host a container can open: devices, by their limit, and paths, by its mounts; pure.

What devices say is the configuration; what is mounted and which control group limits it is what
is in force. LXD itself mounts things of the host's into every container, and those are known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import mountinfo, origins, running
from .evidence.containerfacts import Walls
from .evidence.model import Evidence
from .evidence.objects import Instance
from .verdict import CannotTell, Remedy

# File systems that are the kernel's words, not the host's files. LXD shows some of the host's in
# a container, each in the place that it has on the host; elsewhere they are handed in by somebody.
KERNEL_KINDS = frozenset(
    {
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "proc",
        "pstore",
        "securityfs",
        "selinuxfs",
        "sysfs",
        "tracefs",
    }
)
LXCFS = "fuse.lxcfs"  # lxcfs(1) below /proc, by liblxc's common.conf.d
# What LXD mounts of its own directories: driver_lxc.go, initLXC and setupUnixDevice.
OWN_MOUNTS = {"/dev/lxd": "devlxd", "/dev/.lxd-mounts": "shmounts"}
# LXD's storage: what comes from there was made for instances.
POOLS = "storage-pools"
# The nodes of every container, by number, for a name says nothing (driver_lxc.go, initLXC; zfs
# from 5.21): null zero full random urandom tty console ptmx, net/tun, fuse, zfs.
NODES = frozenset(
    {
        "c 1:3",
        "c 1:5",
        "c 1:7",
        "c 1:8",
        "c 1:9",
        "c 5:0",
        "c 5:1",
        "c 5:2",
        "c 10:200",
        "c 10:229",
        "c 10:249",
    }
)
PTS = range(136, 144)  # UNIX98 terminals, Documentation/admin-guide/devices.txt
_RULE = re.compile(r"([abc]) (\*|\d+):(\*|\d+) ([rwm]+)")
DEVICE_TYPES = (
    "disk",
    "gpu",
    "infiniband",
    "tpm",
    "unix-block",
    "unix-char",
    "unix-hotplug",
    "usb",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Something of the host's that a container has; where it sees it, "" for no place."""

    point: str
    text: str


def device_limit(walls: Walls) -> str:
    """What limits which devices a container may open, as a clause; "" where nothing does.

    A program of v2 does not say what it allows: that is what liblxc was told when it made it.

    Raises:
        CannotTell: the kernel or LXD's file did not say.
    """
    found = walls.devices
    if found is None or found.error:
        reason = found.error if found else "it was not asked"
        raise CannotTell(f"{walls.lxc_name}: its devices controller: {reason}")
    if found.rules:
        is_open = any(_is_everything(rule) for rule in found.rules.splitlines())
        return "" if is_open else "the devices controller has a list (v1) of what it may open"
    group = _own_group(found.group)
    if found.programs.get(group, 0) < 1 or not told_rules(walls):
        return ""
    return f"a devices program (v2) is on its control group {group}"


def told_rules(walls: Walls) -> tuple[str, ...]:
    """What liblxc was told to allow; none where it was told to allow everything.

    Raises:
        CannotTell: LXD's file was not read, or a rule is none.
    """
    allowed: tuple[str, ...] | None = None
    for key, value in running.lxc_conf(walls):
        if not key.startswith("lxc.cgroup") or ".devices." not in key:
            continue
        if value == "a" or _is_everything(value):
            allowed = () if key.endswith(".deny") else None
        elif key.endswith(".allow") and allowed is not None:
            allowed = (*allowed, value)
    return allowed or ()


def _own_group(group: str) -> str:
    """The container's own of the groups that its init is in, which may have made more below."""
    parts = group.split("/")
    for number, part in enumerate(parts):
        if part.startswith("lxc.payload"):
            return "/".join(parts[: number + 1])
    return group


def _is_everything(rule: str) -> bool:
    """Whether a rule is about reading or writing all devices of a type, or of both."""
    found = _RULE.fullmatch(rule.strip())
    if found is None:
        raise CannotTell(f"{rule!r} is no rule of the devices controller")
    kind, major, _, access = found.groups()
    return kind == "a" or (major == "*" and bool(set(access) & set("rw")))


def of(evidence: Evidence, instance: Instance, walls: Walls) -> Iterator[Opening]:
    """What of the host is mounted in a container, by path.

    Raises:
        CannotTell: a table of mounts cannot be read.
    """
    try:
        host = mountinfo.parse(evidence.view.mountinfo)
        mounts = mountinfo.parse(walls.mountinfo)
    except ValueError as error:
        raise CannotTell(f"{instance.key}: {error}") from error
    root = mountinfo.at(mounts, "/")
    if root is None:
        raise CannotTell(f"{instance.key}: its root is not among its mounts")
    yield from _paths(evidence.view.directory, host, mounts, root, frozenset(walls.nodes))
    for point, node in sorted(walls.nodes.items()):
        if not _is_own_node(node):
            yield Opening(point=point, text=f"{point} is the host's device {node}")
    for rule in _foreign_rules(walls):
        yield Opening(point="", text=f"the devices controller lets it open {rule}")


def _foreign_rules(walls: Walls) -> Iterator[str]:
    """Rules of the controller for devices that are not every container's."""
    rules = walls.devices.rules.splitlines() if walls.devices else []
    for rule in rules or told_rules(walls):
        kind, number, access = rule.split(" ")
        if set(access) & set("rw") and not _is_own_node(f"{kind} {number}"):
            yield rule


def _is_own_node(node: str) -> bool:
    kind, _, number = node.partition(" ")
    major = number.partition(":")[0]
    return node in NODES or (kind == "c" and major.isdigit() and int(major) in PTS)


def _paths(
    directory: str,
    host: tuple[mountinfo.Mount, ...],
    mounts: tuple[mountinfo.Mount, ...],
    root: mountinfo.Mount,
    nodes: frozenset[str],
) -> Iterator[Opening]:
    devices = {mount.device for mount in host}
    for mount in mounts:
        if mount.device not in devices or mount.point in nodes:
            continue  # made inside; or a node, which is judged by its number
        is_own_root = mount.device == root.device and mountinfo.holds(root.root, mount.root)
        if is_own_root or mount.kind == LXCFS:
            continue
        seen = {own.path_of(mount.root) for own in host if own.device == mount.device}
        paths = sorted(path for path in seen if path)
        if _is_kernels(mount, paths):
            continue
        if not any(_is_of_lxd(directory, mount.point, path) for path in paths):
            where = paths[0] if paths else f"{mount.root} of the file system {mount.device}"
            how = "read-only" if mount.is_read_only else "read-write"
            yield Opening(point=mount.point, text=f"{mount.point} is the host's {where}, {how}")


def _is_kernels(mount: mountinfo.Mount, paths: Iterable[str]) -> bool:
    """Whether LXD shows it in every container: in its place, or a control group of its own."""
    if mount.kind not in KERNEL_KINDS:
        return False
    is_own_group = mount.kind.startswith("cgroup") and mount.root != "/"
    return is_own_group or mount.point in paths


def _is_of_lxd(directory: str, point: str, path: str) -> bool:
    """Whether a path of the host is LXD's own, made for instances."""
    own = OWN_MOUNTS.get(point)
    if own is not None:
        # The snap keeps these beside its data directory, not in it.
        tops = (directory, posixpath.dirname(directory))
        return any(mountinfo.holds(f"{top}/{own}", path) for top in tops)
    parts = path.removeprefix(f"{directory}/").split("/")
    return path.startswith(f"{directory}/") and parts[0] == POOLS and parts[2:3] == ["custom"]


def remedy(evidence: Evidence, instance: Instance, found: Iterable[Opening]) -> Remedy:
    """Take the devices away that bring these in; else what the configuration adds by itself."""
    devices = sorted({name for one in found for name in _devices_at(instance, one.point)})
    if devices:
        places = [(name, origins.of_device(evidence, instance, name)) for name in devices]
        users = {user.key for _, place in places for user in place.users}
        command = " && ".join(place.device_command("remove", name) for name, place in places)
        return Remedy(command=command, touches=len(users))
    keys = [key for key in ("raw.lxc", "raw.idmap") if key in instance.expanded_config]
    if keys:
        return origins.unset_all(evidence, instance, keys)
    return Remedy(command=origins.restart(instance))


def _devices_at(instance: Instance, point: str) -> Iterator[str]:
    """The devices of the configuration that are seen at a place of the container."""
    for name, device in instance.expanded_devices.items():
        if device.get("type") not in DEVICE_TYPES or not point:
            continue
        path = device.get("path") or device.get("source") or ""
        # POSIX keeps two slashes at the beginning apart from one, and so does normpath.
        path = posixpath.normpath("/" + path.lstrip("/"))
        if path == point and path != "/":
            yield name
