"""Rules of one's own for a NIC, where LXD's own fall short of what its guide promises; pure.

They stand before LXD's, in a table of their own where it is nft's; a drop there is final, and
nothing that they pass on is spared LXD's rules.
"""

from __future__ import annotations

import shlex

from ...firewall.model import protocol_numbers
from ...firewall.spoofing.filtered_nic import FilteredNic
from ...verdict import Remedy

TABLE = "bridge lxd_gap"
NOTE = (
    "the gap is LXD's, and nothing in this site's configuration closes it: see SECURITY.md; "
    "the rules hold until the instance's next start, when its interface gets another name"
)
_HOOKS = ("input", "forward")
# A neighbour advertisement (RFC 4861, 4.4) without options, and with one of a link-layer address.
_BARE, _WITH_MAC = 24, 32  # bytes


def _remedy(lines: list[str]) -> Remedy:
    script = [f"add table {TABLE}"]
    for hook in _HOOKS:
        place = f"{{ type filter hook {hook} priority -210 ; policy accept ; }}"
        script.append(f"add chain {TABLE} {hook} {place}")
    return Remedy(command=f"nft {shlex.quote(' ; '.join((*script, *lines)))}", note=NOTE)


def own_arp(held: FilteredNic) -> Remedy:
    """Drop ARP that gives another MAC address or is not of Ethernet, by ebtables."""
    name = shlex.quote(held.interface)
    steps = [
        f"ebtables -t filter -I {hook} -p ARP -i {name} {asked} -j DROP"
        for hook in ("INPUT", "FORWARD")
        for asked in (f"--arp-mac-src ! {held.mac}", "--arp-htype ! 1")
    ]
    return Remedy(command=" && ".join(steps), note=NOTE)


def known_ethertypes(held: FilteredNic) -> Remedy:
    """Drop whatever is not plain ARP, IPv4 or IPv6."""
    rule = f'iifname "{held.interface}" ether type != {{ arp, ip, ip6 }} drop'
    return _remedy([f"add rule {TABLE} {hook} {rule}" for hook in _HOOKS])


def own_advertisements(held: FilteredNic) -> Remedy:
    """Let pass neighbour advertisements only of the NIC's own addresses, from them, in full."""
    name = held.interface
    target, source, option = (f"{name}.{part}" for part in ("target", "source", "option"))
    mac = protocol_numbers.mac_number(held.mac)
    own = ", ".join(str(net) for net in held.ipv6)
    plain = "ip6 nexthdr ipv6-icmp ip6 length"
    chains = {
        option: (
            f"{plain} {_BARE} accept",
            f"{plain} {_WITH_MAC} @th,192,64 {0x0201 << 48 | mac:#x} accept",
        ),
        source: (f"ip6 saddr {{ {own}, {held.link_local} }} goto {option}",),
        target: tuple(
            f"@th,64,{net.prefixlen} {int(net.network_address) >> 128 - net.prefixlen:#x} "
            f"goto {source}"
            for net in held.ipv6
        ),
    }
    lines = []
    for chain, rules in chains.items():
        lines += [f"add chain {TABLE} {chain}", f"flush chain {TABLE} {chain}"]
        lines += [f"add rule {TABLE} {chain} {rule}" for rule in (*rules, "drop")]
    first = f'iifname "{name}" icmpv6 type nd-neighbor-advert goto {target}'
    return _remedy([*lines, *(f"add rule {TABLE} {hook} {first}" for hook in _HOOKS)])
