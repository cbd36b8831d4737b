"""What LXD's guide promises of a filtered NIC, as guarantees over single frames.

A guarantee names the frames that must be dropped (or, `OWN`, must pass) at a hook of the bridge.
It reads the frame as the receiver would, not as the filter does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..frames import dhcp, ethernet
from ..frames.ethernet import Arp, Frame, Ipv4, Ipv6, Neighbour, Router, Udp
from ..model import protocol_numbers
from .filtered_nic import FilteredNic

HOOKS = ("input", "forward")
_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")
_SERVERS, _ROUTERS = ipaddress.IPv6Address("ff02::1:2"), ipaddress.IPv6Address("ff02::2")
_EVERYBODY = ipaddress.IPv4Address("255.255.255.255")
_TYPES = (protocol_numbers.ETH_ARP, protocol_numbers.ETH_IPV4, protocol_numbers.ETH_IPV6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """One promise.

    Attributes:
        id: As the tests and the facts name it.
        text: What is promised, as the end of "the rules must ...".
        concerns: Whether the frame, sent by the NIC and seen at the hook, falls under it.
        passes: Whether such a frame must pass; else it must be dropped.
        is_kept_behind: Whether the rules of IP may keep it too, which stand behind the bridge's:
            LXD's xtables driver has those about neighbour advertisements in ip6tables.
        applies: Whether it promises anything about the NIC.
    """

    id: str
    text: str
    concerns: Callable[[Frame, FilteredNic, str], bool]
    passes: bool = False
    is_kept_behind: bool = False
    applies: Callable[[FilteredNic], bool] = lambda nic: nic.holds_mac


def _source_mac(frame: Frame, nic: FilteredNic, _: str) -> bool:
    return nic.holds_mac and frame.source != nic.mac


def _arp_mac(frame: Frame, nic: FilteredNic, _: str) -> bool:
    arp = frame.content
    return nic.holds_mac and not frame.tags and isinstance(arp, Arp) and arp.sender_mac != nic.mac


def _ipv4_source(frame: Frame, nic: FilteredNic, hook: str) -> bool:
    if not nic.filters_ipv4 or frame.tags:
        return False
    content = frame.content
    if isinstance(content, Arp):
        return not _is_among(content.sender_ip, nic.ipv4)
    if not isinstance(content, Ipv4) or _is_among(content.source, nic.ipv4):
        return False
    return not (hook == "input" and _asks_for_ipv4(content) and nic.ipv4)


def _asks_for_ipv4(packet: Ipv4) -> bool:
    """Return a later fragment looks like the first to a filter, and to nobody else.

    It leads nowhere.
    """
    ends = (packet.source, packet.destination)
    is_udp = isinstance(packet.content, Udp) and packet.content.destination_port == dhcp.SERVER
    is_later = bool(packet.fragment_offset) and _protocol(packet.content) == protocol_numbers.UDP
    return ends == (ethernet.ANY_IPV4, _EVERYBODY) and (is_udp or is_later)


def _protocol(content: ethernet.Segment) -> int:
    return content.protocol if isinstance(content, ethernet.Other) else -1


def _router_advertisement(frame: Frame, nic: FilteredNic, _: str) -> bool:
    packet = frame.content
    if not nic.filters_ipv6 or frame.tags or not isinstance(packet, Ipv6):
        return False
    return _icmpv6_type(packet.content) == protocol_numbers.ROUTER_ADVERT


def _icmpv6_type(content: ethernet.Segment) -> int:
    if isinstance(content, Router | Neighbour | ethernet.Icmp):
        return content.type
    return -1


def _ipv6_source(frame: Frame, nic: FilteredNic, hook: str) -> bool:
    packet = frame.content
    if not nic.filters_ipv6 or frame.tags or not isinstance(packet, Ipv6):
        return False
    if _is_among(packet.source, nic.ipv6) or _is_advertisement(packet):
        return False
    return not (hook == "input" and _asks_for_ipv6(packet) and nic.ipv6)


def _asks_for_ipv6(packet: Ipv6) -> bool:
    if packet.source not in _LINK_LOCAL:
        return False
    content = packet.content
    if isinstance(content, Udp):
        return (packet.destination, content.destination_port) == (_SERVERS, dhcp.SERVER_V6)
    return (packet.destination, _icmpv6_type(content)) == (
        _ROUTERS,
        protocol_numbers.ROUTER_SOLICIT,
    )


def _is_advertisement(packet: Ipv6) -> bool:
    return _icmpv6_type(packet.content) == protocol_numbers.NEIGHBOUR_ADVERT


def _neighbour_target(frame: Frame, nic: FilteredNic, _: str) -> bool:
    packet = frame.content
    if not nic.filters_ipv6 or frame.tags or not isinstance(packet, Ipv6):
        return False
    content = packet.content
    if not isinstance(content, Neighbour) or content.type != protocol_numbers.NEIGHBOUR_ADVERT:
        return False
    return not _is_among(content.target, nic.ipv6)


def _neighbour_source(frame: Frame, nic: FilteredNic, _: str) -> bool:
    packet = frame.content
    if not nic.filters_ipv6 or frame.tags or not isinstance(packet, Ipv6):
        return False
    is_own = _is_among(packet.source, nic.ipv6) or packet.source == nic.link_local
    return _is_advertisement(packet) and not is_own


def _neighbour_mac(frame: Frame, nic: FilteredNic, _: str) -> bool:
    packet = frame.content
    if not nic.holds_mac or frame.tags or not isinstance(packet, Ipv6):
        return False
    content = packet.content
    if not isinstance(content, Neighbour) or content.type != protocol_numbers.NEIGHBOUR_ADVERT:
        return False
    given = (o.body for o in content.options if o.type == protocol_numbers.TARGET_LINK_LAYER)
    return any(mac.hex(":") != nic.mac for mac in given)


def _ethertype(frame: Frame, nic: FilteredNic, _: str) -> bool:
    seen = frame.tags[0].ethertype if frame.tags else frame.ethertype
    return (nic.filters_ipv4 or nic.filters_ipv6) and seen not in _TYPES


def _without_ipv4(frame: Frame, nic: FilteredNic, _: str) -> bool:
    return nic.filters_ipv4 and not nic.ipv4 and frame.ethertype in _TYPES[:2]


def _without_ipv6(frame: Frame, nic: FilteredNic, _: str) -> bool:
    return nic.filters_ipv6 and not nic.ipv6 and frame.ethertype == protocol_numbers.ETH_IPV6


def _own(frame: Frame, nic: FilteredNic, hook: str) -> bool:
    """Return what the NIC must be able to say with the addresses it was given."""
    if frame.source != nic.mac or frame.tags or frame.trailer:
        return False
    content = frame.content
    if isinstance(content, Arp):
        is_ours = content.sender_mac == nic.mac and content.hardware_type == 1
        return is_ours and _is_among(content.sender_ip, nic.ipv4)
    if isinstance(content, Ipv4):
        asks = hook == "input" and bool(nic.ipv4) and _is_plain_request(content)
        return asks or _is_among(content.source, nic.ipv4)
    if isinstance(content, Ipv6) and not content.extensions:
        asks = hook == "input" and bool(nic.ipv6) and _asks_for_ipv6(content)
        return asks or (_is_among(content.source, nic.ipv6) and _is_own_discovery(content, nic))
    return False


def _is_plain_request(packet: Ipv4) -> bool:
    return not packet.fragment_offset and not packet.options and _asks_for_ipv4(packet)


def _is_own_discovery(packet: Ipv6, nic: FilteredNic) -> bool:
    content = packet.content
    if _icmpv6_type(content) == protocol_numbers.ROUTER_ADVERT:
        return not nic.filters_ipv6
    if not isinstance(content, Neighbour) or content.type != protocol_numbers.NEIGHBOUR_ADVERT:
        return _icmpv6_type(content) != protocol_numbers.NEIGHBOUR_ADVERT
    own = ethernet.Option.link_layer(protocol_numbers.TARGET_LINK_LAYER, nic.mac)
    return _is_among(content.target, nic.ipv6) and content.options == (own,)


Networks = tuple[ipaddress.IPv4Network, ...] | tuple[ipaddress.IPv6Network, ...]


def _is_among(address: protocol_numbers.IpAddress, networks: Networks) -> bool:
    return any(address in network for network in networks)


SOURCE_MAC = Guarantee(
    id="P1", text="drop every frame whose source MAC address is another's", concerns=_source_mac
)
ARP_MAC = Guarantee(
    id="P2", text="drop ARP that gives another's MAC address as the sender's", concerns=_arp_mac
)
IPV4_SOURCE = Guarantee(
    id="P3",
    text="drop ARP and IPv4 from an address that is not its own",
    concerns=_ipv4_source,
    applies=lambda nic: nic.filters_ipv4,
)
ROUTER_ADVERTISEMENT = Guarantee(
    id="P4",
    text="drop router advertisements",
    concerns=_router_advertisement,
    applies=lambda nic: nic.filters_ipv6,
)
IPV6_SOURCE = Guarantee(
    id="P5",
    text="drop IPv6 from an address that is not its own",
    concerns=_ipv6_source,
    applies=lambda nic: nic.filters_ipv6,
)
NEIGHBOUR_TARGET = Guarantee(
    id="P6",
    text="drop neighbour advertisements of an address that is not its own",
    concerns=_neighbour_target,
    is_kept_behind=True,
    applies=lambda nic: nic.filters_ipv6,
)
NEIGHBOUR_SOURCE = Guarantee(
    id="P6s",
    text="drop neighbour advertisements from an address that is not its own",
    concerns=_neighbour_source,
    is_kept_behind=True,
    applies=lambda nic: nic.filters_ipv6,
)
NEIGHBOUR_MAC = Guarantee(
    id="P6m",
    text="drop neighbour advertisements that give another's MAC address",
    concerns=_neighbour_mac,
    is_kept_behind=True,
)
ETHERTYPE = Guarantee(
    id="P7",
    text="drop frames that are not ARP, IPv4 or IPv6",
    concerns=_ethertype,
    applies=lambda nic: nic.filters_ipv4 or nic.filters_ipv6,
)
WITHOUT_IPV4 = Guarantee(
    id="P10v4",
    text="drop all ARP and IPv4, tagged or not, where it has no IPv4 address",
    concerns=_without_ipv4,
    applies=lambda nic: nic.filters_ipv4 and not nic.ipv4,
)
WITHOUT_IPV6 = Guarantee(
    id="P10v6",
    text="drop all IPv6, tagged or not, where it has no IPv6 address",
    concerns=_without_ipv6,
    applies=lambda nic: nic.filters_ipv6 and not nic.ipv6,
)
OWN = Guarantee(
    id="P8",
    text="let pass what is its own",
    concerns=_own,
    passes=True,
    applies=lambda nic: bool(nic.ipv4 or nic.ipv6),
)

# What controls ask for: of foreign sources, of neighbour advertisements, of NICs without address.
SOURCES = (
    SOURCE_MAC,
    ARP_MAC,
    IPV4_SOURCE,
    ROUTER_ADVERTISEMENT,
    IPV6_SOURCE,
    ETHERTYPE,
    OWN,
)
ADVERTISEMENTS = (NEIGHBOUR_TARGET, NEIGHBOUR_SOURCE, NEIGHBOUR_MAC)
NO_ADDRESS = (WITHOUT_IPV4, WITHOUT_IPV6)
EVERY = (*SOURCES, *ADVERTISEMENTS, *NO_ADDRESS)


def too_wide(
    nic: FilteredNic, given: Iterable[protocol_numbers.IpNetwork]
) -> tuple[protocol_numbers.IpNetwork, ...]:
    """P9: the networks that the NIC may use beyond what it was given (address and routes)."""
    known = tuple(given)
    allowed: tuple[protocol_numbers.IpNetwork, ...] = (*nic.ipv4, *nic.ipv6)
    return tuple(net for net in allowed if not any(_contains(own, net) for own in known))


def _contains(outer: protocol_numbers.IpNetwork, inner: protocol_numbers.IpNetwork) -> bool:
    ends = (inner.network_address, inner.broadcast_address)
    return all(end.version == outer.version and end in outer for end in ends)
