"""A frame as one line that a person understands."""

from __future__ import annotations

from ..model import protocol_numbers
from . import dhcp, ethernet
from .ethernet import Frame

_ETHERTYPES = {
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE",
    0x8847: "MPLS",
    0x88CC: "LLDP",
    0x88B5: "an experimental EtherType (0x88b5)",
}
_ICMPV6 = {
    protocol_numbers.ECHO_REQUEST_V6: "echo request",
    protocol_numbers.NEIGHBOUR_SOLICIT: "neighbour solicitation",
    protocol_numbers.NEIGHBOUR_ADVERT: "neighbour advertisement",
    protocol_numbers.REDIRECT: "redirect",
}
_EXTENSIONS = {
    protocol_numbers.HOP_BY_HOP: "hop-by-hop options",
    protocol_numbers.DESTINATION: "destination options",
    protocol_numbers.ROUTING: "a routing header",
}


def describe(frame: Frame) -> str:
    """Return one line: what the frame says, from which MAC address, and in what it is wrapped."""
    said = _content(frame)
    to = "everybody" if frame.destination == ethernet.BROADCAST else frame.destination
    tags = "".join(f", in {_tag(tag)}" for tag in frame.tags)
    return f"{said} (from {frame.source} to {to}{tags})"


def _tag(tag: ethernet.Tag) -> str:
    kind = "802.1ad" if tag.ethertype == protocol_numbers.ETH_8021AD else "802.1Q"
    return f"an {kind} tag of VLAN {tag.vid}"


def _content(frame: Frame) -> str:
    match frame.content:
        case ethernet.Arp():
            return _arp(frame.content)
        case ethernet.Ipv4():
            return _ipv4(frame.content)
        case ethernet.Ipv6():
            return _ipv6(frame.content)
        case ethernet.Length(body=body):
            return f"802.3 frame of {len(body)} bytes"
        case ethernet.Other(protocol=protocol):
            return f"frame of {_ETHERTYPES.get(protocol, f'EtherType {protocol:#06x}')}"


def _arp(arp: ethernet.Arp) -> str:
    odd = "" if arp.hardware_type == 1 else f" (hardware type {arp.hardware_type})"
    if arp.operation == 1 and arp.sender_ip == arp.target_ip:
        return f"ARP announcement{odd}: {arp.sender_ip} is at {arp.sender_mac}"
    if arp.operation == 1:
        who = f"{arp.sender_ip} at {arp.sender_mac}"
        return f"ARP request{odd} for {arp.target_ip}, by {who}"
    kind = "reply" if arp.operation == 2 else f"operation {arp.operation}"  # noqa: PLR2004 - reply
    return f"ARP {kind}{odd}: {arp.sender_ip} is at {arp.sender_mac}"


def _ipv4(packet: ethernet.Ipv4) -> str:
    if packet.fragment_offset:
        what = f"later IPv4 fragment at {packet.fragment_offset * 8}"
    else:
        what = f"IPv4 {_segment(packet.content)}"
    options = ", with options" if packet.options else ""
    return f"{what} from {packet.source} to {packet.destination}{options}"


def _ipv6(packet: ethernet.Ipv6) -> str:
    wraps = [_extension(extension) for extension in packet.extensions]
    behind = f" behind {', '.join(wraps)}" if wraps else ""
    what = _segment(packet.content)
    return f"IPv6 {what}{behind} from {packet.source} to {packet.destination}"


def _extension(extension: ethernet.Extension) -> str:
    match extension:
        case ethernet.Options(number=number):
            return _EXTENSIONS.get(number, f"header {number}")
        case ethernet.Fragment(offset=0):
            return "a fragment header"
        case ethernet.Fragment(offset=offset):
            return f"a later fragment's header at {offset * 8}"
        case ethernet.Authentication():
            return "an authentication header"


def _segment(content: ethernet.Segment) -> str:  # noqa: PLR0911 - one for each kind
    match content:
        case ethernet.Udp():
            ports = f"UDP {content.source_port} to {content.destination_port}"
            message = dhcp.describe(content)
            return f"{message} ({ports})" if message else ports
        case ethernet.Tcp():
            return f"TCP {content.source_port} to {content.destination_port}"
        case ethernet.Icmp(type=kind, code=code):
            return f"ICMP {kind}/{code}"
        case ethernet.Neighbour():
            return _neighbour(content)
        case ethernet.Router(type=protocol_numbers.ROUTER_SOLICIT):
            return "router solicitation"
        case ethernet.Router(lifetime=lifetime):
            return f"router advertisement, lifetime {lifetime} s,"
        case ethernet.Other(protocol=protocol, body=body):
            return f"protocol {protocol}, {len(body)} bytes,"


def _neighbour(content: ethernet.Neighbour) -> str:
    said = f"{_ICMPV6[content.type]}"
    for option in content.options:
        if option.type in {protocol_numbers.SOURCE_LINK_LAYER, protocol_numbers.TARGET_LINK_LAYER}:
            return f"{said}: {content.target} is at {option.body.hex(':')},"
    return f"{said} for {content.target}"
