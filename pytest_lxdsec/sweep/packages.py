"""What the package manager says; imports `advisories`, `apt`, `dpkg`, `known`, `tools`."""

from __future__ import annotations

import dataclasses
import os

from . import advisories, apt, dpkg, known, tools

OTHERS = {"dnf": advisories.of_dnf, "zypper": advisories.of_zypper}
PLACES = ("/usr/sbin", "/sbin", "/usr/bin")


@dataclasses.dataclass(frozen=True)
class Packages:
    """As `osfacts.Packages`."""

    manager: str
    lxd: str
    apt: apt.AptPackages | None
    advisories: advisories.Advisories | None


def packages(_: known.Known) -> Packages:
    """Section: the package manager, and what is pending by it."""
    if not os.path.exists("/usr/bin/apt-get") or not os.path.exists(dpkg.STATUS):
        manager = next((tool for tool in OTHERS if _is_there(tool)), "")
        asked = OTHERS[manager]() if manager else None
        return Packages(manager=manager, lxd="", apt=None, advisories=asked)
    installed = dpkg.installed(tools.read(dpkg.STATUS))
    lxd = next((package.version for package in installed if package.name == "lxd"), "")
    return Packages(manager="apt", lxd=lxd, apt=apt.packages(installed), advisories=None)


def _is_there(tool: str) -> bool:
    places = (*os.environ.get("PATH", "").split(os.pathsep), *PLACES)
    return any(os.access(os.path.join(place, tool), os.X_OK) for place in places if place)
