"""The guide's opening list: the operating system under LXD."""

from __future__ import annotations

import datetime

from pytest_lxdsec import distributions, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.hostfacts import AptPackages, Upgrade
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Remedy, Verdict

SECTION = "security"
NAMED = 5  # packages that a finding names


@control(
    "LXD-OS-01",
    title="No security update is pending on the host",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A hole in the kernel or in a library of the host undoes every wall LXD builds.",
)
def test_no_security_update_is_pending(lxd_evidence: Evidence, lxd_policy: Policy) -> Verdict:
    packages = lxd_evidence.packages
    if packages.apt is None:
        raise CannotTell(f"no way to ask the package manager ({packages.manager or 'unknown'})")
    age = _index_age(packages.apt, lxd_evidence.now, lxd_policy)
    pending = [upgrade for upgrade in packages.apt.upgrades if upgrade.is_security]
    if not pending:
        return verdict.passed(f"apt has no security update to install; its index is {age} old")
    names = [f"{u.name} {u.installed} (fixed in {u.candidate})" for u in pending[:NAMED]]
    more = f" and {len(pending) - NAMED} more" if len(pending) > NAMED else ""
    count = "1 security update is" if len(pending) == 1 else f"{len(pending)} security updates are"
    return verdict.failed(
        observed=f"{count} pending: {', '.join(names)}{more}",
        expected="every security update of the distribution is installed",
        origin="the host's apt (apt-get -s dist-upgrade)",
        remedy=_upgrade(packages.apt, pending),
    )


def _upgrade(apt: AptPackages, pending: list[Upgrade]) -> Remedy:
    if len(pending) > NAMED:
        return Remedy(
            command="apt-get upgrade --with-new-pkgs --yes",
            touches=len(apt.upgrades),
            note="brings every update that is pending, those that are not about security too",
        )
    names = " ".join(upgrade.name for upgrade in pending)
    return Remedy(command=f"apt-get install --only-upgrade --yes {names}", touches=len(pending))


def _index_age(apt: AptPackages, now: datetime.datetime, policy: Policy) -> str:
    """How old the package index is: by an old one, nothing is ever pending."""
    if not apt.index_time:
        raise CannotTell("apt has no package index: run apt-get update")
    if not apt.has_security_source:
        raise CannotTell("apt has no source of security updates: add the distribution's")
    days = (now - datetime.datetime.fromtimestamp(apt.index_time, datetime.UTC)).days
    if days > policy.index_max_age_days:
        raise CannotTell(f"apt's package index is {days} days old: run apt-get update")
    return f"{max(days, 0)} days"


@control(
    "LXD-OS-02",
    title="The host's operating system is supported by its vendor",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Nobody repairs the holes of a release whose support has ended.",
)
def test_operating_system_is_supported(lxd_evidence: Evidence) -> Verdict:
    system = lxd_evidence.operating_system
    support = distributions.support(system, lxd_evidence.distribution)
    if lxd_evidence.now.date() <= support.ends:
        return verdict.passed(f"{system.title} is supported until {support.ends}")
    return verdict.failed(
        observed=f"support of {system.title} ended on {support.ends}",
        expected="a release that its vendor still supports",
        origin=support.source,
        remedy=Remedy(
            command="do-release-upgrade || { apt-get update && apt-get dist-upgrade; }",
            note="do-release-upgrade is Ubuntu's; elsewhere name the next release in the package "
            "sources first",
        ),
    )


@control(
    "LXD-OS-03",
    title="What is installed is what runs: kernel, libraries and LXD",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An update that nothing has been restarted for has closed no hole yet.",
)
def test_what_is_installed_runs(lxd_evidence: Evidence) -> Verdict:
    boot, running = lxd_evidence.restarts, lxd_evidence.operating_system.kernel
    if not lxd_evidence.daemons:
        raise CannotTell("no LXD daemon of this host was found")
    deleted = [daemon for daemon in lxd_evidence.daemons if daemon.is_deleted]
    faults = [f"{d.exe} (process {d.pid}) was replaced since it started" for d in deleted]
    if boot.reboot_reasons:
        faults.append(f"a reboot is asked for by {', '.join(boot.reboot_reasons[:NAMED])}")
    newer = () if faults else distributions.newer_kernels(running, boot.kernels)
    if newer:
        faults.append(f"kernel {running} runs, and {newer[-1]} is installed")
    if not faults:
        asked = ", ".join(boot.asked)
        daemons = [f"{daemon.exe} is the file that runs" for daemon in lxd_evidence.daemons]
        return verdict.passed(
            f"kernel {running} is the newest in /boot", f"{asked}: no reboot asked for", *daemons
        )
    return verdict.failed(
        observed="; ".join(faults),
        expected="the newest installed kernel, and no program or library that was replaced",
        origin="the host's /boot, /run and /proc",
        remedy=_restart(only_daemon=len(faults) == len(deleted)),
    )


def _restart(*, only_daemon: bool) -> Remedy:
    if only_daemon:
        return Remedy(
            command="systemctl restart lxd || systemctl restart snap.lxd.daemon",
            note="instances go on meanwhile",
        )
    return Remedy(command="systemctl reboot", note="stops every instance")
