"""Whether a container may write to the kernel's settings, by its mounts of /proc and /sys; pure.

For a root that is the host's, LXD has both closed (`proc:mixed sys:mixed`, driver_lxc.go,
initLXC): /proc/sys and /sys are read-only, but for what belongs to its own network. A mount is
closed by another that lies on it, so that the table's parents count, not its order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ...inventory import mountinfo

# What of a procfs and of a sysfs are settings, and what of these the container's own network has.
SETTINGS = {"proc": ("/sys", "/sys/net"), "sysfs": ("/", "/devices/virtual/net")}


def writable(mounts: Sequence[mountinfo.Mount], foreign: Collection[str]) -> Iterator[str]:
    """Yield the places where settings can be written to.

    Args:
        mounts: The container's whole table.
        foreign: The host's file systems (MAJOR:MINOR), which are judged as such.
    """
    for mount in mounts:
        place = None if mount.device in foreign else _settings(mount)
        if place and not mount.is_read_only and not _is_closed(mounts, mount, place):
            yield place


def _settings(mount: mountinfo.Mount) -> str | None:
    """Return where a mount shows settings; None where it shows none, or its network's only."""
    if mount.kind not in SETTINGS:
        return None
    top, own = SETTINGS[mount.kind]
    if mountinfo.holds(own, mount.root):
        return None
    return mount.point if mountinfo.holds(top, mount.root) else mount.path_of(top)


def _is_closed(mounts: Sequence[mountinfo.Mount], mount: mountinfo.Mount, place: str) -> bool:
    """Return whether something read-only lies on this mount at this place, and nothing on that."""
    top = mount
    while over := [one for one in mounts if one.point == place and one.parent == top.number]:
        top = over[-1]
    return top.is_read_only
