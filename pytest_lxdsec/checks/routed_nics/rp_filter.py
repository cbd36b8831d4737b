"""Whether the host drops what a routed NIC sends from addresses that are not its own; pure.

Two mechanisms: rp_filter, which the kernel has for IPv4 alone, and LXD's rule at prerouting
(firewall/drivers: the chain `prert.*` of `inet lxd`, or `-m rpfilter` of iptables in `raw`). The
rules are not compared with a text but run: packets of the NIC with no way back to their source.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator

from ...evidence.model import Evidence
from ...evidence.network_facts import NetworkStack
from ...firewall.evaluation import evaluate
from ...firewall.evaluation.evaluate import Verdict
from ...firewall.frames import encode, ethernet
from ...firewall.model import packet, rules
from ...inventory import host_ruleset, remedies
from ...inventory.nics import Nic
from ...verdict import CannotTell, Remedy

STRICT, LOOSE = 1, 2
HOOKS = ("ingress", "prerouting")
TITLES = {4: "IPv4", 6: "IPv6"}
# For documentation (RFC 5737 and 3849): the values do not matter, since all bits are free.
ENDS = {
    4: (ipaddress.IPv4Address("198.51.100.1"), ipaddress.IPv4Address("203.0.113.1")),
    6: (ipaddress.IPv6Address("2001:db8:a::1"), ipaddress.IPv6Address("2001:db8:b::1")),
}
EXPERIMENT = 253  # a protocol that no rule knows: RFC 3692
SEGMENTS: tuple[ethernet.Segment, ...] = (
    ethernet.Udp(source_port=40000, destination_port=40000),
    ethernet.Tcp(source_port=40000, destination_port=40000),
    ethernet.Other(protocol=EXPERIMENT, body=bytes(8)),
)
# What a sender may choose: all but the version, and the protocol, of which there are several.
FREE = {
    4: ((rules.Base.NETWORK, 8, 64), (rules.Base.NETWORK, 80, 80), (rules.Base.TRANSPORT, 0, 512)),
    6: (
        (rules.Base.NETWORK, 4, 44),
        (rules.Base.NETWORK, 56, 264),
        (rules.Base.TRANSPORT, 0, 512),
    ),
}


def effective(stack: NetworkStack, name: str) -> tuple[int, str]:
    """Return the mode of rp_filter in force on an interface, and the settings that make it.

    Documentation/networking/ip-sysctl.rst: the larger of `all` and the interface's own; 2, which
    asks for any way back at all, is weaker than 1.

    Raises:
        CannotTell: the kernel does not show one of them.
    """
    values = {key: _setting(stack, key) for key in ("all", name)}
    told = ", ".join(f"of {key} {value}" for key, value in values.items())
    return max(values.values()), told


def _setting(stack: NetworkStack, name: str) -> int:
    for found in stack.interfaces:
        value = found.ipv4.get("rp_filter")
        if found.name == name and value is not None:
            return value
    raise CannotTell(f"the kernel does not show rp_filter of {name}")


def spoofed(evidence: Evidence, nic: Nic, version: int) -> Verdict:
    """Return what becomes of a packet from the NIC whose source has no way back by its interface.

    The worst of several: accepted, not to be known, dropped.

    Raises:
        CannotTell: the interface or the rules were not seen, or the rules cannot be judged.
    """
    ruleset = host_ruleset.ruleset(evidence)
    found = [
        evaluate.path(ruleset, seen, hooks=HOOKS) for seen in _packets(evidence, nic, version)
    ]
    for verdict in found:
        if verdict.is_accepted:
            return verdict
    for verdict in found:
        if not verdict.is_dropped:
            raise CannotTell(f"whether {nic.host_name} may send as others: {verdict.reason}")
    return found[0]


def _packets(evidence: Evidence, nic: Nic, version: int) -> Iterator[packet.Packet]:
    name = nic.host_name
    link = host_ruleset.link(evidence, name)
    if link is None:
        raise CannotTell(f"the host shows no interface {name}")
    for segment in SEGMENTS:
        yield packet.routed(
            encode.content_octets(_content(version, segment)),
            iifname=name,
            iif=link.index,
            has_route_back=False,
            ct_state=None,
            free=tuple(rules.Payload(base=b, offset=o, length=n) for b, o, n in FREE[version]),
        )


def _content(version: int, segment: ethernet.Segment) -> ethernet.Content:
    source, destination = ENDS[version]
    if isinstance(source, ipaddress.IPv4Address) and isinstance(
        destination, ipaddress.IPv4Address
    ):
        return ethernet.Ipv4(source=source, destination=destination, content=segment)
    if isinstance(source, ipaddress.IPv6Address) and isinstance(
        destination, ipaddress.IPv6Address
    ):
        return ethernet.Ipv6(source=source, destination=destination, content=segment)
    raise TypeError(f"{source} and {destination} are of two families")


def remedy(evidence: Evidence, nic: Nic, *, rule: bool, setting: bool) -> Remedy:
    """Make it strict, without a change for other interfaces; have LXD set its rule again.

    Args:
        evidence: The host's.
        nic: Whose pair it is.
        rule: Whether the rule is missing: LXD sets it at the NIC's start, and at no other time.
        setting: Whether rp_filter is not strict.
    """
    steps = [remedies.restart_command(nic.instance)] if rule else []
    if setting:
        # The pair that comes with a restart has a name of its own, and the setting with it.
        own = [] if rule else [f"net/ipv4/conf/{shlex.quote(nic.host_name)}/rp_filter=1"]
        is_loose = _setting(evidence.network, "all") > STRICT
        values = [*(["net/ipv4/conf/all/rp_filter=0"] if is_loose else []), *own]
        steps = [*([_KEEP] if is_loose else []), f"sysctl -w {' '.join(values)}", *steps]
    note = "write the same into /etc/sysctl.d, or the next start undoes it" if setting else ""
    return Remedy(command=" && ".join(steps), note=note)


# Interfaces that had `all` to thank for their mode get it as their own.
_KEEP = (
    "for file in /proc/sys/net/ipv4/conf/*/rp_filter; do "
    f'[ "$(cat "$file")" != 0 ] || echo {LOOSE} > "$file"; done'
)
