"""The package manager and its pending upgrades."""

from __future__ import annotations

import dataclasses
import os

from ..common import commands, context
from . import apt, dnf_zypper, dpkg

OTHERS = {"dnf": dnf_zypper.of_dnf, "zypper": dnf_zypper.of_zypper}
PLACES = ("/usr/sbin", "/sbin", "/usr/bin")


@dataclasses.dataclass(frozen=True)
class Packages:
    """Decoded as `evidence.system_facts.Packages`."""

    manager: str
    lxd: str
    apt: apt.AptPackages | None
    advisories: dnf_zypper.Advisories | None


def packages(_: context.Context) -> Packages:
    """Section: find the package manager, and its pending upgrades or advisories."""
    if not os.path.exists("/usr/bin/apt-get") or not os.path.exists(dpkg.STATUS):
        manager = next((tool for tool in OTHERS if _is_there(tool)), "")
        asked = OTHERS[manager]() if manager else None
        return Packages(manager=manager, lxd="", apt=None, advisories=asked)
    installed = dpkg.installed(commands.read(dpkg.STATUS))
    lxd = next((package.version for package in installed if package.name == "lxd"), "")
    return Packages(manager="apt", lxd=lxd, apt=apt.packages(installed), advisories=None)


def _is_there(tool: str) -> bool:
    places = (*os.environ.get("PATH", "").split(os.pathsep), *PLACES)
    return any(os.access(os.path.join(place, tool), os.X_OK) for place in places if place)
