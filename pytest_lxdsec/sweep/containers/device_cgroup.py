"""Whether the kernel limits which devices a container opens: cgroup v1's list, v2's programs.

A list of v1 is a file; a program of v2 hangs on a control group, and only bpf(2) tells of it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import platform
import posixpath
from collections.abc import Iterator, Mapping

from ..common import commands
from . import socket_mounts

# asm/unistd.h; linux/bpf.h.
BPF_CALL = {
    "aarch64": 280,
    "armv7l": 386,
    "i686": 357,
    "ppc64le": 361,
    "riscv64": 280,
    "s390x": 351,
    "x86_64": 321,
}
BPF_PROG_QUERY = 16
BPF_CGROUP_DEVICE = 6
CGROUP2 = "cgroup2"


@dataclasses.dataclass(frozen=True)
class DeviceControl:
    """Decoded as `evidence.container_facts.DeviceControl`."""

    group: str
    programs: Mapping[str, int]
    rules: str
    error: str


class _Query(ctypes.Structure):
    """`struct { ... } query` of `union bpf_attr`."""

    _fields_ = (
        ("target_fd", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
        ("query_flags", ctypes.c_uint32),
        ("attach_flags", ctypes.c_uint32),
        ("prog_ids", ctypes.c_uint64),
        ("prog_cnt", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
    )


class Hierarchies:
    """The machine's hierarchies of control groups, as we see them mounted."""

    def __init__(self, mountinfo: str) -> None:
        entries = socket_mounts.entries(mountinfo)
        self._v2 = next((one for one in entries if one.kind == CGROUP2), None)
        self._v1 = next(iter(_with_devices(mountinfo)), None)
        self._counted: dict[str, int] = {}

    def control_of(self, cgroups: str) -> DeviceControl:
        """Return what limits a process whose /proc/PID/cgroup this is."""
        groups = membership(cgroups)
        group = groups.get("", "")
        try:
            programs = dict(self._programs(group)) if group else {}
            rules = self._rules(payload(groups.get("devices", "")))
        except OSError as error:
            return DeviceControl(group=group, programs={}, rules="", error=commands.reason(error))
        return DeviceControl(group=group, programs=programs, rules=rules, error="")

    def _programs(self, group: str) -> Iterator[tuple[str, int]]:
        """Yield the group and those above it, each with the number of device programs on it."""
        if self._v2 is None:
            return
        while True:
            path = _path(self._v2, group)
            if path not in self._counted:
                self._counted[path] = programs(path)
            yield group, self._counted[path]
            if group == "/":
                return
            group = posixpath.dirname(group)

    def _rules(self, group: str) -> str:
        if self._v1 is None or not group:
            return ""
        return commands.read(f"{_path(self._v1, group)}/devices.list")


def membership(cgroups: str) -> dict[str, str]:
    """Controllers to groups; "" is the one hierarchy of v2."""
    found = {}
    for line in commands.lines(cgroups):
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = group
    return found


def payload(group: str) -> str:
    """Return the container's own control group, from which its init may have made others."""
    parts = group.split("/")
    for number, part in enumerate(parts):
        if part.startswith("lxc.payload"):
            return "/".join(parts[: number + 1])
    return group


def _with_devices(mountinfo: str) -> Iterator[socket_mounts.Entry]:
    for line, entry in zip(commands.lines(mountinfo), socket_mounts.entries(mountinfo)):
        options = line.rpartition(" ")[2].split(",")
        if entry.kind == "cgroup" and "devices" in options:
            yield entry


def _path(mount: socket_mounts.Entry, group: str) -> str:
    """Return where a group is seen.

    Both its name and the mount's root are as our namespace has them.
    """
    below = posixpath.relpath(group, mount.root)
    return posixpath.normpath(posixpath.join(mount.point, below))


def programs(path: str) -> int:
    """Return how many programs on this control group decide about devices.

    Raises:
        OSError: the kernel does not say.
    """
    call = BPF_CALL.get(platform.machine())
    if call is None:
        raise OSError(f"bpf(2) has no number that we know on {platform.machine()}")
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        query = _Query(target_fd=directory, attach_type=BPF_CGROUP_DEVICE)
        libc = ctypes.CDLL(None, use_errno=True)
        size = ctypes.c_uint(ctypes.sizeof(query))
        if libc.syscall(ctypes.c_long(call), BPF_PROG_QUERY, ctypes.byref(query), size) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"bpf: {os.strerror(number)}")
        return int(query.prog_cnt)
    finally:
        os.close(directory)
