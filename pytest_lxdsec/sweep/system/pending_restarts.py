"""Reasons to reboot, installed kernels, and the distribution's table of releases."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Sequence

from ..common import commands, context
from . import os_release

# update-notifier and unattended-upgrades make the first and list packages in the second.
FLAG = "/run/reboot-required"
PACKAGES = "/run/reboot-required.pkgs"
KERNELS = "/boot"
HEADER = 0x20000  # more than the part of an image that may have its version
SECTOR = 0x200
# snapd's link to the installed revision of LXD's snap.
SNAPS = ("/snap/lxd/current", "/var/lib/snapd/snap/lxd/current")
# Tools, and their exit status if a reboot is needed: needs-restarting(1), zypper(8).
TOOLS = (
    (("needs-restarting", "-r"), 1),
    (("zypper", "--non-interactive", "needs-rebooting"), 102),
)
# On a system with apt, these tools do not know the installed packages.
APT = "/usr/bin/apt-get"
# zypper waits for another zypper: the section `packages` runs one at the same time.
PATIENT = ("env", "ZYPP_LOCK_TIMEOUT=60")
MOST_PACKAGES = 100
# distro-info-data(1): a table for each distribution that has one, by its id in os-release.
DISTRIBUTIONS = "/usr/share/distro-info"


@dataclasses.dataclass(frozen=True)
class Restarts:
    """Decoded as `evidence.system_facts.Restarts`."""

    reboot_reasons: Sequence[str]
    asked: Sequence[str]
    kernels: Sequence[str]
    running_image: str
    snap_revision: str


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Decoded as `evidence.system_facts.Distribution`."""

    table: str


def every(_: context.Context) -> Restarts:
    """Section: find the reasons to reboot, and the installed kernels."""
    reasons, asked = _reasons()
    names = os.listdir(KERNELS) if os.path.isdir(KERNELS) else []
    return Restarts(
        reboot_reasons=reasons,
        asked=asked,
        kernels=kernels(names),
        running_image=_running_image(names),
        snap_revision=_snap_revision(),
    )


def _running_image(names: Sequence[str]) -> str:
    running = os.uname().release
    for name in (f"vmlinuz-{running}", f"vmlinux-{running}"):
        if name in names:
            with open(os.path.join(KERNELS, name), "rb") as file:
                return image_version(file.read(HEADER))
    return ""


def image_version(head: bytes) -> str:
    """Return the version string in a kernel's image for x86; "" for other images.

    The kernel's Documentation/arch/x86/boot.rst: if the magic is there, `kernel_version` points to
    a string of `uname -r` and `uname -v`, counted from the end of the first sector.
    """
    if head[0x202:0x206] != b"HdrS":
        return ""
    start = SECTOR + int.from_bytes(head[0x20E:0x210], "little")
    text, end, _ = head[start:].partition(b"\0")
    return text.decode("ascii", "replace") if end and start > SECTOR else ""


def _snap_revision() -> str:
    for path in SNAPS:
        if os.path.islink(path):
            return os.path.basename(os.readlink(path))
    return ""


def kernels(names: Sequence[str]) -> tuple[str, ...]:
    """Return the versions of kernels by their file names; a rescue image is a copy of another."""
    found = (re.match(r"vmlinu[zx]-(\d.*)$", name) for name in names)
    versions = {match.group(1) for match in found if match}
    return tuple(sorted(name for name in versions if "rescue" not in name))


def _reasons() -> tuple[tuple[str, ...], tuple[str, ...]]:
    reasons, asked = [], [FLAG]
    if os.path.exists(FLAG):
        packages = (commands.read_if_there(PACKAGES) or "").split()
        reasons += sorted(set(packages))[:MOST_PACKAGES] or [FLAG]
    for command, status in () if os.path.exists(APT) else TOOLS:
        if shutil.which(command[0]):
            done = commands.run(*PATIENT, *command)
            if done.status not in (0, status):
                raise RuntimeError(f"{command[0]}: exit status {done.status}")
            asked.append(command[0])
            reasons += [command[0]] if done.status == status else []
    return tuple(reasons), tuple(asked)


def distribution(facts: context.Context) -> Distribution:
    """Section: read the host's table of its distribution's releases; "" if it has none."""
    found: os_release.OperatingSystem = facts.require("os")
    name = found.release.get("ID", "")
    known_name = re.match(r"[a-z0-9._-]+$", name)
    path = os.path.join(DISTRIBUTIONS, f"{name}.csv")
    return Distribution(table=(commands.read_if_there(path) or "") if known_name else "")
