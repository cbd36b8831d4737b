"""The control groups a lab lives in; imports this package's faults only.

Control groups outlive the processes in them, so they are the one thing of a lab that somebody
must remove. All of a lab's lie below one group of its own: `lxdsec/ID` in the machine's cgroup2
hierarchy, wherever that is mounted.
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
    """Return where the group of lab `lab` is to be.

    Raises:
        LabUnavailable: this machine has no cgroup2 hierarchy mounted.
    """
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    return str(hierarchy(mounts) / FAMILY / lab)


def create(path: str) -> None:
    """Make the group, and hand down to it what controllers there are.

    Raises:
        LabUnavailable: the hierarchy cannot be written, as in an unprivileged container.
    """
    family = pathlib.Path(path).parent
    for _ in range(10):
        try:
            family.mkdir(exist_ok=True)
            enable_controllers(family)
            pathlib.Path(path).mkdir()
        except OSError as error:
            if not family.exists() and family.parent.is_dir() and error.errno in _REMOVED:
                continue  # Another lab's end removed the empty family in between.
            raise lab_errors.LabUnavailable(
                f"lab: {error.filename} cannot be made ({error.strerror}): "
                "use a machine or a container that may create control groups"
            ) from error
        return
    raise lab_errors.LabBroken(f"lab: {family} is removed again and again: is a clean-up looping?")


def enable_controllers(group: pathlib.Path) -> None:
    """Let the groups below `group` use every controller that can be had there."""
    for controller in (group / "cgroup.controllers").read_text().split():
        # A lab without controllers enforces fewer limits, as LXD on such a machine does.
        with contextlib.suppress(OSError):
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def move(path: str, pid: int) -> None:
    """Put a process into the group."""
    (pathlib.Path(path) / "cgroup.procs").write_text(str(pid))


def remove(path: str) -> None:
    """Kill what is left in the group and remove it, all groups below it, and an empty family.

    Raises:
        LabBroken: it stays busy.
    """
    group = pathlib.Path(path)
    with contextlib.suppress(OSError):  # Kernels before 5.14 have no such file.
        (group / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + _PATIENCE
    while not _try_remove(group):
        if time.monotonic() > deadline:
            raise lab_errors.LabBroken(f"lab: {path} stays busy: see its cgroup.procs")
        time.sleep(0.01)
    with contextlib.suppress(OSError):  # Other labs are in it.
        group.parent.rmdir()


def hierarchy(mounts: str) -> pathlib.Path:
    """Return where the text of /proc/self/mountinfo says that cgroup2 is mounted.

    Raises:
        LabUnavailable: nowhere.
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
