"""Which devices a container may open: the devices controller, and what every container has; pure.

A list of cgroup v1 says itself what it allows. A program of v2 does not: what liblxc was told
when it made it says that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...evidence.container_facts import Confinement
from ...inventory import containers
from ...verdict import CannotTell

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


def limit(confined: Confinement) -> str:
    """Return what limits which devices a container may open, as a clause; "" where nothing does.

    A program of v2 does not say what it allows: that is what liblxc was told when it made it.

    Raises:
        CannotTell: the kernel or LXD's file did not say.
    """
    found = confined.devices
    if found is None or found.error:
        reason = found.error if found else "it was not asked"
        raise CannotTell(f"{confined.lxc_name}: its devices controller: {reason}")
    if found.rules:
        is_open = any(_is_everything(rule) for rule in found.rules.splitlines())
        return "" if is_open else "the devices controller has a list (v1) of what it may open"
    group = own_group(found.group)
    if found.programs.get(group, 0) < 1 or not told_rules(confined):
        return ""
    return f"a devices program (v2) is on its control group {group}"


def told_rules(confined: Confinement) -> tuple[str, ...]:
    """Return what liblxc was told to allow; none where it was told to allow everything.

    Raises:
        CannotTell: LXD's file was not read, or a rule is none.
    """
    allowed: tuple[str, ...] | None = None
    for key, value in containers.lxc_conf(confined):
        if not key.startswith("lxc.cgroup") or ".devices." not in key:
            continue
        if value == "a" or _is_everything(value):
            allowed = () if key.endswith(".deny") else None
        elif key.endswith(".allow") and allowed is not None:
            allowed = (*allowed, value)
    return allowed or ()


def own_group(group: str) -> str:
    """Return the container's own control group, from which its init may have made others."""
    parts = group.split("/")
    for number, part in enumerate(parts):
        if part.startswith("lxc.payload"):
            return "/".join(parts[: number + 1])
    return group


def _is_everything(rule: str) -> bool:
    """Return whether a rule is about reading or writing all devices of a type, or of both."""
    found = _RULE.fullmatch(rule.strip())
    if found is None:
        raise CannotTell(f"{rule!r} is no rule of the devices controller")
    kind, major, _, access = found.groups()
    return kind == "a" or (major == "*" and bool(set(access) & set("rw")))


def foreign_rules(confined: Confinement) -> Iterator[str]:
    """Rules of the controller for devices that are not every container's."""
    rules = confined.devices.rules.splitlines() if confined.devices else []
    for rule in rules or told_rules(confined):
        kind, number, access = rule.split(" ")
        if set(access) & set("rw") and not is_own_node(f"{kind} {number}"):
            yield rule


def is_own_node(node: str) -> bool:
    """Return whether a device (`c 1:3`) is one that every container has."""
    kind, _, number = node.partition(" ")
    major = number.partition(":")[0]
    return node in NODES or (kind == "c" and major.isdigit() and int(major) in PTS)
