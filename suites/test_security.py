"""The guide's opening list: the operating system under LXD."""

from __future__ import annotations

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.operating_system import pending_restarts, pending_updates, vendor_support
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Remedy, Verdict

SECTION = "security"


@control(
    "LXD-OS-01",
    title="No security update is pending on the host",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A vulnerability in the host's kernel or libraries can bypass all of LXD's "
    "isolation.",
)
def test_no_security_update_is_pending(lxd_evidence: Evidence, lxd_policy: Policy) -> Verdict:
    waiting = pending_updates.pending(lxd_evidence.packages)
    age = waiting.age(lxd_evidence.now, lxd_policy.index_max_age_days)
    if not waiting.told:
        return verdict.passed(f"no security update is pending; the package index is {age} old")
    return verdict.failed(
        observed=waiting.text,
        expected="all security updates of the distribution installed",
        origin=waiting.origin,
        remedy=waiting.repair,
        details=waiting.details,
        lasting=waiting.told,
    )


@control(
    "LXD-OS-02",
    title="The host's operating system is supported by its vendor",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A release gets no security fixes after its support has ended.",
)
def test_operating_system_is_supported(lxd_evidence: Evidence) -> Verdict:
    system = lxd_evidence.operating_system
    support = vendor_support.support(system, lxd_evidence.distribution)
    if lxd_evidence.now.date() <= support.ends:
        return verdict.passed(f"{system.title} is supported until {support.ends}")
    return verdict.failed(
        observed=f"support of {system.title} ended on {support.ends}",
        expected="a release that its vendor still supports",
        origin=support.source,
        remedy=lambda: Remedy(
            command="do-release-upgrade || { apt-get update && apt-get dist-upgrade; }",
            note="do-release-upgrade is for Ubuntu; elsewhere, set the next release in the "
            "package "
            "sources first",
        ),
    )


@control(
    "LXD-OS-03",
    title="The running kernel, LXD and its libraries are the installed ones",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An update has no effect until the updated program or kernel is started again.",
)
def test_what_is_installed_runs(lxd_evidence: Evidence) -> Verdict:
    if not lxd_evidence.daemons:
        raise CannotTell("no LXD daemon of this host was found")
    boot, system = lxd_evidence.restarts, lxd_evidence.operating_system
    of_daemons = list(pending_restarts.of_daemons(lxd_evidence.daemons, boot))
    faults = of_daemons + list(pending_restarts.of_kernel(system, boot, is_known=bool(of_daemons)))
    if not faults:
        return verdict.passed(*pending_restarts.seen(lxd_evidence.daemons, system, boot))
    return verdict.failed(
        observed="; ".join(faults),
        expected="the newest installed kernel, and no replaced program or library in use",
        origin="the host's /boot, /run, /snap and /proc",
        remedy=lambda: _restart(only_daemon=len(faults) == len(of_daemons)),
        details=pending_restarts.in_full(lxd_evidence.daemons, boot),
    )


def _restart(*, only_daemon: bool) -> Remedy:
    if only_daemon:
        return Remedy(
            command="systemctl restart lxd || systemctl restart snap.lxd.daemon",
            note="instances keep running",
        )
    return Remedy(command="systemctl reboot", note="stops every instance")
