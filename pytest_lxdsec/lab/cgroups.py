"""The control groups of a lab.

Control groups outlive their processes, so they must be removed explicitly. All groups of a lab are
below one group of its own: `lxdsec/ID` in the machine's cgroup2 hierarchy, wherever that is
mounted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import time

from . import lab_errors

FAMILY = "lxdsec"
_REMOVED = {errno.ENOENT, errno.EEXIST, errno.ENODEV}
_PATIENCE = 10.0  # Seconds; a killed process keeps its group busy until it is reaped.


def path_for(lab: str) -> str:
    """Return the path of the group for the lab with this id.

    Raises:
        LabUnavailable: this machine has no cgroup2 hierarchy mounted.
    """
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    return str(hierarchy(mounts) / FAMILY / lab)


def create(path: str) -> None:
    """Make the group, and enable all available controllers for it.

    Raises:
        LabUnavailable: The hierarchy is not writable, such as in an unprivileged container.
        LabBroken: Another process removes the parent group again and again.
    """
    family = pathlib.Path(path).parent
    for _ in range(10):
        try:
            family.mkdir(exist_ok=True)
            enable_controllers(family)
            pathlib.Path(path).mkdir()
        except OSError as error:
            if not family.exists() and family.parent.is_dir() and error.errno in _REMOVED:
                continue  # The end of another lab removed the empty family in between.
            raise lab_errors.LabUnavailable(
                f"lab: {error.filename} cannot be made ({error.strerror}): "
                "use a machine or a container that may create control groups"
            ) from error
        return
    raise lab_errors.LabBroken(f"lab: {family} is removed again and again: is a clean-up looping?")


def enable_controllers(group: pathlib.Path) -> None:
    """Enable every available controller for the groups below `group`."""
    for controller in (group / "cgroup.controllers").read_text().split():
        # A lab without a controller enforces fewer limits, like any LXD on such a machine.
        with contextlib.suppress(OSError):
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def move(path: str, pid: int) -> None:
    """Move a process into the group."""
    (pathlib.Path(path) / "cgroup.procs").write_text(str(pid))


def remove(path: str) -> None:
    """Kill all processes in the group; remove it, the groups below it, and an empty family.

    Raises:
        LabBroken: The group stays busy.
    """
    group = pathlib.Path(path)
    with contextlib.suppress(OSError):  # Kernels before 5.14 have no such file.
        (group / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + _PATIENCE
    while not _try_remove(group):
        if time.monotonic() > deadline:
            raise lab_errors.LabBroken(f"lab: {path} stays busy: see its cgroup.procs")
        time.sleep(0.01)
    with contextlib.suppress(OSError):  # The groups of other labs are in it.
        group.parent.rmdir()


def hierarchy(mounts: str) -> pathlib.Path:
    """Return the mount point of cgroup2 in the text of /proc/self/mountinfo.

    Raises:
        LabUnavailable: cgroup2 is not mounted.
    """
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return pathlib.Path(before.split()[4])
    raise lab_errors.LabUnavailable(
        "lab: no cgroup2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup"
    )


def _try_remove(group: pathlib.Path) -> bool:
    try:
        for directory, _, _ in os.walk(group, topdown=False):
            pathlib.Path(directory).rmdir()
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        if error.errno != errno.ENOENT:
            raise
    return not group.exists()
