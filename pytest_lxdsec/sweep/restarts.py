"""What waits for a reboot, which kernels are installed, and how long the system is supported.

Imports `known`, `system`, `tools`.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Sequence

from . import known, system, tools

# update-notifier and unattended-upgrades make the first and list packages in the second.
FLAG = "/run/reboot-required"
PACKAGES = "/run/reboot-required.pkgs"
KERNELS = "/boot"
# Tools that know it, and what they exit with when there is need: needs-restarting(1), zypper(8).
TOOLS = (
    (("needs-restarting", "-r"), 1),
    (("zypper", "--non-interactive", "needs-rebooting"), 102),
)
# Where apt is, they are guests that know nothing of what is installed.
APT = "/usr/bin/apt-get"
# zypper waits for another one that runs: the package manager is asked beside this.
PATIENT = ("env", "ZYPP_LOCK_TIMEOUT=60")
MOST_PACKAGES = 100
# distro-info-data(1): a table for each distribution that has one, by its id in os-release.
DISTRIBUTIONS = "/usr/share/distro-info"


@dataclasses.dataclass(frozen=True)
class Restarts:
    """As `osfacts.Restarts`."""

    reboot_reasons: Sequence[str]
    asked: Sequence[str]
    kernels: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Distribution:
    """As `osfacts.Distribution`."""

    table: str


def every(_: known.Known) -> Restarts:
    """Section: reasons to reboot, and the kernels that are installed."""
    reasons, asked = _reasons()
    names = os.listdir(KERNELS) if os.path.isdir(KERNELS) else []
    return Restarts(reboot_reasons=reasons, asked=asked, kernels=kernels(names))


def kernels(names: Sequence[str]) -> tuple[str, ...]:
    """The versions of kernels, by the names of their files; a rescue image is a copy of one."""
    found = (re.match(r"vmlinu[zx]-(\d.*)$", name) for name in names)
    versions = {match.group(1) for match in found if match}
    return tuple(sorted(name for name in versions if "rescue" not in name))


def _reasons() -> tuple[tuple[str, ...], tuple[str, ...]]:
    reasons, asked = [], [FLAG]
    if os.path.exists(FLAG):
        packages = (tools.read_if_there(PACKAGES) or "").split()
        reasons += sorted(set(packages))[:MOST_PACKAGES] or [FLAG]
    for command, status in () if os.path.exists(APT) else TOOLS:
        if shutil.which(command[0]):
            done = tools.run(*PATIENT, *command)
            if done.status not in (0, status):
                raise RuntimeError(f"{command[0]}: exit status {done.status}")
            asked.append(command[0])
            reasons += [command[0]] if done.status == status else []
    return tuple(reasons), tuple(asked)


def distribution(facts: known.Known) -> Distribution:
    """Section: the host's table of its distribution's releases; "" where it has none."""
    found: system.OperatingSystem = facts.require("os")
    name = found.release.get("ID", "")
    known_name = re.match(r"[a-z0-9._-]+$", name)
    path = os.path.join(DISTRIBUTIONS, f"{name}.csv")
    return Distribution(table=(tools.read_if_there(path) or "") if known_name else "")
