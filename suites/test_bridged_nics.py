"""Bridged NIC security: who may say what on the bridge."""

from __future__ import annotations

import shlex

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
from pytest_lxdsec.inventory import bridge_port, config_origin
from pytest_lxdsec.inventory.bridge_port import IPV4, IPV6, MAC, Family, Port
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.lxd import config_values
from pytest_lxdsec.verdict import NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"


@control(
    "LXD-BRI-01",
    title="One dnsmasq serves the bridge, LXD's own, and it is not root",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Whoever else answers there names the instances; and all of them speak to it.",
)
def test_bridge_is_served_by_lxd(lxd_network: Network, lxd_evidence: Evidence) -> Verdict:
    _require_dnsmasq(lxd_network)
    facts = lxd_evidence.name_servers
    faults = tuple(dnsmasq_processes.faults(facts, lxd_network))
    if not faults:
        return verdict.passed(dnsmasq_processes.seen(facts, lxd_network))
    return verdict.failed(
        observed="; ".join(faults),
        expected="one dnsmasq, which LXD started, with the rights of nobody",
        origin="the host's processes",
        remedy=dnsmasq_processes.remedy(facts, lxd_network),
    )


def _require_dnsmasq(network: Network) -> None:
    if network.type != "bridge":
        raise NotApplicable(f"{network.key} is a {network.type} network")
    if not dns_naming.has_server(network):
        raise NotApplicable(f"{network.key} has no address, and so no dnsmasq")


@control(
    "LXD-BRI-02",
    title="Names of instances come from LXD, not from their DHCP requests",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="An instance that names itself takes another's name, and whoever asks for it.",
)
def test_names_come_from_lxd(lxd_network: Network) -> Verdict:
    _require_dnsmasq(lxd_network)
    faults, keys = dns_naming.faults(lxd_network)
    if not faults:
        return verdict.passed(*dns_naming.seen(lxd_network))
    name = shlex.quote(lxd_network.name)
    return verdict.failed(
        observed="; ".join(faults),
        expected="dns.mode managed (LXD's default) or none, and a raw.dnsmasq that names nobody",
        origin=f"network {lxd_network.key}",
        remedy=Remedy(command=" && ".join(f"lxc network unset {name} {key}" for key in keys)),
    )


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
    on = [
        key
        for key in bridge_port.FILTERS
        if config_values.boolean(lxd_nic.config, key, default=False)
    ]
    if on:
        return verdict.passed(*(f"{key} is {lxd_nic.config[key]!r}" for key in on))
    origin = config_origin.of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    value = lxd_nic.config.get(MAC)
    return verdict.failed(
        observed=f"{MAC} is {'not set' if value is None else f'{value!r}, which is off for LXD'}",
        expected="security.mac_filtering, or an IP filter, which brings it",
        origin=origin.text,
        remedy=Remedy(
            command=origin.configured.set_device(lxd_nic.device, {MAC: "true"}),
            touches=len(origin.users),
        ),
    )


@control(
    "LXD-BRI-04",
    title="IPv4 filtering is on where the bridge carries IPv4",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it an instance takes another's IPv4 address, or the gateway's, by ARP.",
)
def test_ipv4_filtering_is_on(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    return _ip_filtering(lxd_nic, lxd_evidence, IPV4)


@control(
    "LXD-BRI-05",
    title="IPv6 filtering is on where the bridge carries IPv6",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Without it an instance takes any IPv6 address, and makes itself the router.",
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
        told += f", and the NIC has no {family.title} address: all of it is dropped"
    return verdict.passed(told)


def _unfiltered(nic: Nic, evidence: Evidence, port: Port, family: Family) -> Verdict:
    why = bridge_port.carries(port, family)
    if not why:
        raise NotApplicable(f"{nic.parent} carries no {family.title}")
    value = nic.config.get(family.filtering)
    origin = config_origin.of_device(evidence, nic.instance, nic.device)
    settings = enable_filters.settings(port, family.filtering)
    told = "not set" if value is None else f"{value!r}, which is off for LXD"
    return verdict.failed(
        observed=f"{family.filtering} is {told}; {why}",
        expected=f"{family.filtering} on",
        origin=origin.text,
        remedy=Remedy(
            command=origin.configured.set_device(
                nic.device, dict(one.split("=", 1) for one in settings)
            ),
            touches=len(origin.users),
            note=enable_filters.advice(port, family.filtering),
        ),
    )


def _wide(nic: Nic, evidence: Evidence, wide: tuple[extra_routes.Wide, ...]) -> Verdict:
    origin = config_origin.of_device(evidence, nic.instance, nic.device)
    return verdict.failed(
        observed="; ".join(f"{w.key} has {w.route}: it may send as {w.who}" for w in wide),
        expected="routes of addresses that are the instance's alone",
        origin=origin.text,
        remedy=Remedy(
            command=origin.configured.set_device(
                nic.device, dict(one.split("=", 1) for one in extra_routes.narrowed(wide))
            ),
            touches=len(origin.users),
        ),
    )


@control(
    "LXD-BRI-10",
    title="The NIC is of a kind that LXD can filter",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="The filters are rules of a Linux bridge; a NIC that plugs into none has none.",
)
def test_nic_can_be_filtered(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if lxd_nic.nictype == nic_types.ROUTED:
        raise NotApplicable(f"{lxd_nic.key} is routed, and held by the kernel's reverse path")
    why = nic_types.why_unfiltered(lxd_evidence, lxd_nic)
    if not why:
        return verdict.passed(f"{lxd_nic.key} is bridged, on the Linux bridge {lxd_nic.parent}")
    origin = config_origin.of_device(lxd_evidence, lxd_nic.instance, lxd_nic.device)
    return verdict.failed(
        observed=f"a {lxd_nic.nictype} NIC: {why}",
        expected="a NIC on a Linux bridge, where LXD can filter",
        origin=origin.text,
        remedy=nic_types.replace(lxd_evidence, lxd_nic, origin),
    )


@control(
    "LXD-BRI-11",
    title="A profile that brings a bridged NIC brings its filters",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Then the next instance is protected too, without anybody thinking of it.",
)
def test_profile_brings_the_filters(lxd_profile: Profile, lxd_evidence: Evidence) -> Verdict:
    ports = bridge_port.of_profile(lxd_evidence, lxd_profile)
    if not ports:
        raise NotApplicable(f"{lxd_profile.key} brings no bridged NIC")
    lacking = {device: bridge_port.lacks(port) for device, port in ports.items()}
    wide = {device: _widened(port) for device, port in ports.items()}
    if not any(lacking.values()) and not any(wide.values()):
        return verdict.passed(*(f"{device}: {bridge_port.told(p)}" for device, p in ports.items()))
    observed = [f"{device} is without {' and '.join(k)}" for device, k in lacking.items() if k]
    observed += [
        f"{device} has {w.route} in {w.key}: it may send as {w.who}"
        for device, routes in wide.items()
        for w in routes
    ]
    return verdict.failed(
        observed="; ".join(observed),
        expected="the filters of MAC and of what the bridge carries",
        origin=f"profile {lxd_profile.key}",
        remedy=enable_filters.fill(lxd_profile, ports, lacking, wide),
    )


def _widened(port: Port) -> tuple[extra_routes.Wide, ...]:
    on = [family for family in bridge_port.FAMILIES if port.is_on(family.filtering)]
    return tuple(w for family in on for w in extra_routes.wide(port, family))
