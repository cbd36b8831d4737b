"""Bridged NIC security, tried: throw-away instances of our own send what they must not."""

from __future__ import annotations

import shlex

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.bridged_nics import probe_dns, probe_frames
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.evidence.trial_facts import BridgedTrial, NamesTrial
from pytest_lxdsec.inventory import config_origin, containers, nic_settings, remedies
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"
NFT_LIST = "nft list ruleset"


@control(
    "LXD-BRI-12",
    title="Frames that pretend get nowhere when they are really sent",
    severity=Severity.HIGH,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Whether a filter holds is known when somebody has tried to get past it.",
)
def test_pretending_frames_get_nowhere(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype != "bridged":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    if not nic_settings.filters(lxd_nic):
        raise NotApplicable(
            f"{lxd_nic.key} has no filter, and without one the guide promises nothing: LXD-BRI-03"
        )
    trial = _trial(lxd_evidence, lxd_nic)
    seen = probe_frames.judge(trial, lxd_evidence.server.environment.firewall)
    if not seen.offences:
        return verdict.passed(
            f"of {seen.pretending} kinds of frames that pretend, sent by a throw-away NIC with "
            f"the same filters on {trial.network}, none reached the host or another instance",
            f"{seen.legitimate} kinds of its own arrived",
        )
    origin = config_origin.of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    return verdict.failed(
        observed=_got_through(seen),
        expected="none of them reaches the host or another instance",
        origin=f"{origin.text}; tried by a throw-away NIC with the same filters",
        remedy=_remedy(lxd_evidence, lxd_nic, origin, seen),
        details=tuple(offence.text for offence in seen.offences),
    )


def _trial(evidence: Evidence, nic: Nic) -> BridgedTrial:
    trials = evidence.trials
    if not containers.is_here(evidence, nic.instance):
        raise CannotTell(f"{nic.instance.key} is on another cluster member: name that host")
    setting = nic_settings.bridged(nic, nic_settings.managed(evidence.networks.complete()))
    wanted = (setting.network, setting.filters, setting.without)
    for trial in trials.bridged:
        if (trial.network, trial.filters, trial.without) == wanted:
            return trial
    raise CannotTell(f"the filters of {nic.key} were not tried on {setting.network}")


def _got_through(seen: probe_frames.Seen) -> str:
    gaps = sorted({offence.gap for offence in seen.offences if offence.gap})
    faults = [offence for offence in seen.offences if not offence.gap]
    said = f"{len(seen.offences)} of {seen.pretending} kinds of frames that pretend got through"
    if faults:
        return f"{said}; no known gap of LXD's explains {len(faults)} of them"
    return (
        f"{said}, by gaps that are LXD's own and not the configuration's ({', '.join(gaps)}; see "
        "SECURITY.md)"
    )


def _remedy(
    evidence: Evidence, nic: Nic, origin: config_origin.Origin, seen: probe_frames.Seen
) -> Remedy:
    if not all(offence.gap for offence in seen.offences):
        return Remedy(
            command=remedies.restart_command(nic.instance)
            if nic.instance.is_running
            else NFT_LIST,
            note="first end whatever takes LXD's rules out of the kernel or leads round them: "
            "a NIC that was made a moment before was not held by them either",
        )
    networks = nic_settings.managed(evidence.networks.complete())
    settings = nic_settings.held_for_sure(nic)
    command = origin.configured.set_device(nic.device, dict(one.split("=", 1) for one in settings))
    network = networks.get(nic.parent)
    if network is not None and not nic_settings.gives_addresses(network, "ipv4"):
        command = f"{nic_settings.give_ipv4(network)} && {command}"
    return Remedy(
        command=command,
        touches=len(origin.users),
        note="takes IPv6 from these NICs, until LXD holds it; or accept the risk by a waiver",
    )


@control(
    "LXD-BRI-13",
    title="A false host name in a DHCP request does not become a DNS record",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Whoever takes another's name gets what was meant for the other.",
)
def test_false_names_become_no_records(lxd_network: Network, lxd_evidence: Evidence) -> Verdict:
    if lxd_network.type != "bridge":
        raise NotApplicable(f"{lxd_network.key} is a {lxd_network.type} network")
    if not nic_settings.gives_addresses(lxd_network, "ipv4"):
        raise NotApplicable(f"{lxd_network.key} gives no addresses by DHCP")
    trial = _names_trial(lxd_evidence, lxd_network)
    found = probe_dns.faults(trial)
    mode = f"dns.mode is {trial.mode or 'managed, its default'}"
    if not found:
        return verdict.passed(
            f"{lxd_network.name}: neither a name given by an instance nor one given under a "
            f"foreign hardware address became a record ({mode})",
        )
    # Only without names there are no false ones, where LXD takes those of strangers.
    mended = probe_dns.SILENT if probe_dns.Fault.FOREIGN in found else "managed"
    return verdict.failed(
        observed=f"{lxd_network.name}: {'; '.join(fault.value for fault in found)}",
        expected="names of instances only, whatever their requests say",
        origin=f"network {lxd_network.key}: {mode}; tried by a throw-away instance",
        remedy=Remedy(
            command=f"lxc network set {shlex.quote(lxd_network.name)} dns.mode={mended}",
            note="" if mended == "managed" else "then instances find each other by address only",
        ),
    )


def _names_trial(evidence: Evidence, network: Network) -> NamesTrial:
    for trial in evidence.trials.names:
        if trial.network == network.name:
            return trial
    raise CannotTell(f"no names were tried on {network.name}")
