"""Who has built the LXD that runs: a distribution, with fixes of its own, or its makers; pure.

A package that is installed need not be what runs: a host whose snap has replaced its deb may have
both, and the members of a cluster have a package manager each.
"""

from __future__ import annotations

from ..evidence.model import Evidence
from ..evidence.objects import Server
from ..lxd import versions
from ..verdict import CannotTell

SNAP = "lxd"


def distribution_package(evidence: Evidence, server: Server, version: versions.Version) -> str:
    """Return the distribution's package that the server runs; "" where it runs none.

    Raises:
        CannotTell: the server is on another host than the one that was asked.
    """
    name = server.environment.server_name
    if name != evidence.server.environment.server_name:
        raise CannotTell(
            f"LXD {version} on {name} may be a distribution's build with fixes of its own: "
            "name that host with --lxd-host"
        )
    package = evidence.packages.lxd
    if not package or evidence.daemon.environment.get("SNAP_NAME") == SNAP:
        return ""
    return package if _is_build_of(package, version) else ""


def _is_build_of(package: str, version: versions.Version) -> bool:
    try:
        found = versions.parse_debian(package)
        return found.is_distribution_build and versions.parse(found.upstream) == version
    except ValueError as error:
        raise CannotTell(f"package lxd: {error}") from error
