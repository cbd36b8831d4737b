"""The numbers of the protocols, and addresses as numbers; imports nothing of ours.

IANA's registries and Linux's if_ether.h, under the names that nft prints (`nft describe`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

ETH_IPV4, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
ETH_8021Q, ETH_8021AD = 0x8100, 0x88A8
ETH_802_3, ETH_802_2 = 0x0001, 0x0004  # What the kernel calls frames with a length: if_ether.h
TAGS = (ETH_8021Q, ETH_8021AD)
FIRST_ETHERTYPE = 0x0600  # below it the field is a length

ICMP, TCP, UDP, IPV6_ICMP = 1, 6, 17, 58
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT, DESTINATION = 0, 43, 44, 51, 59, 60
# The kernel's ipv6_ext_hdr(): mobility and the like are no extension headers for it.
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NO_NEXT, DESTINATION)

ECHO_REQUEST_V6 = 128
ROUTER_SOLICIT, ROUTER_ADVERT = 133, 134
NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT, REDIRECT = 135, 136, 137
SOURCE_LINK_LAYER, TARGET_LINK_LAYER = 1, 2  # neighbour discovery's options

NFPROTO: Mapping[str, int] = {"inet": 1, "ipv4": 2, "arp": 3, "netdev": 5, "bridge": 7, "ipv6": 10}
ETHERTYPES: Mapping[str, int] = {
    "ip": ETH_IPV4,
    "arp": ETH_ARP,
    "ip6": ETH_IPV6,
    "8021q": ETH_8021Q,
    "8021ad": ETH_8021AD,
    "vlan": ETH_8021Q,
}
PROTOCOLS: Mapping[str, int] = {
    "ip": 0,
    "icmp": ICMP,
    "igmp": 2,
    "ipencap": 4,
    "tcp": TCP,
    "udp": UDP,
    "dccp": 33,
    "ipv6": 41,
    "ipv6-route": ROUTING,
    "ipv6-frag": FRAGMENT,
    "gre": 47,
    "esp": 50,
    "ah": AUTHENTICATION,
    "icmpv6": IPV6_ICMP,
    "ipv6-icmp": IPV6_ICMP,
    "ipv6-nonxt": NO_NEXT,
    "ipv6-opts": DESTINATION,
    "ospf": 89,
    "pim": 103,
    "comp": 108,
    "ipcomp": 108,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
ICMP_TYPES: Mapping[str, int] = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}
ICMPV6_TYPES: Mapping[str, int] = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": ROUTER_SOLICIT,
    "nd-router-advert": ROUTER_ADVERT,
    "nd-neighbor-solicit": NEIGHBOUR_SOLICIT,
    "nd-neighbor-advert": NEIGHBOUR_ADVERT,
    "nd-redirect": REDIRECT,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}
ARP_OPERATIONS: Mapping[str, int] = {
    "request": 1,
    "reply": 2,
    "rrequest": 3,
    "rreply": 4,
    "inrequest": 8,
    "inreply": 9,
    "nak": 10,
}
TCP_FLAGS: Mapping[str, int] = {
    "fin": 1,
    "syn": 2,
    "rst": 4,
    "psh": 8,
    "ack": 16,
    "urg": 32,
    "ecn": 64,
    "cwr": 128,
}
CT_STATES: Mapping[str, int] = {
    "invalid": 1,
    "established": 2,
    "related": 4,
    "new": 8,
    "untracked": 64,
}
CT_STATUS: Mapping[str, int] = {
    "expected": 1,
    "seen-reply": 2,
    "assured": 4,
    "confirmed": 8,
    "snat": 16,
    "dnat": 32,
    "dying": 512,
}
PACKET_TYPES: Mapping[str, int] = {
    "host": 0,
    "unicast": 0,
    "broadcast": 1,
    "multicast": 2,
    "other": 3,
}
LINK_TYPES: Mapping[str, int] = {
    "ether": 1,
    "ppp": 512,
    "loopback": 772,
    "ipip": 768,
    "ipgre": 778,
}
ROUTE_TYPES: Mapping[str, int] = {
    "unspec": 0,
    "unicast": 1,
    "local": 2,
    "broadcast": 3,
    "anycast": 4,
    "multicast": 5,
    "blackhole": 6,
    "unreachable": 7,
    "prohibit": 8,
}


def mac_number(text: str) -> int:
    """Return a MAC address as a number.

    Raises:
        ValueError: it is none.
    """
    parts = text.split(":")
    if len(parts) != 6 or not all(1 <= len(part) <= 2 for part in parts):  # noqa: PLR2004 - octets
        raise ValueError(f"no MAC address: {text!r}")
    return int.from_bytes(bytes(int(part, 16) for part in parts), "big")


def mac_text(number: int) -> str:
    """Return a number as a MAC address."""
    return number.to_bytes(6, "big").hex(":")


def link_local(mac: str) -> ipaddress.IPv6Address:
    """Return the link-local address that a kernel derives from a MAC (RFC 4291, appendix A)."""
    octets = mac_number(mac).to_bytes(6, "big")
    interface = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + interface)
