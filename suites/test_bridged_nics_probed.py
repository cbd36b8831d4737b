"""Bridged NIC security, tried: throw-away instances of our own send what they must not."""

from __future__ import annotations

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.bridged_nics import probe_dns, probe_frames
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.evidence.trial_facts import BridgedTrial, NamesTrial
from pytest_lxdsec.inventory import config_origin, containers, nic_settings, remedies
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.lxd import lxc_commands
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"
NFT_LIST = "nft list ruleset"


@control(
    "LXD-BRI-12",
    title="Spoofed frames sent from a probe instance are dropped",
    severity=Severity.HIGH,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Only an attempt shows that a filter holds.",
)
def test_pretending_frames_get_nowhere(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype != "bridged":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    if not nic_settings.filters(lxd_nic):
        raise NotApplicable(
            f"{lxd_nic.key} has no filter, so the guide promises nothing: see LXD-BRI-03"
        )
    trial = _trial(lxd_evidence, lxd_nic)
    seen = probe_frames.judge(trial, lxd_evidence.server.environment.firewall)
    if not seen.violations:
        return verdict.passed(
            f"of {seen.pretending} kinds of spoofed frames, sent from a probe NIC with "
            f"the same filters on {trial.network}, none reached the host or another instance",
            f"{seen.legitimate} kinds of its own arrived",
        )
    source = config_origin.source_of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    return verdict.failed(
        observed=_got_through(seen),
        expected="no spoofed frame at the host or at another instance",
        origin=f"{source}; tried with a probe NIC that has the same filters",
        remedy=lambda: _remedy(lxd_evidence, lxd_nic, seen),
        details=tuple(violation.text for violation in seen.violations),
    )


def _trial(evidence: Evidence, nic: Nic) -> BridgedTrial:
    trials = evidence.trials
    if not containers.is_here(evidence, nic.instance):
        raise CannotTell(
            f"{nic.instance.key} is on another cluster member: add that host with --lxd-host"
        )
    setting = nic_settings.bridged(nic, nic_settings.managed(evidence.networks.complete()))
    wanted = (setting.network, setting.filters, setting.without)
    for trial in trials.bridged:
        if (trial.network, trial.filters, trial.without) == wanted:
            return trial
    raise CannotTell(f"the filters of {nic.key} were not tried on {setting.network}")


def _got_through(seen: probe_frames.Seen) -> str:
    gaps = sorted({violation.gap for violation in seen.violations if violation.gap})
    faults = [violation for violation in seen.violations if not violation.gap]
    said = f"{len(seen.violations)} of {seen.pretending} kinds of spoofed frames got through"
    if faults:
        return f"{said}; no known gap in LXD explains {len(faults)} of them"
    return (
        f"{said}: the gaps are in LXD itself, not in the configuration ({', '.join(gaps)}; see "
        "SECURITY.md)"
    )


def _remedy(evidence: Evidence, nic: Nic, seen: probe_frames.Seen) -> Remedy:
    if not all(violation.gap for violation in seen.violations):
        return Remedy(
            command=remedies.restart_command(nic.instance)
            if nic.instance.is_running
            else NFT_LIST,
            note="first stop the program that removes LXD's rules from the kernel or bypasses "
            "them: "
            "the rules of a newly created NIC had no effect either",
        )
    networks = nic_settings.managed(evidence.networks.complete())
    network = networks.get(nic.parent)
    lacks_ipv4 = network is not None and not nic_settings.gives_addresses(network, "ipv4")
    return remedies.set_device(
        evidence,
        nic.instance,
        nic.device,
        nic_settings.held_for_sure(nic),
        before=nic_settings.give_ipv4(network) if network is not None and lacks_ipv4 else "",
        note="removes IPv6 from these NICs until LXD filters it; or accept the risk with a waiver",
    )


@control(
    "LXD-BRI-13",
    title="A false host name in a DHCP request does not become a DNS record",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="An instance with another's DNS name receives that instance's traffic.",
)
def test_false_names_become_no_records(lxd_network: Network, lxd_evidence: Evidence) -> Verdict:
    if lxd_network.type != "bridge":
        raise NotApplicable(f"{lxd_network.key} is a {lxd_network.type} network")
    if not nic_settings.gives_addresses(lxd_network, "ipv4"):
        raise NotApplicable(f"{lxd_network.key} does not give addresses by DHCP")
    trial = _names_trial(lxd_evidence, lxd_network)
    found = probe_dns.faults(trial)
    mode = f"dns.mode is {trial.mode or 'managed, its default'}"
    if not found:
        return verdict.passed(
            f"{lxd_network.name}: neither a name in an instance's request nor one in a request "
            "with a "
            f"foreign hardware address became a DNS record ({mode})",
        )
    # Only without names there are no false ones, where LXD takes those of strangers.
    mended = probe_dns.SILENT if probe_dns.Fault.FOREIGN in found else "managed"
    return verdict.failed(
        observed=f"{lxd_network.name}: {'; '.join(fault.value for fault in found)}",
        expected="only the names of instances, independent of their requests",
        origin=f"network {lxd_network.key}: {mode}; tried with a probe instance",
        remedy=lambda: lxc_commands.remedy(
            lxc_commands.network(lxd_network.name, project=lxd_network.project).set(
                {"dns.mode": mended}
            ),
            note="" if mended == "managed" else "instances then reach each other only by address",
        ),
    )


def _names_trial(evidence: Evidence, network: Network) -> NamesTrial:
    for trial in evidence.trials.names:
        if trial.network == network.name:
            return trial
    raise CannotTell(f"no names were probed on {network.name}")
