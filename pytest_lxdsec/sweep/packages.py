"""What the host's package manager says; imports `apt`, `dpkg`, `known`, `tools`."""

from __future__ import annotations

import dataclasses
import os

from . import apt, dpkg, known, tools

# The managers that no fact is read of yet: they are named, so that a control can name them.
OTHERS = ("dnf", "yum", "zypper")
PLACES = ("/usr/sbin", "/sbin", "/usr/bin")


@dataclasses.dataclass(frozen=True)
class Packages:
    """As `hostfacts.Packages`."""

    manager: str
    lxd: str
    apt: apt.AptPackages | None


def packages(_: known.Known) -> Packages:
    """Section: the package manager, and what is pending by it."""
    if not os.path.exists("/usr/bin/apt-get") or not os.path.exists(dpkg.STATUS):
        manager = next((tool for tool in OTHERS if _is_there(tool)), "")
        return Packages(manager=manager, lxd="", apt=None)
    installed = dpkg.installed(tools.read(dpkg.STATUS))
    lxd = next((package.version for package in installed if package.name == "lxd"), "")
    return Packages(manager="apt", lxd=lxd, apt=apt.packages(installed))


def _is_there(tool: str) -> bool:
    places = (*os.environ.get("PATH", "").split(os.pathsep), *PLACES)
    return any(os.access(os.path.join(place, tool), os.X_OK) for place in places if place)
