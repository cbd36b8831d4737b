"""The kinds of frames that a NIC may be tried with, by name.

`legit_*` are the NIC's own; all others pretend, or go round a filter in some way. The names are
those of the measured table (`tests/unit/firewall_table.py`), and the order is: plain ones first.

"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..frames import dhcp, encode, ethernet
from ..frames.ethernet import (
    BROADCAST,
    Arp,
    Frame,
    Ipv4,
    Ipv6,
    Neighbour,
    Option,
    Router,
    Tag,
    Udp,
)
from ..model import protocol_numbers
from .filtered_nic import FilteredNic, Surroundings

Named = Iterator[tuple[str, Frame]]

_PAYLOAD = Udp(source_port=40000, destination_port=40000)
_SERVERS_V6 = ipaddress.IPv6Address("ff02::1:2")
_ROUTERS = ipaddress.IPv6Address("ff02::2")
_NODES = ipaddress.IPv6Address("ff02::1")
_OVERRIDE = 0x20000000
_PRIORITY = Tag()  # VLAN 0: for Linux an untagged frame
_EXPERIMENT = 0xFD  # an option of neighbour discovery for experiments (RFC 4727)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Makes frames of one NIC in its surroundings."""

    nic: FilteredNic
    around: Surroundings

    def frame(self, content: ethernet.Content, **changes: object) -> Frame:
        """Return a frame from the NIC's MAC address to everybody, unless said otherwise."""
        made = Frame(source=self.nic.mac, destination=BROADCAST, content=content)
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there

    def tagged(self, frame: Frame, *tags: Tag) -> Frame:
        """Return the same frame with tags."""
        return dataclasses.replace(frame, tags=tags)

    def arp(self, **changes: object) -> Arp:
        """Return an announcement of the NIC's own address."""
        own = self.nic.own_ipv4
        made = Arp(sender_mac=self.nic.mac, sender_ip=own, target_ip=own)
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there

    def ipv4(self, **changes: object) -> Ipv4:
        """Return a datagram from the NIC's own address to the bridge's."""
        made = Ipv4(
            source=self.nic.own_ipv4, destination=self.around.bridge_ipv4, content=_PAYLOAD
        )
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there

    def ipv6(self, content: ethernet.Segment = _PAYLOAD, **changes: object) -> Ipv6:
        """Return a packet from the NIC's own address to the bridge's."""
        made = Ipv6(
            source=self.nic.own_ipv6,
            destination=self.around.bridge_ipv6,
            content=content,
            hop_limit=255 if isinstance(content, Neighbour | Router) else 64,
        )
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there

    def advertisement(self, **changes: object) -> Neighbour:
        """Return a neighbour advertisement of the NIC's own address and MAC address."""
        own = Option.link_layer(protocol_numbers.TARGET_LINK_LAYER, self.nic.mac)
        made = Neighbour(
            type=protocol_numbers.NEIGHBOUR_ADVERT,
            target=self.nic.own_ipv6,
            flags=_OVERRIDE,
            options=(own,),
        )
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there

    def solicitation(self, **changes: object) -> Neighbour:
        """Return a neighbour solicitation for the bridge's address."""
        own = Option.link_layer(protocol_numbers.SOURCE_LINK_LAYER, self.nic.mac)
        made = Neighbour(
            type=protocol_numbers.NEIGHBOUR_SOLICIT, target=self.around.bridge_ipv6, options=(own,)
        )
        return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # checked there


def every(nic: FilteredNic, around: Surroundings) -> Mapping[str, Frame]:
    """Return all kinds of frames, by name."""
    return dict(_named(nic, around))


def one(name: str, nic: FilteredNic, around: Surroundings) -> Frame:
    """Return the frame of one kind; no more are made than it takes to find it.

    Raises:
        KeyError: there is no such kind.
    """
    for known, frame in _named(nic, around):
        if known == name:
            return frame
    raise KeyError(name)


def _named(nic: FilteredNic, around: Surroundings) -> Named:
    author = Author(nic=nic, around=around)
    for part in (
        _own,
        _quiet,
        _macs,
        _arps,
        _ipv4s,
        _ipv6s,
        _advertisements,
        _routers,
        _others,
    ):
        yield from part(author)


def _own(a: Author) -> Named:
    nic, link_local = a.nic, a.nic.link_local
    yield "legit_ipv4_udp", a.frame(a.ipv4())
    yield "legit_arp_req", a.frame(a.arp(target_ip=a.around.bridge_ipv4))
    yield "legit_garp", a.frame(a.arp())
    yield "legit_ipv6_udp", a.frame(a.ipv6())
    yield "legit_ns_gua", a.frame(a.ipv6(a.solicitation()))
    yield "legit_na_gua", a.frame(a.ipv6(a.advertisement()))
    yield "legit_na_llsrc", a.frame(a.ipv6(a.advertisement(), source=link_local))
    discover = dhcp.message(dhcp.DISCOVER, nic.mac)
    yield "legit_dhcp4_discover", a.frame(_from_nobody(discover))
    solicit = a.ipv6(dhcp.solicit(nic.mac), source=link_local, destination=_SERVERS_V6)
    yield "legit_dhcp6_solicit", a.frame(solicit)
    router = Router(type=protocol_numbers.ROUTER_SOLICIT)
    yield "legit_rs", a.frame(a.ipv6(router, source=link_local, destination=_ROUTERS))


def _from_nobody(content: Udp) -> Ipv4:
    everybody = ipaddress.IPv4Address("255.255.255.255")
    return Ipv4(source=ethernet.ANY_IPV4, destination=everybody, content=content)


# Harmless, and dropped all the same by IP filters: poor examples of what a filter is for.
QUIET = (
    "arp_probe_spa0",
    "ns_dad_unspec",
    "ns_llsrc",
    "ipv6_udp_llsrc_own",
    "na_llsrc_lltarget_own",
)


def _quiet(a: Author) -> Named:
    own, link_local = a.nic.own_ipv6, a.nic.link_local
    yield "arp_probe_spa0", a.frame(a.arp(sender_ip=ethernet.ANY_IPV4))
    probe = a.solicitation(target=own, options=())
    yield "ns_dad_unspec", a.frame(a.ipv6(probe, source=ethernet.ANY_IPV6))
    yield "ns_llsrc", a.frame(a.ipv6(a.solicitation(), source=link_local))
    yield "ipv6_udp_llsrc_own", a.frame(a.ipv6(source=link_local))
    yield (
        "na_llsrc_lltarget_own",
        a.frame(a.ipv6(a.advertisement(target=link_local), source=link_local)),
    )


def _macs(a: Author) -> Named:
    other = a.around.other_mac
    yield "mac_spoof_ipv4", a.frame(a.ipv4(), source=other)
    yield "mac_spoof_ipv6", a.frame(a.ipv6(), source=other)
    yield "mac_spoof_arp_shaOwn", a.frame(a.arp(), source=other)
    yield "mac_spoof_88b5", a.frame(ethernet.Other(protocol=0x88B5, body=bytes(46)), source=other)
    discover = dhcp.message(dhcp.DISCOVER, other)
    yield "mac_spoof_dhcp4", a.frame(_from_nobody(discover), source=other)


def _arps(a: Author) -> Named:
    around = a.around
    foreign = a.arp(sender_mac=around.other_mac)
    victim = a.frame(a.arp(sender_ip=around.other_ipv4, target_ip=around.other_ipv4))
    yield "arp_spoof_sha", a.frame(foreign)
    yield "arp_spoof_sha_htype6", a.frame(dataclasses.replace(foreign, hardware_type=6))
    reply = a.arp(sender_ip=around.other_ipv4, target_ip=around.bridge_ipv4, operation=2)
    yield "arp_reply_spoof_spa", a.frame(reply)
    yield "garp_spoof_spa", victim
    yield "arp_spoof_spa_gw", a.frame(a.arp(sender_ip=around.bridge_ipv4, operation=2))
    yield "arp_spoof_spa_vid0", a.tagged(victim, _PRIORITY)
    yield "arp_spoof_sha_vid0", a.tagged(a.frame(foreign), _PRIORITY)


def _ipv4s(a: Author) -> Named:
    victim = a.frame(a.ipv4(source=a.around.other_ipv4))
    yield "ipv4_spoof_src", victim
    later = a.ipv4(
        source=a.around.other_ipv4,
        content=ethernet.Other(protocol=protocol_numbers.UDP, body=bytes(16)),
        fragment_offset=1,
    )
    yield "ipv4_spoof_src_frag2", a.frame(later)
    yield "ipv4_spoof_offsubnet", a.frame(a.ipv4(source=ipaddress.IPv4Address("198.51.100.9")))
    yield "ipv4_spoof_vid0", a.tagged(victim, _PRIORITY)
    yield "ipv4_own_vid0", a.tagged(a.frame(a.ipv4()), _PRIORITY)
    covert = Udp(source_port=40000, destination_port=dhcp.SERVER)
    yield "ipv4_bcast67_covert", a.frame(_from_nobody(covert))
    everybody = ipaddress.IPv4Address("255.255.255.255")
    offer = dhcp.message(dhcp.OFFER, a.around.other_mac)
    yield "dhcp4_rogue_server_offer", a.frame(a.ipv4(content=offer, destination=everybody))
    starve = dhcp.message(dhcp.DISCOVER, a.around.other_mac)
    yield "dhcp4_starve_chaddr", a.frame(_from_nobody(starve))


def _ipv6s(a: Author) -> Named:
    victim = a.frame(a.ipv6(source=a.around.other_ipv6))
    yield "ipv6_spoof_src", victim
    yield "ipv6_spoof_src_vid0", a.tagged(victim, _PRIORITY)
    yield (
        "ipv6_spoof_llsrc",
        a.frame(a.ipv6(source=protocol_numbers.link_local(a.around.other_mac))),
    )


def _advertisements(a: Author) -> Named:
    link_local, other = a.nic.link_local, a.around.other_ipv6
    spoof = a.advertisement(target=other)
    foreign = (Option.link_layer(protocol_numbers.TARGET_LINK_LAYER, a.around.other_mac),)
    unnamed = (Option(type=_EXPERIMENT, body=bytes(6)), *spoof.options)
    bare = dataclasses.replace(spoof, options=())
    yield "na_spoof_target_llsrc", a.frame(a.ipv6(spoof, source=link_local))
    yield "na_spoof_target_ownsrc", a.frame(a.ipv6(spoof))
    yield "na_spoof_target_vicsrc", a.frame(a.ipv6(spoof, source=other))
    yield "na_spoof_target_ownsrc_vid0", a.tagged(a.frame(a.ipv6(spoof)), _PRIORITY)
    yield "na_own_target_vicsrc", a.frame(a.ipv6(a.advertisement(), source=other))
    yield "na_spoof_tlla", a.frame(a.ipv6(a.advertisement(options=foreign)))
    yield (
        "na_spoof_target_no_tlla",
        a.frame(a.ipv6(dataclasses.replace(spoof, options=unnamed))),
    )
    yield "na_noopt_spoof_ownsrc", a.frame(a.ipv6(bare))
    yield "na_noopt_spoof_llsrc", a.frame(a.ipv6(bare, source=link_local))
    decoy = (decoyed(a.nic),)
    yield "na_spoof_exthdr_llsrc", a.frame(a.ipv6(spoof, source=link_local, extensions=decoy))
    yield "na_spoof_exthdr_vicsrc", a.frame(a.ipv6(spoof, source=other, extensions=decoy))
    yield "na_spoof_exthdr_ownsrc", a.frame(a.ipv6(spoof, extensions=decoy))
    short = (ethernet.Options(number=protocol_numbers.DESTINATION),)
    tlla = a.advertisement(options=foreign)
    yield "na_spoof_tlla_exthdr8", a.frame(a.ipv6(tlla, extensions=short))
    slla = (Option.link_layer(protocol_numbers.SOURCE_LINK_LAYER, a.around.other_mac),)
    yield "ns_spoof_slla", a.frame(a.ipv6(a.solicitation(options=slla)))
    yield "ns_spoof_src", a.frame(a.ipv6(a.solicitation(), source=other))


def decoyed(nic: FilteredNic) -> ethernet.Options:
    """Destination options that hold the NIC's own addresses where filters look for others."""
    mac = protocol_numbers.mac_number(nic.mac).to_bytes(6, "big")
    body = bytes([0x1E, 28]) + bytes(4) + nic.own_ipv6.packed + bytes(2) + mac
    return ethernet.Options(number=protocol_numbers.DESTINATION, body=body)


def _routers(a: Author) -> Named:
    link_local = a.nic.link_local
    advert = Router(type=protocol_numbers.ROUTER_ADVERT, lifetime=30)

    def rogue(*extensions: ethernet.Extension) -> Ipv6:
        return a.ipv6(advert, source=link_local, destination=_NODES, extensions=extensions)

    options = {
        number: ethernet.Options(number=number) for number in (0, protocol_numbers.DESTINATION)
    }
    later = ethernet.Fragment(offset=1)
    bytes_only = ethernet.Other(protocol=protocol_numbers.IPV6_ICMP, body=bytes([134]) + bytes(15))
    yield "ra_rogue", a.frame(rogue())
    yield "ra_rogue_guasrc", a.frame(a.ipv6(advert, destination=_NODES))
    yield "ra_rogue_dstopts", a.frame(rogue(options[protocol_numbers.DESTINATION]))
    yield "ra_rogue_hbh", a.frame(rogue(options[0]))
    yield "ra_rogue_atomicfrag", a.frame(rogue(ethernet.Fragment()))
    second = dataclasses.replace(rogue(later), content=bytes_only)
    yield "ra_rogue_frag2", a.frame(second)
    yield "ra_guasrc_frag2", a.frame(dataclasses.replace(second, source=a.nic.own_ipv6))
    yield "ra_rogue_vid0", a.tagged(a.frame(rogue()), _PRIORITY)
    redirect = Neighbour(
        type=protocol_numbers.REDIRECT, target=link_local, destination=a.around.other_ipv6
    )
    yield "icmp6_redirect_ll", a.frame(a.ipv6(redirect, source=link_local))


def _others(a: Author) -> Named:
    packet = a.frame(a.ipv4(source=a.around.other_ipv4))
    arp = a.frame(a.arp(sender_ip=a.around.other_ipv4))
    vlan, service = Tag(vid=100), Tag(vid=100, ethertype=protocol_numbers.ETH_8021AD)
    lldp = ethernet.Other(protocol=0x88CC, body=bytes(46))
    inner = encode.content_octets(a.ipv4())
    yield "vlan100_ipv4_spoof", a.tagged(packet, vlan)
    yield "vlan100_arp_spoof", a.tagged(arp, vlan)
    yield "qinq_88a8_8100_ipv4", a.tagged(packet, service, vlan)
    yield "qinq_8100_8100_vid0", a.tagged(packet, _PRIORITY, _PRIORITY)
    yield "s_tag_88a8_vid0_ipv4", a.tagged(packet, Tag(ethertype=protocol_numbers.ETH_8021AD))
    yield "lldp_88cc_bcast", a.frame(lldp)
    yield "lldp_88cc_linklocal", a.frame(lldp, destination="01:80:c2:00:00:0e")
    yield "eth_88b5_bcast", a.frame(ethernet.Other(protocol=0x88B5, body=bytes(46)))
    yield "llc_802_3", a.frame(ethernet.Length(body=b"\x42\x42\x03" + bytes(43)))
    session = b"\x11\0\0\1" + (len(inner) + 2).to_bytes(2, "big") + b"\0\x21"
    yield "pppoe_8864_ipv4", a.frame(ethernet.Other(protocol=0x8864, body=session + inner))
    label = ethernet.Other(protocol=0x8847, body=b"\0\0\x01\x40" + inner)
    yield "mpls_8847", a.frame(label)
