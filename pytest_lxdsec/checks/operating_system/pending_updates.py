"""Security updates that wait, by whatever package manager the host has; pure."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...evidence.system_facts import Advisories, AptPackages, Packages, Upgrade
from ...verdict import CannotTell, Remedy

NAMED = 5  # updates that a text names, and a command
REFRESH = {"dnf": "dnf makecache --refresh", "zypper": "zypper refresh"}
REPAIRS = {
    "dnf": "dnf upgrade --security --assumeyes",
    # 102 and 103 are no failures: reboot, or run again, for the package manager was updated.
    "zypper": "zypper --non-interactive patch --category security",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Security updates that are not installed.

    Attributes:
        told: Each as a person reads it.
        origin: Who says so.
        index_time: When what the package manager knows was brought up to date, in seconds.
        refresh: The command that would do it again.
        repair: Makes the command that installs them.
    """

    told: tuple[str, ...]
    origin: str
    index_time: int
    refresh: str
    repair: Callable[[], Remedy]

    @property
    def text(self) -> str:
        """All of them in one line."""
        count = len(self.told)
        counted = "1 security update is" if count == 1 else f"{count} security updates are"
        more = f" and {count - NAMED} more" if count > NAMED else ""
        return f"{counted} pending: {', '.join(self.told[:NAMED])}{more}"

    @property
    def details(self) -> tuple[str, ...]:
        """One by one, where the line cannot name all."""
        return self.told if len(self.told) > NAMED else ()

    def age(self, now: datetime.datetime, most_days: int) -> str:
        """Return how old the index is: by an old one, nothing is ever pending.

        Raises:
            CannotTell: it is older than `most_days`.
        """
        days = (now - datetime.datetime.fromtimestamp(self.index_time, datetime.UTC)).days
        if days > most_days:
            raise CannotTell(f"the package index is {days} days old: run {self.refresh}")
        return f"{max(days, 0)} days"


def pending(packages: Packages) -> Pending:
    """Return what waits.

    Raises:
        CannotTell: there is no package manager that we know, no index, or none of security.
    """
    if packages.apt:
        return _by_apt(packages.apt)
    if packages.advisories:
        return _by_advisories(packages.manager, packages.advisories)
    raise CannotTell(f"no way to ask the package manager ({packages.manager or 'unknown'})")


def _by_apt(apt: AptPackages) -> Pending:
    if not apt.index_time:
        raise CannotTell("apt has no package index: run apt-get update")
    if not apt.has_security_source:
        raise CannotTell("apt has no source of security updates: add the distribution's")
    upgrades = [upgrade for upgrade in apt.upgrades if upgrade.is_security]
    return Pending(
        told=tuple(f"{u.name} {u.installed} (fixed in {u.candidate})" for u in upgrades),
        origin="the host's apt (apt-cache policy)",
        index_time=apt.index_time,
        refresh="apt-get update",
        repair=lambda: _upgrade(apt, upgrades),
    )


def _upgrade(apt: AptPackages, upgrades: Sequence[Upgrade]) -> Remedy:
    held = [u.name for u in upgrades if u.name in apt.held]
    kept_back = {u.name for u in upgrades if u.name in apt.kept_back}
    if len(upgrades) > NAMED and not held and not kept_back:
        return Remedy(
            command="apt-get upgrade --with-new-pkgs --yes",
            touches=len(apt.upgrades),
            note="installs all pending updates, not only security updates",
        )
    # A version that is named is taken, whatever a pin says.
    wanted = [f"{u.name}={u.candidate}" if u.name in kept_back else u.name for u in upgrades]
    install = shlex.join(("apt-get", "install", "--only-upgrade", "--yes", *wanted))
    release = shlex.join(("apt-mark", "unhold", *held))
    return Remedy(
        command=f"{release} && {install}" if held else install,
        touches=len(upgrades),
        note=_why_it_waits(held, kept_back),
    )


def _why_it_waits(held: Sequence[str], kept_back: set[str]) -> str:
    if held:
        return f"{', '.join(held)}: on hold (apt-mark showhold); find out why first"
    if kept_back:
        return "held back by a pin or by phasing: see apt-cache policy"
    return ""


def _by_advisories(manager: str, known: Advisories) -> Pending:
    refresh = REFRESH[manager]
    if not known.index_time:
        raise CannotTell(f"a repository of {manager} has no index here: run {refresh}")
    if not known.is_any_known:
        raise CannotTell(f"no repository of {manager} tells which updates are about security")
    return Pending(
        told=tuple(
            f"{one.name} ({one.severity}{': ' if one.package else ''}{one.package})"
            for one in known.pending
        ),
        origin=f"the host's {manager}, by its repositories' advisories",
        index_time=known.index_time,
        refresh=refresh,
        repair=lambda: Remedy(command=REPAIRS[manager], touches=len(known.pending)),
    )
