"""The kernel's limits on devices that a container may open: cgroup v1's list, v2's programs.

A list of v1 is a file; a program of v2 is attached to a control group and shown by bpf(2) only.
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
    """The hierarchies of control groups, as the sweep sees them mounted."""

    def __init__(self, mountinfo: str) -> None:
        entries = socket_mounts.entries(mountinfo)
        self._v2 = next((one for one in entries if one.kind == CGROUP2), None)
        self._v1 = next(iter(_with_devices(mountinfo)), None)
        self._counted: dict[str, int] = {}

    def control_of(self, cgroups: str) -> DeviceControl:
        """Return the limits of a process with this /proc/PID/cgroup."""
        groups = membership(cgroups)
        group = groups.get("", "")
        try:
            programs = dict(self._programs(group)) if group else {}
            rules = self._rules(payload(groups.get("devices", "")))
        except OSError as error:
            return DeviceControl(group=group, programs={}, rules="", error=commands.reason(error))
        return DeviceControl(group=group, programs=programs, rules=rules, error="")

    def _programs(self, group: str) -> Iterator[tuple[str, int]]:
        """Yield the group and those above it, each with the number of its device programs."""
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
    """Return controllers to groups; "" is the hierarchy of v2."""
    found = {}
    for line in commands.lines(cgroups):
        _, controllers, group = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = group
    return found


def payload(group: str) -> str:
    """Return the container's own group of its init's group, which the init may have made below."""
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
    """Return a group's path; its name and the mount's root are those of our namespace."""
    below = posixpath.relpath(group, mount.root)
    return posixpath.normpath(posixpath.join(mount.point, below))


def programs(path: str) -> int:
    """Return the number of device programs on this control group.

    Raises:
        OSError: the kernel refuses to report it.
    """
    call = BPF_CALL.get(platform.machine())
    if call is None:
        raise OSError(f"the system call number of bpf(2) is not known for {platform.machine()}")
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
