"""What of the host a container can open: nodes and paths, by its mounts; pure.

What devices say is the configuration; what is mounted and which control group limits it is what
is in force. LXD itself mounts things of the host's into every container, and those are known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ...evidence.container_facts import Confinement
from ...evidence.model import Evidence
from ...evidence.objects import Instance
from ...inventory import containers, mountinfo, remedies
from ...verdict import CannotTell, Remedy
from . import device_cgroup, writable_sysctls

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
# What shows the machine itself at its top: LXD shows parts of the host's, and makes the top anew.
TOPS = frozenset({"cgroup", "cgroup2", "proc", "sysfs"})
# File systems on disks without a device number of the disk's: their major number is 0, too.
DISK_KINDS = frozenset({"bcachefs", "btrfs", "zfs"})
# A mount of shifted ids is a file system of its own; its source is the path that it shows.
SHIFTED = "shiftfs"
NESTING = "/dev/.lxc"
LXCFS = "fuse.lxcfs"  # lxcfs(1) below /proc, by liblxc's common.conf.d
# What LXD mounts of its own directories: driver_lxc.go, initLXC and setupUnixDevice.
OWN_MOUNTS = {"/dev/lxd": "devlxd", "/dev/.lxd-mounts": "shmounts"}
# LXD's storage: what comes from there was made for instances.
POOLS = "storage-pools"
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
class HostMount:
    """Something of the host's that a container has; where it sees it, "" for no place."""

    point: str
    text: str


def of(evidence: Evidence, instance: Instance, confined: Confinement) -> Iterator[HostMount]:
    """Yield what of the host is mounted in a container, by path.

    Raises:
        CannotTell: a table of mounts cannot be read.
    """
    try:
        host = mountinfo.parse(evidence.view.mountinfo)
        mounts = mountinfo.parse(confined.mountinfo)
    except ValueError as error:
        raise CannotTell(f"{instance.key}: {error}") from error
    root = mountinfo.at(mounts, "/")
    if root is None:
        raise CannotTell(f"{instance.key}: its root is not among its mounts")
    yield from _foreign_root(evidence.view.directory, host, root, confined)
    seen = _Seen(directory=evidence.view.directory, host=host, root=root, group=_group(confined))
    for mount in mounts:
        if mount.point not in confined.nodes:  # a node is judged by its number
            yield from _opening(seen, mount)
    for point in writable_sysctls.writable(mounts, {mount.device for mount in host}):
        yield HostMount(point=point, text=f"{point} lets its root write to the kernel's settings")
    for point, node in sorted(confined.nodes.items()):
        if not device_cgroup.is_own_node(node):
            yield HostMount(point=point, text=f"{point} is the host's device {node}")
    for rule in device_cgroup.foreign_rules(confined):
        yield HostMount(point="", text=f"the devices controller lets it open {rule}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a container's mounts are held against."""

    directory: str
    host: tuple[mountinfo.Mount, ...]
    root: mountinfo.Mount
    group: str

    def paths(self, mount: mountinfo.Mount) -> list[str]:
        """Return where the host sees what a mount shows."""
        return _paths(self.host, mount)


def _paths(host: Iterable[mountinfo.Mount], mount: mountinfo.Mount) -> list[str]:
    if mount.kind == SHIFTED:
        return [mount.source]
    seen = {own.path_of(mount.root) for own in host if own.device == mount.device}
    return sorted(path for path in seen if path)


def _group(confined: Confinement) -> str:
    return device_cgroup.own_group(confined.devices.group) if confined.devices else ""


def _foreign_root(
    directory: str, host: tuple[mountinfo.Mount, ...], root: mountinfo.Mount, confined: Confinement
) -> Iterator[HostMount]:
    """Yield the container's own root, if it is not the one that LXD's storage has for it.

    Raises:
        CannotTell: the daemon has its file system nowhere, and what liblxc was told is not known.
    """
    paths = _paths(host, root) or _told_root(confined)
    if not paths:
        raise CannotTell(
            f"{confined.lxc_name}: its root is on {root.device}, which the daemon has not mounted"
        )
    if not any(_is_own_root(directory, confined.lxc_name, path) for path in paths):
        how = "read-only" if root.is_read_only else "read-write"
        yield HostMount(point="/", text=f"its root is the host's {paths[0]}, {how}")


def _told_root(confined: Confinement) -> list[str]:
    """Return what liblxc was told to take for the root: `dir:PATH`, or a path alone."""
    told = containers.told_liblxc(confined, "lxc.rootfs.path")
    path = told.rpartition(":")[2]
    return [path] if path.startswith("/") else []


def _is_own_root(directory: str, name: str, path: str) -> bool:
    return any(
        parts[1:] == ["containers", name, "rootfs"] for parts in _below_pools(directory, path)
    )


def _below_pools(directory: str, path: str) -> Iterator[list[str]]:
    """Yield the parts of a path below LXD's storage.

    The snap has that beside its directory, too.
    """
    for top in (f"{directory}/{POOLS}", f"{posixpath.dirname(directory)}/shmounts/{POOLS}"):
        if path.startswith(f"{top}/"):
            yield path.removeprefix(f"{top}/").split("/")


def _opening(seen: _Seen, mount: mountinfo.Mount) -> Iterator[HostMount]:
    """Yield what a mount shows of the host, if it is neither made inside nor LXD's own."""
    is_own_root = mount.device == seen.root.device and mountinfo.holds(seen.root.root, mount.root)
    if is_own_root or mount.kind == LXCFS:
        return
    how = "read-only" if mount.is_read_only else "read-write"
    if all(own.device != mount.device for own in seen.host):
        if _is_on_disk(mount):
            text = f"{mount.point} is a disk of the host's, {mount.source} ({mount.device}), {how}"
            yield HostMount(point=mount.point, text=text)
        return  # made inside
    paths = seen.paths(mount)
    if _is_kernels(seen, mount, paths):
        return
    if not any(_is_of_lxd(seen.directory, mount.point, path) for path in paths):
        where = paths[0] if paths else f"{mount.root} of the file system {mount.device}"
        yield HostMount(point=mount.point, text=f"{mount.point} is the host's {where}, {how}")


def _is_on_disk(mount: mountinfo.Mount) -> bool:
    """Return whether a file system is on a disk: the kernel gives others the major number 0."""
    return not mount.device.startswith("0:") or mount.kind in DISK_KINDS


def _is_kernels(seen: _Seen, mount: mountinfo.Mount, paths: Iterable[str]) -> bool:
    """Return whether LXD shows it in every container.

    Part of it in its place, or its control group.
    """
    if mount.kind not in KERNEL_KINDS or (mount.kind in TOPS and mount.root == "/"):
        return False
    if mount.kind.startswith("cgroup"):
        is_known = mount.kind == "cgroup2" and bool(seen.group)
        return mountinfo.holds(seen.group, mount.root) if is_known else True
    return mount.point in paths


def _is_of_lxd(directory: str, point: str, path: str) -> bool:
    """Return whether a path of the host is LXD's own, made for instances."""
    own = OWN_MOUNTS.get(point)
    if own is not None:
        # The snap keeps these beside its data directory, not in it.
        tops = (directory, posixpath.dirname(directory))
        return any(mountinfo.holds(f"{top}/{own}", path) for top in tops)
    return any(parts[1:2] == ["custom"] for parts in _below_pools(directory, path))


def remedy(evidence: Evidence, instance: Instance, found: Collection[HostMount]) -> Remedy:
    """Take the devices away that bring these in; else what the configuration adds by itself."""
    devices = sorted({name for one in found for name in _devices_at(instance, one.point)})
    if devices:
        return remedies.remove_devices(evidence, instance, devices)
    nests = any(one.point.startswith(NESTING) for one in found)
    causes = ("raw.lxc", "raw.idmap", *(("security.nesting",) * nests))
    keys = [key for key in causes if key in instance.expanded_config]
    if keys:
        return remedies.unset_all(evidence, instance, keys)
    return remedies.restart(instance)


def _devices_at(instance: Instance, point: str) -> Iterator[str]:
    """Yield the devices of the configuration that are seen at a place of the container."""
    for name, device in instance.expanded_devices.items():
        if device.get("type") not in DEVICE_TYPES or not point:
            continue
        path = device.get("path") or device.get("source") or ""
        # POSIX keeps two slashes at the beginning apart from one, and so does normpath.
        path = posixpath.normpath("/" + path.lstrip("/"))
        if path == point and path != "/":
            yield name
