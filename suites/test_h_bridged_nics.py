"""Bridged NIC security: who may say what on the bridge."""

from __future__ import annotations

from pytest_lxdsec import lxdconf, origins, ra, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.nics import Nic
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"
MAC = "security.mac_filtering"
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
