"""Bridged NIC security: who may say what on the bridge."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.bridged_nics import (
    dns_naming,
    dnsmasq_processes,
    enable_filters,
    extra_routes,
    nic_types,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network, Profile
from pytest_lxdsec.inventory import bridge_port, config_origin, remedies
from pytest_lxdsec.inventory.bridge_port import IPV4, IPV6, MAC, Family, Port
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.lxd import config_values, lxc_commands
from pytest_lxdsec.verdict import NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"


@control(
    "LXD-BRI-01",
    title="Only LXD's own dnsmasq serves the bridge, and not as root",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Another DNS server on the bridge controls the names of all instances.",
)
def test_bridge_is_served_by_lxd(lxd_network: Network, lxd_evidence: Evidence) -> Verdict:
    _require_dnsmasq(lxd_network)
    facts = lxd_evidence.name_servers
    faults = tuple(dnsmasq_processes.faults(facts, lxd_network))
    if not faults:
        return verdict.passed(dnsmasq_processes.seen(facts, lxd_network))
    return verdict.failed(
        observed="; ".join(faults),
        expected="one dnsmasq process, started by LXD, that does not run as root",
        origin="the host's processes",
        remedy=lambda: dnsmasq_processes.remedy(facts, lxd_network),
    )


def _require_dnsmasq(network: Network) -> None:
    if network.type != "bridge":
        raise NotApplicable(f"{network.key} is a {network.type} network")
    if not dns_naming.has_server(network):
        raise NotApplicable(f"{network.key} has no address and therefore no dnsmasq")


@control(
    "LXD-BRI-02",
    title="DNS names of instances come from LXD, not from DHCP requests",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="An instance that chooses its own name can take over another instance's traffic.",
)
def test_names_come_from_lxd(lxd_network: Network) -> Verdict:
    _require_dnsmasq(lxd_network)
    faults, keys = dns_naming.faults(lxd_network)
    if not faults:
        return verdict.passed(*dns_naming.seen(lxd_network))
    return verdict.failed(
        observed="; ".join(faults),
        expected="dns.mode managed (LXD's default) or none, and a raw.dnsmasq without options "
        "that create names",
        origin=f"network {lxd_network.key}",
        remedy=lambda: lxc_commands.remedy(*map(_network(lxd_network).unset, keys)),
    )


@control(
    "LXD-BRI-03",
    title="MAC filtering is on",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it, an instance can use another's MAC address and receive its traffic.",
)
def test_mac_filtering_is_on(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype != "bridged":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    on = [
        key
        for key in bridge_port.FILTERS
        if config_values.boolean(lxd_nic.config, key, default=False)
    ]
    if on:
        return verdict.passed(*(f"{key} is {lxd_nic.config[key]!r}" for key in on))
    value = lxd_nic.config.get(MAC)
    return verdict.failed(
        observed=f"{MAC} is "
        f"{'not set' if value is None else f'{value!r}, which LXD reads as off'}",
        expected="security.mac_filtering on, or an IP filter, which includes it",
        origin=_source(lxd_evidence, lxd_nic),
        remedy=lambda: _set(lxd_evidence, lxd_nic, {MAC: "true"}),
    )


@control(
    "LXD-BRI-04",
    title="IPv4 filtering is on if the bridge carries IPv4",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it, an instance can claim another's IPv4 address or the gateway's by ARP.",
)
def test_ipv4_filtering_is_on(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    return _ip_filtering(lxd_nic, lxd_evidence, IPV4)


@control(
    "LXD-BRI-05",
    title="IPv6 filtering is on if the bridge carries IPv6",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it, an instance can use any IPv6 address and act as a router.",
)
def test_ipv6_filtering_is_on(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    return _ip_filtering(lxd_nic, lxd_evidence, IPV6)


def _ip_filtering(nic: Nic, evidence: Evidence, family: Family) -> Verdict:
    if nic.nictype != "bridged":
        raise NotApplicable(f"{nic.key} is a {nic.nictype or 'NIC of unknown type'}")
    port = bridge_port.port(evidence, nic.parent, nic.config)
    if not port.is_on(family.filtering):
        return _unfiltered(nic, evidence, port, family)
    wide = extra_routes.of_nic(evidence, nic, port, family)
    if wide:
        return _wide(nic, evidence, wide)
    told = f"{family.filtering} is {nic.config[family.filtering]!r}"
    if bridge_port.is_blocked(port, family):
        told += f", and the NIC has no {family.title} address: all its traffic is dropped"
    return verdict.passed(told)


def _unfiltered(nic: Nic, evidence: Evidence, port: Port, family: Family) -> Verdict:
    why = bridge_port.carries(port, family)
    if not why:
        raise NotApplicable(f"{nic.parent} carries no {family.title}")
    value = nic.config.get(family.filtering)
    told = "not set" if value is None else f"{value!r}, which LXD reads as off"
    return verdict.failed(
        observed=f"{family.filtering} is {told}; {why}",
        expected=f"{family.filtering} on",
        origin=_source(evidence, nic),
        remedy=lambda: _set(
            evidence,
            nic,
            enable_filters.settings(port, family.filtering),
            note=enable_filters.advice(port, family.filtering),
        ),
    )


def _wide(nic: Nic, evidence: Evidence, wide: tuple[extra_routes.Wide, ...]) -> Verdict:
    return verdict.failed(
        observed="; ".join(f"{w.key} has {w.route}: it may send as {w.who}" for w in wide),
        expected="only routes for addresses that belong to this instance",
        origin=_source(evidence, nic),
        remedy=lambda: _set(evidence, nic, extra_routes.narrowed(wide)),
    )


def _source(evidence: Evidence, nic: Nic) -> str:
    return config_origin.source_of_device(evidence, nic.instance, nic.device)


def _set(evidence: Evidence, nic: Nic, settings: Mapping[str, str], *, note: str = "") -> Remedy:
    return remedies.set_device(evidence, nic.instance, nic.device, settings, note=note)


def _network(network: Network) -> lxc_commands.Configured:
    return lxc_commands.network(network.name, project=network.project)


@control(
    "LXD-BRI-10",
    title="The NIC is of a type that LXD can filter",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="LXD's filters are rules on a Linux bridge and do not reach any other NIC.",
)
def test_nic_can_be_filtered(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype == nic_types.ROUTED:
        raise NotApplicable(
            f"{lxd_nic.key} is routed, and restricted by the kernel's reverse path filter"
        )
    why = nic_types.why_unfiltered(lxd_evidence, lxd_nic)
    if not why:
        return verdict.passed(f"{lxd_nic.key} is bridged, on the Linux bridge {lxd_nic.parent}")
    return verdict.failed(
        observed=f"a {lxd_nic.nictype} NIC: {why}",
        expected="a NIC on a Linux bridge",
        origin=_source(lxd_evidence, lxd_nic),
        remedy=lambda: nic_types.replace(lxd_evidence, lxd_nic),
    )


@control(
    "LXD-BRI-11",
    title="A profile with a bridged NIC enables its filters",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Instances that are created later are then protected as well.",
)
def test_profile_brings_the_filters(lxd_profile: Profile, lxd_evidence: Evidence) -> Verdict:
    ports = bridge_port.of_profile(lxd_evidence, lxd_profile)
    if not ports:
        raise NotApplicable(f"{lxd_profile.key} has no bridged NIC")
    lacking = {device: bridge_port.lacks(port) for device, port in ports.items()}
    wide = {device: _widened(port) for device, port in ports.items()}
    if not any(lacking.values()) and not any(wide.values()):
        return verdict.passed(*(f"{device}: {bridge_port.told(p)}" for device, p in ports.items()))
    observed = [f"{device} lacks {' and '.join(k)}" for device, k in lacking.items() if k]
    observed += [
        f"{device} has {w.route} in {w.key}: it may send as {w.who}"
        for device, routes in wide.items()
        for w in routes
    ]
    return verdict.failed(
        observed="; ".join(observed),
        expected="the MAC filter, and the filter of each protocol that the bridge carries",
        origin=f"profile {lxd_profile.key}",
        remedy=lambda: enable_filters.fill(lxd_profile, ports, lacking, wide),
    )


def _widened(port: Port) -> tuple[extra_routes.Wide, ...]:
    on = [family for family in bridge_port.FAMILIES if port.is_on(family.filtering)]
    return tuple(w for family in on for w in extra_routes.wide(port, family))
