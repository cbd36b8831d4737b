"""Bridged NIC security, in force: what the rules now in the kernel do to a NIC's frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.bridged_nics import (
    allowed_addresses,
    ra_filter,
    rules_in_force,
    workaround_rules,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.firewall.spoofing import guarantees, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import FilteredNic
from pytest_lxdsec.inventory import accept_ra, containers, nics
from pytest_lxdsec.inventory.nics import Nic
from pytest_lxdsec.lxd import config_values
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "bridged-nic-security"
IPV6_FILTER = "security.ipv6_filtering"


@control(
    "LXD-BRI-06",
    title="The kernel enforces the NIC's filters and passes its own traffic",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="LXD does not notice if its rules are flushed; the settings then have no effect.",
)
def test_kernel_drops_what_filters_forbid(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    held = allowed_addresses.held(lxd_evidence, lxd_nic)
    astray = rules_in_force.misplaced(lxd_evidence, lxd_nic, held)
    if astray:
        return _not_in_force(lxd_evidence, lxd_nic, astray)
    tried = rules_in_force.try_frames(lxd_evidence, held, rules_in_force.sources(held))
    violation = _certain(tried)
    if violation is None:
        return verdict.passed(f"{allowed_addresses.describe(held)}: {tried.count} frames tried")
    if violation.guarantee is guarantees.ARP_MAC and rules_in_force.falls_short(
        lxd_evidence, held
    ):
        return _falls_short(held, violation.guarantee, workaround_rules.own_arp)
    why = rules_in_force.explain(lxd_evidence, lxd_nic, held, violation)
    return _not_in_force(lxd_evidence, lxd_nic, f"{why}; {violation.text}")


def _certain(tried: rules_in_force.Tried) -> trial.Violation | None:
    """Return the frame that breaks a guarantee, or None.

    Raises:
        CannotTell: no frame was tried, or one may break a guarantee.
    """
    if not tried.count:
        raise CannotTell("no frame was tried")
    if tried.violation is not None and not tried.violation.is_certain:
        raise CannotTell(tried.violation.text)
    return tried.violation


def _not_in_force(evidence: Evidence, nic: Nic, observed: str) -> Verdict:
    return verdict.failed(
        observed=observed,
        expected="rules in the kernel that allow only the NIC's own MAC and IP addresses",
        origin="the kernel's packet filter; LXD's configuration enables the filters",
        remedy=lambda: rules_in_force.restore(evidence, nic),
    )


@control(
    "LXD-BRI-07",
    title="The kernel drops neighbour advertisements for foreign addresses",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="An instance that claims a neighbour's IPv6 address receives that neighbour's "
    "packets.",
)
def test_kernel_drops_foreign_advertisements(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    if not allowed_addresses.filters(lxd_nic).ipv6:
        raise NotApplicable(f"{lxd_nic.key} does not have security.ipv6_filtering")
    held = allowed_addresses.held(lxd_evidence, lxd_nic)
    return _promised(
        lxd_evidence, lxd_nic, held, guarantees.ADVERTISEMENTS, workaround_rules.own_advertisements
    )


@control(
    "LXD-BRI-08",
    title="A filtered protocol without an address is dropped entirely",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="A NIC without an address must not be able to use one in another encapsulation.",
)
def test_kernel_drops_all_without_address(lxd_nic: Nic, lxd_evidence: Evidence) -> Verdict:
    held = allowed_addresses.held(lxd_evidence, lxd_nic)
    asked = rules_in_force.without_address(held)
    if not asked:
        raise NotApplicable(f"{lxd_nic.key} has an address for every filtered protocol")
    return _promised(lxd_evidence, lxd_nic, held, asked, workaround_rules.known_ethertypes)


def _promised(
    evidence: Evidence,
    nic: Nic,
    held: FilteredNic,
    asked: Sequence[guarantees.Guarantee],
    stopgap: Callable[[FilteredNic], Remedy],
) -> Verdict:
    """Return a promise of the guide that LXD's own rules may fall short of."""
    astray = rules_in_force.misplaced(evidence, nic, held)
    if astray:
        return _not_in_force(evidence, nic, astray)
    tried = rules_in_force.try_frames(evidence, held, asked)
    violation = _certain(tried)
    if violation is None:
        return verdict.passed(f"{allowed_addresses.describe(held)}: {tried.count} frames tried")
    whole = _certain(rules_in_force.try_frames(evidence, held, rules_in_force.sources(held)))
    if whole is not None and not rules_in_force.falls_short(evidence, held):
        why = rules_in_force.explain(evidence, nic, held, whole)
        return _not_in_force(evidence, nic, f"{why} (see LXD-BRI-06)")
    lost = rules_in_force.lost(evidence, nic, held)
    if lost:
        return _not_in_force(evidence, nic, lost)
    return _falls_short(held, violation.guarantee, stopgap)


def _falls_short(
    held: FilteredNic, guarantee: guarantees.Guarantee, stopgap: Callable[[FilteredNic], Remedy]
) -> Verdict:
    """Return the finding that LXD's own rules do less than its guide promises."""
    return verdict.failed(
        observed=f"LXD's rules for {held.interface} are loaded, but they do not {guarantee.text}",
        expected=f"rules that {guarantee.text}, as LXD's guide promises",
        origin="LXD itself: its rules do less than its guide promises, with any configuration",
        remedy=lambda: stopgap(held),
    )


@control(
    "LXD-BRI-09",
    title="The host accepts no router advertisements on the bridge",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An instance that sends one can become the host's IPv6 default gateway.",
)
def test_host_ignores_router_advertisements(
    lxd_network: Network, lxd_evidence: Evidence
) -> Verdict:
    if lxd_network.type != "bridge":
        raise NotApplicable(f"{lxd_network.key} is a {lxd_network.type} network")
    stack = lxd_evidence.network
    if not stack.has_ipv6:
        return verdict.passed("the host has no IPv6")
    interface = accept_ra.interface(stack, lxd_network.name)
    learnt = accept_ra.learnt(lxd_evidence, lxd_network.name)
    accepts, why = accept_ra.accepts(interface)
    if not accepts and not learnt:
        return verdict.passed(f"{lxd_network.name}: {why}; no route was learnt from it")
    if accepts and not learnt:
        held_off = _held_off(lxd_evidence, lxd_network)
        if held_off:
            return verdict.passed(f"{lxd_network.name}: {why}", *held_off)
    routes = "".join(f"; route to {r.to} via {r.via} was learned from an RA" for r in learnt)
    return verdict.failed(
        observed=f"{lxd_network.name}: {why}{routes}",
        expected="accept_ra=0 (or 1 with forwarding enabled), and no route learned from an RA",
        origin=f"the kernel (net.ipv6.conf.{lxd_network.name}, routing table)",
        remedy=lambda: accept_ra.remedy(lxd_network.name, routes=learnt, settings=accepts),
    )


def _held_off(evidence: Evidence, network: Network) -> tuple[str, ...]:
    """Return what keeps advertisements from the host all the same; () where nothing does."""
    at_host = ra_filter.at_host(evidence, network.name)
    if at_host.is_dropped:
        return (f"the host drops router advertisements of {network.name}: {at_host.reason}",)
    dropping = _dropping(evidence, network)
    if dropping or at_host.is_accepted:
        return dropping
    raise CannotTell(f"whether the host drops router advertisements: {at_host.reason}")


def _dropping(evidence: Evidence, network: Network) -> tuple[str, ...]:
    """Return what was seen where every NIC on a bridge drops advertisements.

    () where one may not.
    """
    networks = {(each.project, each.name): each for each in evidence.networks.complete()}
    attached = [
        nic
        for instance in evidence.instances.complete()
        for nic in nics.of(instance, networks)
        if nic.parent == network.name and nic.nictype == "bridged"
    ]
    is_on = [config_values.boolean(nic.config, IPV6_FILTER, default=False) for nic in attached]
    if not attached or not all(is_on):
        return ()
    here = [
        n for n in attached if n.instance.is_running and containers.is_here(evidence, n.instance)
    ]
    seen = [rules_in_force.drops_advertisements(evidence, nic) for nic in here]
    # A port of another network's NIC, or of nobody's, is held to nothing here.
    if not seen or not all(seen) or set(rules_in_force.ports(evidence, network.name)) - set(seen):
        return ()
    return tuple(f"the rules for {interface} drop router advertisements" for interface in seen)
