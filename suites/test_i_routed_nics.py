"""Routed NIC security: the host's side of the pair."""

from __future__ import annotations

from pytest_lxdsec import ra, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.nics import Nic
from pytest_lxdsec.verdict import NotApplicable, Verdict

SECTION = "routed-nic-security"


@control(
    "LXD-RTD-01",
    title="The host's side of a routed NIC takes no router advertisement",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="LXD turns it off for each pair; whoever turns it on again lets the instance route.",
)
def test_routed_pair_ignores_router_advertisements(
    lxd_nic: Nic, lxd_evidence: Evidence
) -> Verdict:
    if lxd_nic.nictype != "routed":
        raise NotApplicable(f"{lxd_nic.key} is a {lxd_nic.nictype or 'NIC of unknown type'}")
    if not lxd_nic.instance.is_running:
        raise NotApplicable(f"{lxd_nic.instance.key} does not run: the pair does not exist")
    stack, name = lxd_evidence.network, lxd_nic.host_name
    if not stack.has_ipv6:
        return verdict.passed("the host has no IPv6")
    value = ra.setting(ra.interface(stack, name), "accept_ra")
    if value == 0:
        return verdict.passed(f"accept_ra of {name} is 0")
    return verdict.failed(
        observed=f"accept_ra of {name} is {value}",
        expected="0, as LXD sets it when the NIC starts",
        origin=f"the kernel (net.ipv6.conf.{name})",
        remedy=ra.remedy(name, flush=False),
    )
