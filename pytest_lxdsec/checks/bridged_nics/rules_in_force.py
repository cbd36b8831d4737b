"""The kernel's rules for a bridged NIC, tried with frames; and in which way they are lost; pure.

LXD installs a NIC's rules when it starts and never looks again (canonical/lxd issue 13706): a
flush, an accept put before them or an interface with another name leaves a configuration that
says filtered. So frames are tried, and rule texts explain only what the frames have shown.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...evidence.network_facts import Link
from ...firewall.frames import encode
from ...firewall.model import rules, values
from ...firewall.spoofing import foreign_addresses, guarantees, rule_directed, shape_cache, trial
from ...firewall.spoofing.filtered_nic import FilteredNic
from ...inventory import containers, host_ruleset, remedies
from ...inventory.nics import Nic
from ...verdict import CannotTell, Remedy
from . import allowed_addresses

TABLE = ("bridge", "lxd")  # lxd/firewall/drivers/drivers_nftables.go
XTABLES = "xtables"
HAND_OVER = "net.bridge.bridge-nf-call-ip6tables"
DUMMY = "dummy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Frames that were tried for a NIC.

    Attributes:
        violation: The smallest frame that breaks a guarantee, or may break one; None for none.
        count: How many were tried; 0 where no guarantee promises the NIC anything.
    """

    violation: trial.Violation | None
    count: int


# Rules of one shape are on all hosts with one LXD: what was found out for one goes for all.
_KNOWN: shape_cache.Known = {}


@functools.lru_cache(maxsize=containers.KEPT)
def _bench(evidence: Evidence) -> shape_cache.ShapeCache:
    return shape_cache.ShapeCache(host_ruleset.ruleset(evidence), known=_KNOWN)


def try_frames(
    evidence: Evidence, held: FilteredNic, asked: Sequence[guarantees.Guarantee]
) -> Tried:
    """Look for the smallest frame of a NIC that breaks one of the laws.

    Raises:
        CannotTell: the rules are not known, or know more addresses than can be tried.
    """
    bench = _bench(evidence)
    try:
        around = bench.surroundings(held, asked)
        outcomes = [bench.search(held, asked, whom) for whom in around]
    except (foreign_addresses.TooManyError, rule_directed.TooManyError) as error:
        raise CannotTell(str(error)) from error
    violations = [each.violation for each in outcomes if each.violation is not None]
    certain = [violation for violation in violations if violation.is_certain]
    worst = next(iter((*certain, *violations)), None)
    return Tried(violation=worst, count=sum(each.tried for each in outcomes))


def sources(held: FilteredNic) -> tuple[guarantees.Guarantee, ...]:
    """Return the laws about foreign sources.

    What a NIC without any address may say is asked apart.
    """
    return tuple(
        guarantee
        for guarantee in guarantees.SOURCES
        if guarantee is not guarantees.ETHERTYPE or has_address(held)
    )


def has_address(held: FilteredNic) -> bool:
    """Return whether a family that is filtered has an address: only then LXD lists EtherTypes."""
    return bool((held.filters_ipv4 and held.ipv4) or (held.filters_ipv6 and held.ipv6))


def without_address(held: FilteredNic) -> tuple[guarantees.Guarantee, ...]:
    """Return the laws about families that are filtered and have no address.

    () where there is none.
    """
    found = tuple(guarantee for guarantee in guarantees.NO_ADDRESS if guarantee.applies(held))
    return (*found, guarantees.ETHERTYPE) if found and not has_address(held) else found


def drops_advertisements(evidence: Evidence, nic: Nic) -> str:
    """Return the interface of a NIC whose rules drop router advertisements, or "".

    Raises:
        CannotTell: the rules, or what they are for, are not known.
    """
    held = allowed_addresses.held(evidence, nic)
    if not held.filters_ipv6 or misplaced(evidence, nic, held):
        return ""
    tried = try_frames(evidence, held, (guarantees.ROUTER_ADVERTISEMENT, guarantees.ETHERTYPE))
    if tried.violation is not None and not tried.violation.is_certain:
        raise CannotTell(tried.violation.text)
    return "" if tried.violation or not tried.count else held.interface


# --- where the NIC hangs -----------------------------------------------------------------------


def misplaced(evidence: Evidence, nic: Nic, held: FilteredNic) -> str:
    """Return why no rule about its interface can be in force.

    "" where it is a port of its bridge.
    """
    link = host_ruleset.link(evidence, held.interface)
    if link is None:
        others = ", ".join(unknown_ports(evidence, nic.parent))
        hint = f"; {nic.parent} has ports that LXD does not know: {others}" if others else ""
        return f"the host has no interface {held.interface}, which LXD's rules are about{hint}"
    master = _by_index(evidence).get(link.master)
    if master is None or master.name != nic.parent:
        where = master.name if master else "no bridge"
        return f"{held.interface} is a port of {where}, not of {nic.parent}"
    if master.kind != "bridge":
        return (
            f"{nic.parent} is no bridge of Linux ({master.kind or 'no driver'}): "
            "no rule of LXD's sees its frames"
        )
    return ""


@functools.lru_cache(maxsize=containers.KEPT)
def _by_index(evidence: Evidence) -> dict[int, Link]:
    return {link.index: link for link in evidence.links}


def ports(evidence: Evidence, parent: str) -> Iterator[str]:
    """Yield the ports of a bridge by which frames come in.

    LXD gives a bridge a dummy for a port that sets its MTU (driver_bridge.go, setup): nothing is
    behind it.
    """
    bridge = host_ruleset.link(evidence, parent)
    for link in evidence.links:
        if bridge is not None and link.master == bridge.index and link.kind != DUMMY:
            yield link.name


def unknown_ports(evidence: Evidence, parent: str) -> Iterator[str]:
    """Yield the ports of a bridge that are no NIC's by LXD's word."""
    known = _known_interfaces(evidence)
    return (name for name in ports(evidence, parent) if name not in known)


@functools.lru_cache(maxsize=containers.KEPT)
def _known_interfaces(evidence: Evidence) -> frozenset[str]:
    found = set()
    for instance in evidence.instances:
        for key, value in instance.expanded_config.items():
            if key.startswith("volatile.") and key.endswith(".host_name"):
                found.add(value)
        found |= {device.get("host_name", "") for device in instance.expanded_devices.values()}
    return frozenset(found)


# --- how rules are lost ------------------------------------------------------------------------


def label(nic: Nic) -> str:
    """Return LXD's name for the NIC's chains, behind `in.` and `fwd.`."""
    return f"{nic.instance.internal_name}.{nic.device}"


def lost(evidence: Evidence, nic: Nic, held: FilteredNic) -> str:
    """In which way LXD's rules for a NIC are gone; "" where all that it writes is there."""
    ruleset = host_ruleset.ruleset(evidence)
    if evidence.server.environment.firewall == XTABLES:
        return _lost_of_xtables(ruleset, held)
    table = ruleset.table(*TABLE)
    if table is None:
        return "LXD's table `bridge lxd` is not in the kernel: its rules were flushed"
    if table.is_dormant:
        return "LXD's table `bridge lxd` is dormant: all its rules are there, and none is at work"
    faults = (_lost_chain(table, f"{hook}.{label(nic)}", held) for hook in ("in", "fwd"))
    return next((fault for fault in faults if fault), "")


def _lost_of_xtables(ruleset: rules.RuleSet, held: FilteredNic) -> str:
    """lxd/firewall/drivers/drivers_xtables.go: ip6tables has what is about advertisements."""
    places = {"ebtables": ("bridge", "iifname")}
    if held.filters_ipv6:
        places["ip6tables"] = ("ip6", rules.PHYSDEV_IN.key)
    for tool, (family, key) in places.items():
        asked = (_name(rule, key) for rule in _of_filter(ruleset, family))
        if held.interface not in asked:
            return f"{tool} has no rule about {held.interface}"
    if held.filters_ipv6 and "ip6" not in ruleset.handed_over:
        return f"{HAND_OVER} is off: ip6tables, where LXD has some of its rules, sees no frame"
    return ""


def _lost_chain(table: rules.Table, name: str, held: FilteredNic) -> str:
    chain = table.chain(name)
    if chain is None:
        return f"LXD's chain {name} is not in the kernel: its rules were flushed"
    if not chain.rules:
        return f"LXD's chain {name} is empty: its rules were flushed"
    if chain.hook is None:
        return f"LXD's chain {name} hangs at no hook"
    known = dict.fromkeys(_name(rule, "iifname") for rule in chain.rules)
    if held.interface not in known:
        told = ", ".join(each for each in known if each) or "no interface"
        return f"the rules in LXD's chain {name} are about {told}, and the NIC is {held.interface}"
    return ""


def _name(rule: rules.Rule, key: str) -> str:
    """Return the one interface that a rule is for; "" for any or several."""
    for step in rule.steps:
        if isinstance(step, rules.Match) and step.field == rules.Meta(key=key):
            patterns = step.among.patterns if isinstance(step.among, values.Names) else ()
            return patterns[0] if len(patterns) == 1 and not step.negated else ""
    return ""


def _of_filter(ruleset: rules.RuleSet, family: str) -> Iterator[rules.Rule]:
    for table in ruleset.tables:
        if (table.family, table.name) == (family, "filter"):
            for chain in table.chains:
                yield from chain.rules


def falls_short(evidence: Evidence, held: FilteredNic) -> bool:
    """Return whether LXD's rules are in force and miss only foreign MAC addresses in ARP.

    Its xtables driver asks for those only where ARP is held to an IPv4 address, and only in ARP
    that says it is Ethernet's; no configuration closes that.
    """
    if evidence.server.environment.firewall != XTABLES:
        return False
    others = tuple(guarantee for guarantee in sources(held) if guarantee is not guarantees.ARP_MAC)
    return try_frames(evidence, held, others).violation is None


def explain(evidence: Evidence, nic: Nic, held: FilteredNic, violation: trial.Violation) -> str:
    """Return why a frame breaks a guarantee, as far as the rules tell."""
    gone = lost(evidence, nic, held)
    if gone:
        return gone
    rule = violation.verdict.rule
    if violation.guarantee.passes:
        return "the rules drop what is the NIC's own: they are for other addresses than LXD's"
    if rule is not None and _is_in_the_way(evidence, held, violation, rule):
        return f"a rule accepts it before LXD's can drop it: {rule.text}"
    return "the rules in the kernel do not ask about it"


def _is_in_the_way(
    evidence: Evidence, held: FilteredNic, violation: trial.Violation, rule: rules.Rule
) -> bool:
    """Return whether the frame would be dropped, were it not for this rule."""
    part = _bench(evidence).part(held)
    tables = tuple(
        dataclasses.replace(
            table,
            chains=tuple(
                dataclasses.replace(
                    chain, rules=tuple(each for each in chain.rules if each is not rule)
                )
                for chain in table.chains
            ),
        )
        for table in part.tables
    )
    less = rules.RuleSet(tables=tables)
    found = trial.judge(less, held, encode.octets(violation.frame), violation.hook)
    return found.is_dropped


def restore(evidence: Evidence, nic: Nic) -> Remedy:
    """Return what brings a NIC's rules back.

    LXD installs them when the NIC starts, and at no other time. While its table is dormant it
    cannot: to start the instance fails (5.0.2), so the table is woken, with the rules in it.
    """
    if lost(evidence, nic, allowed_addresses.held(evidence, nic)).startswith(HAND_OVER):
        note = "write the same into /etc/sysctl.d, and br_netfilter into /etc/modules-load.d"
        return Remedy(command=f"sysctl -w {HAND_OVER}=1", note=note)
    table = host_ruleset.ruleset(evidence).table(*TABLE)
    if table is not None and table.is_dormant:
        command = f"nft add table {' '.join(TABLE)}"
        return Remedy(
            command=command, note="this clears the table's dormant flag, for all NICs on this host"
        )
    return Remedy(
        command=remedies.restart_command(nic.instance),
        note="LXD installs a NIC's rules when it starts, and at no other time: find out what "
        "took them away",
    )
