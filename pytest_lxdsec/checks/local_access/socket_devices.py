"""Whether a device hands LXD's own socket to an instance; pure.

Paths lie: a symlink, a bind mount, a parent directory or `.` all lead to the same socket. So
what counts is where the host says that a path leads, and device and inode of what is there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...evidence.access_facts import ApiSocket
from ...evidence.host_facts import File
from ...evidence.model import Evidence
from ...evidence.objects import Instance
from ...verdict import CannotTell

# A proxy with one of these connects on the host's side; by default it listens there:
# lxd/device/proxy.go, validateConfig ("host", "instance", and their older names).
BINDS_INSIDE = ("instance", "guest", "container")
# The snap's daemon sees the host's files below this: lxd/shared/util_linux.go, HostPath.
SNAP_HOST_ROOT = "/var/lib/snapd/hostfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path of the host that a device of an instance opens."""

    device: str
    option: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """A device that gives the socket away, and how."""

    device: str
    text: str


def host_paths(instance: Instance) -> Iterator[Path]:
    """Paths of the host that disks and proxies of an instance open, by device name."""
    for name, device in sorted(instance.expanded_devices.items()):
        kind = device.get("type")
        if kind == "disk" and device.get("source", "").startswith("/"):
            yield Path(device=name, option="source", path=_on_host(device["source"]))
        if kind == "proxy" and device.get("bind") in BINDS_INSIDE:
            connect = device.get("connect", "")
            if connect.startswith("unix:/"):
                yield Path(device=name, option="connect", path=connect.removeprefix("unix:"))


def _on_host(path: str) -> str:
    return path.removeprefix(SNAP_HOST_ROOT) or "/"


def handouts(evidence: Evidence, instance: Instance) -> Iterator[Handout]:
    """Yield the devices by which an instance reaches a socket on which LXD serves its API.

    Raises:
        CannotTell: where a path leads, or where the sockets are, is not known.
    """
    paths = tuple(host_paths(instance))
    if not paths:
        return
    files = _files(evidence)
    for path in paths:
        file = files.get(path.path)
        if file is None:
            raise CannotTell(f"{path.device}: the host was not asked where {path.path} leads")
        if file.error:
            raise CannotTell(f"{path.device}: {path.path}: {file.error}")
        for socket in evidence.sockets:
            how = _leads_to(file, socket)
            if how:
                text = f"device {path.device} opens {path.path}, {how}"
                yield Handout(device=path.device, text=text)
                break


def _files(evidence: Evidence) -> Mapping[str, File]:
    return {_on_host(named.path): named.file for named in evidence.paths}


def _leads_to(file: File, socket: ApiSocket) -> str:
    if not file.exists:
        return ""
    if file.identity == socket.file.identity:
        return f"which is LXD's socket {socket.file.path}"
    above = {directory.identity for directory in socket.directories if directory.exists}
    if file.identity in above or _holds(file.path, socket.file.path):
        return f"a directory that holds LXD's socket {socket.file.path}"
    return ""


def _holds(directory: str, path: str) -> bool:
    return posixpath.commonpath((directory, path)) == directory
