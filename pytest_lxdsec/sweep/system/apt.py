"""The pending upgrades of apt, and the age of its index.

A simulated `dist-upgrade` would be the obvious question, but it leaves out packages that are on
hold, pinned away or kept back, and takes some five times as long as `apt-cache policy` of all
installed packages, which includes them.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Mapping, Sequence

from ..common import commands
from . import apt_index, apt_policy, dpkg

SECONDS = 120.0
# Without its cache files, which apt as root would update: the sweep writes nothing.
READ_ONLY = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
# The priority of versions that are neither pinned nor excluded from automatic installation:
# apt_preferences(5). The next release of the distribution and backports have less.
ORDINARY = 500


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """Decoded as `evidence.system_facts.Upgrade`."""

    name: str
    installed: str
    candidate: str
    origin: str
    is_security: bool


@dataclasses.dataclass(frozen=True)
class AptPackages:
    """Decoded as `evidence.system_facts.AptPackages`."""

    upgrades: Sequence[Upgrade]
    kept_back: Sequence[str]
    held: Sequence[str]
    index_time: int
    has_security_source: bool


def packages(installed: Sequence[dpkg.Package]) -> AptPackages:
    """Ask apt for its sources and for the versions of all installed packages, side by side.

    Raises:
        OSError, RuntimeError: it cannot be run, or fails.
        ValueError: its output does not have the expected form, or lacks a package.
    """
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asked = pool.submit(_ask, "apt-get", "indextargets", *apt_index.ARGUMENTS)
        output = _ask("apt-cache", "policy", *(package.query for package in installed))
        sources = apt_index.sources(asked.result())
    policies = apt_policy.parse(output)
    if len(policies) != len(installed):
        raise ValueError(f"apt lists {len(policies)} of {len(installed)} installed packages")
    return judge(policies, sources, held=dpkg.held(installed))


def _ask(tool: str, *arguments: str) -> str:
    return commands.succeed(tool, *READ_ONLY, *arguments, seconds=SECONDS)


def judge(
    policies: Sequence[apt_policy.Policy],
    sources: Sequence[apt_index.Source],
    *,
    held: Sequence[str],
) -> AptPackages:
    """Return the pending upgrades in apt's output."""
    by_description = {source.description: source for source in sources}
    found = [(policy, _upgrade(policy, by_description)) for policy in policies]
    security = [source for source in sources if source.is_security]
    return AptPackages(
        upgrades=tuple(upgrade for _, upgrade in found if upgrade),
        kept_back=tuple(policy.name for policy, upgrade in found if upgrade and _waits(policy)),
        held=held,
        index_time=apt_index.oldest(security or sources),
        has_security_source=bool(security),
    )


def _upgrade(policy: apt_policy.Policy, sources: Mapping[str, apt_index.Source]) -> Upgrade | None:
    """Return the available newer version, if there is one.

    It is a security upgrade if any version above the installed one is: a later version of an
    ordinary archive includes the fix, too, and is not marked. A security update that a pin of the
    package keeps away is pending, like one that is on hold.
    """
    offered = policy.offered()
    fixes = [
        version
        for version in policy.newer
        if any(
            _is_security(where, sources) and (version in offered or where.priority >= ORDINARY)
            for where in version.places
        )
    ]
    versions = [*offered[:1], *fixes]
    if not versions:
        return None
    return Upgrade(
        name=policy.name,
        installed=policy.installed,
        candidate=versions[0].text,
        origin=", ".join(_origins(versions, sources)),
        is_security=bool(fixes),
    )


def _is_security(place: apt_policy.Place, sources: Mapping[str, apt_index.Source]) -> bool:
    source = sources.get(place.description)
    return source is not None and source.is_security


def _origins(
    versions: Sequence[apt_policy.Version], sources: Mapping[str, apt_index.Source]
) -> list[str]:
    places = [place.description for version in versions for place in version.places]
    names = [sources[place].origin if place in sources else place for place in places]
    return list(dict.fromkeys(names))


def _waits(policy: apt_policy.Policy) -> bool:
    """Return whether an ordinary upgrade leaves it out: it is pinned, or still phased in."""
    return not policy.offered() or policy.offered()[0].is_phased
