"""Routed NIC security: the host's side of the pair."""

from __future__ import annotations

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.routed_nics import host_routes, probe_packets, rp_filter
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.trial_facts import RoutedTrial
from pytest_lxdsec.inventory import accept_ra, containers, nic_settings, remedies
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "routed-nic-security"


def _require_pair(nic: Nic, evidence: Evidence) -> None:
    """Let only NICs through whose pair is on the host that was asked."""
    if nic.nictype != "routed":
        raise NotApplicable(f"{nic.key} is a {nic.nictype or 'NIC of unknown type'}")
    if not nic.instance.is_running:
        raise NotApplicable(f"{nic.instance.key} is not running, so the veth pair does not exist")
    if not containers.is_here(evidence, nic.instance):
        raise CannotTell(
            f"{nic.instance.key} runs on cluster member {nic.instance.location}: "
            "add that member's host with --lxd-host"
        )


@control(
    "LXD-RTD-01",
    title="The host side of a routed NIC accepts no router advertisements",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="LXD disables it for each pair; if it is enabled again, the instance can set the "
    "host's routes.",
)
def test_routed_pair_ignores_router_advertisements(
    lxd_nic: Nic, lxd_evidence: Evidence
) -> Verdict:
    _require_pair(lxd_nic, lxd_evidence)
    stack, name = lxd_evidence.network, lxd_nic.host_name
    if not stack.has_ipv6:
        return verdict.passed("the host has no IPv6")
    value = accept_ra.setting(accept_ra.interface(stack, name), "accept_ra")
    if value == 0:
        return verdict.passed(f"accept_ra of {name} is 0")
    return verdict.failed(
        observed=f"accept_ra of {name} is {value}",
        expected="0, which LXD sets when the NIC starts",
        origin=f"the kernel (net.ipv6.conf.{name})",
        remedy=lambda: accept_ra.remedy(name),
    )


@control(
    "LXD-RTD-02",
    title="The host drops packets with spoofed sources from a routed NIC",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Without it, the instance can use any source address, including the host's own.",
)
def test_spoofed_sources_are_dropped(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    _require_pair(lxd_nic, lxd_evidence)
    stack = lxd_evidence.network
    mode, settings = rp_filter.effective(stack, lxd_nic.host_name)
    versions = (4, 6) if stack.has_ipv6 else (4,)
    found = {v: rp_filter.spoofed(lxd_evidence, lxd_nic, v) for v in versions}
    open_to = [rp_filter.TITLES[v] for v, told in found.items() if told.is_accepted]
    if mode == rp_filter.STRICT and not open_to:
        rules = (f"{rp_filter.TITLES[v]}: {told.reason}" for v, told in found.items())
        return verdict.passed(f"rp_filter is 1 ({settings})", *rules)
    observed = [f"no rule drops spoofed {title} of {lxd_nic.host_name}" for title in open_to]
    if mode != rp_filter.STRICT:
        observed.append(f"rp_filter in force is {mode} ({settings})")
    return verdict.failed(
        observed="; ".join(observed),
        expected="rp_filter 1 in force, and LXD's rule for the interface for IPv4 and IPv6",
        origin="the kernel (packet filter, net.ipv4.conf)",
        remedy=lambda: rp_filter.remedy(
            lxd_evidence, lxd_nic, rule=bool(open_to), setting=mode != rp_filter.STRICT
        ),
    )


@control(
    "LXD-RTD-03",
    title="The host routes only the NIC's own addresses to a routed NIC",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="The instance receives the packets of every other route and may use its addresses "
    "as sources.",
)
def test_routes_are_those_of_the_nic(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    _require_pair(lxd_nic, lxd_evidence)
    found = host_routes.ways(lxd_evidence, lxd_nic)
    if not found.texts:
        routes = [one.text for one in host_routes.wanted(lxd_nic)] or ["no address and no route"]
        return verdict.passed(f"{lxd_nic.host_name} has: {', '.join(routes)}")
    return verdict.failed(
        observed=f"{lxd_nic.host_name}: {'; '.join(found.texts)}",
        expected="one route to each address of the NIC, and no others",
        origin="the kernel (routing tables)",
        remedy=lambda: host_routes.remedy(found, lxd_nic),
    )


@control(
    "LXD-RTD-04",
    title="Packets with spoofed sources sent from a probe instance are dropped",
    severity=Severity.HIGH,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Only an attempt shows that the reverse-path rule holds.",
)
def test_foreign_sources_get_nowhere(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype != "routed":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    trial = _trial(lxd_evidence, lxd_nic)
    through = probe_packets.got_through(trial)
    tried = len(trial.packets) - len(trial.families)
    if not through:
        return verdict.passed(
            f"of {tried} spoofed sources, sent from a probe NIC on the same parent, none got "
            "through, and its own addresses did"
        )
    running_now = lxd_nic.instance.is_running
    return verdict.failed(
        observed=f"{len(through)} of {tried} packets with a spoofed source got through",
        expected="no packet with a spoofed source at the host",
        origin="the kernel; tried with a probe NIC on the same parent",
        remedy=lambda: Remedy(
            command=remedies.restart_command(lxd_nic.instance)
            if running_now
            else "nft list ruleset",
            note="first stop the program that removes LXD's rules from the kernel or resets "
            "rp_filter: "
            "the rules of a newly created NIC had no effect either",
        ),
        details=tuple(f"from {packet.source} ({packet.role})" for packet in through),
    )


def _trial(evidence: Evidence, nic: Nic) -> RoutedTrial:
    trials = evidence.trials
    if not containers.is_here(evidence, nic.instance):
        raise CannotTell(
            f"{nic.instance.key} is on another cluster member: add that host with --lxd-host"
        )
    setting = nic_settings.routed(nic)
    if not setting.families:
        raise NotApplicable(f"{nic.key} has no address, so no source is its own")
    wanted = (setting.parent, setting.vlan, setting.families)
    for trial in trials.routed:
        if (trial.parent, trial.vlan, trial.families) == wanted:
            return trial
    raise CannotTell(f"the parent of {nic.key} was not tried")
