"""Supported versions: whose fixes can still arrive."""

from __future__ import annotations

from pytest_lxdsec import verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Server
from pytest_lxdsec.inventory import packaging
from pytest_lxdsec.lxd import versions
from pytest_lxdsec.lxd.versions import Releases, Support, SupportKind
from pytest_lxdsec.verdict import CannotTell, Manual, NotApplicable, Remedy, Verdict

SECTION = "supported-versions"


def _support(server: Server, evidence: Evidence, releases: Releases) -> Support:
    text = server.environment.server_version
    try:
        return versions.judge_series(versions.parse(text), releases, evidence.now.date())
    except ValueError as error:
        raise CannotTell(str(error)) from error


def _source(releases: Releases, support: Support) -> str:
    notice = ", more than a year old: see --lxd-releases" if support.is_by_old_data else ""
    return f"release data of {releases.as_of}{notice}"


@control(
    "LXD-VER-01",
    title="The LXD series is supported",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An unsupported series gets no fix for the next vulnerability.",
)
def test_series_is_supported(
    lxd_server: Server, lxd_evidence: Evidence, lxd_releases: Releases
) -> Verdict:
    support = _support(lxd_server, lxd_evidence, lxd_releases)
    seen = f"LXD {support.version} is a {support.kind.value}"
    source = _source(lxd_releases, support)
    match support.kind:
        case SupportKind.SUPPORTED_LTS:
            return verdict.passed(f"{seen} until {support.ends} ({source})")
        case SupportKind.LATEST_FEATURE if not support.is_by_old_data:
            return verdict.passed(f"{seen} ({source})")
        case SupportKind.LATEST_FEATURE | SupportKind.NEWER_THAN_DATA:
            raise Manual(f"{seen} ({source}): see LXD's releases page")
        case SupportKind.ENDED | SupportKind.OLD_FEATURE:
            _refuse_extended_support(support, lxd_server, lxd_evidence)
            return verdict.failed(
                observed=f"{seen}{f', on {support.ends}' if support.ends else ''}",
                expected="a supported LTS series, or the latest feature release",
                origin="the server's version (GET /1.0)",
                remedy=lambda: Remedy(
                    command=f"snap refresh lxd --channel={_newest_lts(lxd_releases)}/stable",
                    note="or the distribution's package of a supported series",
                ),
            )


def _refuse_extended_support(support: Support, server: Server, evidence: Evidence) -> None:
    """Ubuntu Pro brings fixes for longer; what a subscription covers, its owner knows."""
    if support.pro_until and not _is_without_pro(server, evidence):
        raise Manual(
            f"LXD {support.version} is a {support.kind.value}, on {support.ends}; Ubuntu Pro "
            f"supports it until {support.pro_until}: see pro status on its host"
        )


def _is_without_pro(server: Server, evidence: Evidence) -> bool:
    """Return whether it was seen that the server's host has no Ubuntu Pro."""
    own = evidence.server.environment.server_name
    if server.environment.server_name != own or evidence.absent("host.os"):
        return False
    system = evidence.operating_system
    return not system.is_ubuntu or system.has_pro is False


def _newest_lts(releases: Releases) -> str:
    return max(releases.lts.values(), key=lambda series: series.released).latest.series


@control(
    "LXD-VER-02",
    title="The latest bugfix release of the series runs",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="In a supported series, only the newest release has all fixes.",
)
def test_latest_bugfix_release_runs(
    lxd_server: Server, lxd_evidence: Evidence, lxd_releases: Releases
) -> Verdict:
    support = _support(lxd_server, lxd_evidence, lxd_releases)
    source = _source(lxd_releases, support)
    if support.kind is not SupportKind.SUPPORTED_LTS:
        raise NotApplicable(f"LXD {support.version} is not a release of a supported LTS series")
    if support.is_newer_than_data:
        raise Manual(f"LXD {support.version} is newer than {source}")
    if support.is_latest_bugfix and support.is_by_old_data:
        raise Manual(f"LXD {support.version} was the newest of its series ({source})")
    if support.is_latest_bugfix:
        return verdict.passed(f"LXD {support.version} is the newest of its series ({source})")
    _refuse_distribution_build(lxd_evidence, lxd_server, support.version)
    return verdict.failed(
        observed=f"LXD {support.version} is older than {support.latest}",
        expected=f"{support.latest}, the newest of the series ({source})",
        origin="the server's version (GET /1.0)",
        remedy=lambda: Remedy(command="snap refresh lxd"),
    )


def _refuse_distribution_build(
    evidence: Evidence, server: Server, version: versions.Version
) -> None:
    """Leave a distribution's build to its package manager, which knows the missing fixes."""
    package = packaging.distribution_package(evidence, server, version)
    if package:
        raise NotApplicable(
            f"package lxd {package} is the distribution's build with its own fixes: "
            "LXD-OS-01 checks whether one is missing"
        )


@control(
    "LXD-VER-03",
    title="All members of the cluster run the same version",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A member with an older version lacks the fixes of the others.",
)
def test_members_run_the_same_version(lxd_server: Server, lxd_evidence: Evidence) -> Verdict:
    if not lxd_server.environment.server_clustered:
        raise NotApplicable("the server is not a cluster member")
    running = _running(lxd_evidence)
    seen = ", ".join(f"{name} runs {version}" for name, version in sorted(running.items()))
    if len(set(running.values())) == 1:
        return verdict.passed(seen)
    newest = max(running.values())
    behind = sorted(name for name, version in running.items() if version < newest)
    return verdict.failed(
        observed=seen,
        expected=f"{newest} on every member",
        origin="each member's version (GET /1.0)",
        remedy=lambda: Remedy(
            command="snap refresh lxd --cohort=+",
            touches=len(behind),
            note=f"on {', '.join(behind)}; or the distribution's package, on each of them",
        ),
    )


def _running(evidence: Evidence) -> dict[str, versions.Version]:
    """Return every member's version.

    Raises:
        CannotTell: one has not told it, or not in a way that can be read.
    """
    found = {}
    for server in evidence.servers.complete():
        try:
            version = versions.parse(server.environment.server_version)
        except ValueError as error:
            raise CannotTell(str(error)) from error
        found[server.environment.server_name] = version
    missing = {member.server_name for member in evidence.members.complete()} - {*found}
    if missing or not found:
        raise CannotTell(f"which version {', '.join(sorted(missing)) or 'runs'} is not known")
    return found
