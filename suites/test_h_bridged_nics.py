"""Bridged NIC security: who may say what on the bridge."""

from __future__ import annotations

import shlex

from pytest_lxdsec import (
    falsenames,
    lxdconf,
    nicsettings,
    origins,
    ra,
    running,
    spoofing,
    verdict,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.evidence.tried import BridgedTrial, NamesTrial
from pytest_lxdsec.nics import Nic
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"
MAC = "security.mac_filtering"
NFT_LIST = "nft list ruleset"
# Each of the three brings the filter of the source MAC: lxd/device/nic_bridged.go, setFilters.
FILTERS = (MAC, "security.ipv4_filtering", "security.ipv6_filtering")


@control(
    "LXD-BRI-03",
    title="MAC filtering is on",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it an instance takes another's MAC address, and with it its traffic.",
)
def test_mac_filtering_is_on(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype != "bridged":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    on = [key for key in FILTERS if lxdconf.boolean(lxd_nic.config, key, default=False)]
    if on:
        return verdict.passed(*(f"{key} is {lxd_nic.config[key]!r}" for key in on))
    origin = origins.of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    value = lxd_nic.config.get(MAC)
    return verdict.failed(
        observed=f"{MAC} is {'not set' if value is None else f'{value!r}, which is off for LXD'}",
        expected="security.mac_filtering, or an IP filter, which brings it",
        origin=origin.text,
        remedy=Remedy(
            command=origin.device_command("set", lxd_nic.device, f"{MAC}=true"),
            touches=len(origin.users),
        ),
    )


@control(
    "LXD-BRI-09",
    title="The host takes no route from router advertisements on the bridge",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An instance that sends one becomes the host's way to the IPv6 internet.",
)
def test_host_ignores_router_advertisements(
    lxd_network: Network, lxd_evidence: Evidence
) -> Verdict:
    if lxd_network.type != "bridge":
        raise NotApplicable(f"{lxd_network.key} is a {lxd_network.type} network")
    stack = lxd_evidence.network
    if not stack.has_ipv6:
        return verdict.passed("the host has no IPv6")
    interface = ra.interface(stack, lxd_network.name)
    learnt = [r for r in stack.learnt_routes if r.interface == lxd_network.name]
    accepts, why = ra.accepts(interface)
    if not accepts and not learnt:
        return verdict.passed(f"{lxd_network.name}: {why}; no route was learnt from it")
    if accepts and not learnt and _all_filtered(lxd_evidence, lxd_network):
        raise CannotTell(
            f"{lxd_network.name}: {why}; every NIC on it has ipv6_filtering, but whether the "
            "rules in the kernel drop advertisements was not seen"
        )
    routes = "".join(f"; route to {r.to} via {r.via} was learnt" for r in learnt)
    return verdict.failed(
        observed=f"{lxd_network.name}: {why}{routes}",
        expected="accept_ra 0, or 1 with forwarding on, and no route learnt",
        origin=f"the kernel (net.ipv6.conf.{lxd_network.name}, routing table)",
        remedy=ra.remedy(lxd_network.name, flush=bool(learnt)),
    )


def _all_filtered(evidence: Evidence, network: Network) -> bool:
    devices = [
        device
        for instance in evidence.instances.complete()
        for device in instance.expanded_devices.values()
        if device.get("type") == "nic"
        and network.name in (device.get("network"), device.get("parent"))
    ]
    key = "security.ipv6_filtering"
    return bool(devices) and all(lxdconf.boolean(d, key, default=False) for d in devices)


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
    if not nicsettings.filters(lxd_nic):
        raise NotApplicable(
            f"{lxd_nic.key} has no filter, and without one the guide promises nothing: LXD-BRI-03"
        )
    trial = _trial(lxd_evidence, lxd_nic)
    seen = spoofing.judge(trial, lxd_evidence.server.environment.firewall)
    if not seen.offences:
        return verdict.passed(
            f"of {seen.pretending} kinds of frames that pretend, sent by a throw-away NIC with "
            f"the same filters on {trial.network}, none reached the host or another instance",
            f"{seen.legitimate} kinds of its own arrived",
        )
    origin = origins.of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    return verdict.failed(
        observed=_got_through(seen),
        expected="none of them reaches the host or another instance",
        origin=f"{origin.text}; tried by a throw-away NIC with the same filters",
        remedy=_remedy(lxd_evidence, lxd_nic, origin, seen),
        details=tuple(offence.text for offence in seen.offences),
    )


def _trial(evidence: Evidence, nic: Nic) -> BridgedTrial:
    trials = evidence.trials
    if not running.is_here(evidence, nic.instance):
        raise CannotTell(f"{nic.instance.key} is on another cluster member: name that host")
    setting = nicsettings.bridged(nic, nicsettings.managed(evidence.networks.complete()))
    wanted = (setting.network, setting.filters, setting.without)
    for trial in trials.bridged:
        if (trial.network, trial.filters, trial.without) == wanted:
            return trial
    raise CannotTell(f"the filters of {nic.key} were not tried on {setting.network}")


def _got_through(seen: spoofing.Seen) -> str:
    gaps = sorted({offence.gap for offence in seen.offences if offence.gap})
    faults = [offence for offence in seen.offences if not offence.gap]
    said = f"{len(seen.offences)} of {seen.pretending} kinds of frames that pretend got through"
    if faults:
        return f"{said}; no known gap of LXD's explains {len(faults)} of them"
    return (
        f"{said}, by gaps that are LXD's own and not the configuration's ({', '.join(gaps)}; see "
        "SECURITY.md)"
    )


def _remedy(evidence: Evidence, nic: Nic, origin: origins.Origin, seen: spoofing.Seen) -> Remedy:
    if not all(offence.gap for offence in seen.offences):
        return Remedy(
            command=origins.restart(nic.instance) if nic.instance.is_running else NFT_LIST,
            note="first end whatever takes LXD's rules out of the kernel or leads round them: "
            "a NIC that was made a moment before was not held by them either",
        )
    networks = nicsettings.managed(evidence.networks.complete())
    settings = nicsettings.held_for_sure(nic)
    command = origin.device_command("set", nic.device, *settings)
    network = networks.get(nic.parent)
    if network is not None and not nicsettings.gives_addresses(network, "ipv4"):
        command = f"{nicsettings.give_ipv4(network)} && {command}"
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
    if not nicsettings.gives_addresses(lxd_network, "ipv4"):
        raise NotApplicable(f"{lxd_network.key} gives no addresses by DHCP")
    trial = _names_trial(lxd_evidence, lxd_network)
    found = falsenames.faults(trial)
    mode = f"dns.mode is {trial.mode or 'managed, its default'}"
    if not found:
        return verdict.passed(
            f"{lxd_network.name}: neither a name given by an instance nor one given under a "
            f"foreign hardware address became a record ({mode})",
        )
    # Only without names there are no false ones, where LXD takes those of strangers.
    mended = falsenames.SILENT if falsenames.Fault.FOREIGN in found else "managed"
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
