"""Whether a running container has LXD's own socket among its mounts; pure.

What is mounted now may differ from what devices say: `raw.lxc`, a mount made by hand, or a device
that was taken away while it was in use. A mount is known by what it shows, not by names: device
and inode of its root, or where its root lies within the file system of the socket. Hard links
give a socket more names than one; where there are any, no directory can be told to be clean.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ...evidence.access_facts import ApiSocket
from ...evidence.container_facts import ContainerMounts, Mount, SocketPlace
from ...evidence.model import Evidence
from ...evidence.objects import Instance
from ...inventory import containers, remedies
from ...verdict import CannotTell, Remedy

DELETED = "//deleted"  # as the kernel's table has it: fs/d_path.c


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketMount:
    """A mount by which a container reaches a socket of LXD's API, and how."""

    mount: Mount
    text: str


def of(evidence: Evidence, instance: Instance) -> tuple[Mount, ...]:
    """Return the container's mounts of the file systems that hold a socket.

    Raises:
        NotApplicable: it is a virtual machine or does not run.
        CannotTell: they are not known.
    """
    facts = containers.facts(evidence, instance)
    return _of(evidence, facts.lxc_name).mounts


def _of(evidence: Evidence, name: str) -> ContainerMounts:
    found = [one for one in evidence.mounts.containers if one.lxc_name == name]
    if len(found) != 1:
        raise CannotTell(f"the mounts of {name} were not read")
    if found[0].error:
        raise CannotTell(f"the mounts of {name}: {found[0].error}")
    return found[0]


def openings(evidence: Evidence, instance: Instance) -> tuple[SocketMount, ...]:
    """Return the mounts that are a socket of LXD's API or hold one; raises as `of`."""
    mounts = of(evidence, instance)
    return tuple(
        SocketMount(mount=mount, text=f"{mount.point} in the container is {how}")
        for mount in mounts
        for how in _ways(evidence, mount)
    )


def _ways(evidence: Evidence, mount: Mount) -> Iterator[str]:
    for socket, place in _placed(evidence):
        how = _leads_to(mount, socket, place)
        if how:
            yield f"{how} {place.path}"
            return


def _placed(evidence: Evidence) -> Iterator[tuple[ApiSocket, SocketPlace]]:
    """Yield every socket, with its place.

    Raises:
        CannotTell: there is none, or one whose place is not known.
    """
    places = {place.path: place for place in evidence.mounts.sockets}
    if not evidence.sockets:
        raise CannotTell("no LXD daemon of this host listens on a unix socket")
    for socket in evidence.sockets:
        if socket.file.path not in places:
            raise CannotTell(f"{socket.file.path}: its file system was not found")
        yield socket, places[socket.file.path]


def _leads_to(mount: Mount, socket: ApiSocket, place: SocketPlace) -> str:
    is_there = mount.file.exists and not mount.file.error
    if is_there and mount.file.identity == socket.file.identity:
        return "LXD's socket"
    above = {directory.identity for directory in socket.directories if directory.exists}
    if is_there and mount.file.identity in above:
        return "a directory that holds LXD's socket"
    if mount.device == place.device and _holds(mount.root, place.root):
        return "a mount that shows LXD's socket"
    return ""


def _holds(directory: str, path: str) -> bool:
    return posixpath.commonpath((directory, path)) == directory


def require_certainty(evidence: Evidence, found: tuple[Mount, ...]) -> None:
    """Refuse to call mounts clean of which nobody can say what they show.

    Raises:
        CannotTell: one could not be looked at, or shows what was deleted since; or a socket has
            several names, and any directory may hold one.
    """
    for mount in found:
        if mount.file.error:
            raise CannotTell(f"{mount.point}: {mount.file.path}: {mount.file.error}")
        if mount.root.endswith(DELETED):
            raise CannotTell(f"{mount.point} shows a file of the host that was deleted since")
    for _, place in _placed(evidence):
        if place.links != 1:
            raise CannotTell(
                f"{place.path} has {place.links} names (hard links): list them with "
                f"find / -xdev -samefile {shlex.quote(place.path)}"
            )


def remedy(evidence: Evidence, instance: Instance, opening: SocketMount) -> Remedy:
    """Return what takes a mount away: its device, its line of `raw.lxc`, or a restart."""
    device = _device(instance, opening.mount.point)
    if device:
        return remedies.remove_devices(evidence, instance, [device])
    if "lxc.mount" in instance.expanded_config.get("raw.lxc", ""):
        note = "removes all of raw.lxc: set its other lines again"
        return remedies.unset(evidence, instance, "raw.lxc", note=note)
    note = "no device and no raw.lxc explains the mount: a restart removes it"
    return remedies.restart(instance, note=note)


def _device(instance: Instance, point: str) -> str:
    """Return the disk that is mounted there, or above it; never the container's own root."""
    paths = {
        name: "/" + posixpath.normpath(device.get("path", "")).strip("/")
        for name, device in instance.expanded_devices.items()
        if device.get("type") == "disk"
    }
    found = [name for name, path in paths.items() if path != "/" and _holds(path, point)]
    return max(found, key=lambda name: len(paths[name]), default="")
