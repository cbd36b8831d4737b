"""A frame as one line that a person understands; imports `dhcp`, `frames`, `numbers`."""

from __future__ import annotations

from . import dhcp, frames, numbers
from .frames import Frame

_ETHERTYPES = {
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE",
    0x8847: "MPLS",
    0x88CC: "LLDP",
    0x88B5: "an experimental EtherType (0x88b5)",
}
_ICMPV6 = {
    numbers.ECHO_REQUEST_V6: "echo request",
    numbers.NEIGHBOUR_SOLICIT: "neighbour solicitation",
    numbers.NEIGHBOUR_ADVERT: "neighbour advertisement",
    numbers.REDIRECT: "redirect",
}
_EXTENSIONS = {
    numbers.HOP_BY_HOP: "hop-by-hop options",
    numbers.DESTINATION: "destination options",
    numbers.ROUTING: "a routing header",
}


def describe(frame: Frame) -> str:
    """One line: what the frame says, from which MAC address, and in what it is wrapped."""
    said = _content(frame)
    to = "everybody" if frame.destination == frames.BROADCAST else frame.destination
    tags = "".join(f", in {_tag(tag)}" for tag in frame.tags)
    return f"{said} (from {frame.source} to {to}{tags})"


def _tag(tag: frames.Tag) -> str:
    kind = "802.1ad" if tag.ethertype == numbers.ETH_8021AD else "802.1Q"
    return f"an {kind} tag of VLAN {tag.vid}"


def _content(frame: Frame) -> str:
    match frame.content:
        case frames.Arp():
            return _arp(frame.content)
        case frames.Ipv4():
            return _ipv4(frame.content)
        case frames.Ipv6():
            return _ipv6(frame.content)
        case frames.Length(body=body):
            return f"802.3 frame of {len(body)} bytes"
        case frames.Other(protocol=protocol):
            return f"frame of {_ETHERTYPES.get(protocol, f'EtherType {protocol:#06x}')}"


def _arp(arp: frames.Arp) -> str:
    odd = "" if arp.hardware_type == 1 else f" (hardware type {arp.hardware_type})"
    if arp.operation == 1 and arp.sender_ip == arp.target_ip:
        return f"ARP announcement{odd}: {arp.sender_ip} is at {arp.sender_mac}"
    if arp.operation == 1:
        who = f"{arp.sender_ip} at {arp.sender_mac}"
        return f"ARP request{odd} for {arp.target_ip}, by {who}"
    kind = "reply" if arp.operation == 2 else f"operation {arp.operation}"  # noqa: PLR2004 - reply
    return f"ARP {kind}{odd}: {arp.sender_ip} is at {arp.sender_mac}"


def _ipv4(packet: frames.Ipv4) -> str:
    if packet.fragment_offset:
        what = f"later IPv4 fragment at {packet.fragment_offset * 8}"
    else:
        what = f"IPv4 {_segment(packet.content)}"
    options = ", with options" if packet.options else ""
    return f"{what} from {packet.source} to {packet.destination}{options}"


def _ipv6(packet: frames.Ipv6) -> str:
    wraps = [_extension(extension) for extension in packet.extensions]
    behind = f" behind {', '.join(wraps)}" if wraps else ""
    what = _segment(packet.content)
    return f"IPv6 {what}{behind} from {packet.source} to {packet.destination}"


def _extension(extension: frames.Extension) -> str:
    match extension:
        case frames.Options(number=number):
            return _EXTENSIONS.get(number, f"header {number}")
        case frames.Fragment(offset=0):
            return "a fragment header"
        case frames.Fragment(offset=offset):
            return f"a later fragment's header at {offset * 8}"
        case frames.Authentication():
            return "an authentication header"


def _segment(content: frames.Segment) -> str:  # noqa: PLR0911 - one for each kind
    match content:
        case frames.Udp():
            ports = f"UDP {content.source_port} to {content.destination_port}"
            message = dhcp.describe(content)
            return f"{message} ({ports})" if message else ports
        case frames.Tcp():
            return f"TCP {content.source_port} to {content.destination_port}"
        case frames.Icmp(type=kind, code=code):
            return f"ICMP {kind}/{code}"
        case frames.Neighbour():
            return _neighbour(content)
        case frames.Router(type=numbers.ROUTER_SOLICIT):
            return "router solicitation"
        case frames.Router(lifetime=lifetime):
            return f"router advertisement, lifetime {lifetime} s,"
        case frames.Other(protocol=protocol, body=body):
            return f"protocol {protocol}, {len(body)} bytes,"


def _neighbour(content: frames.Neighbour) -> str:
    said = f"{_ICMPV6[content.type]}"
    for option in content.options:
        if option.type in {numbers.SOURCE_LINK_LAYER, numbers.TARGET_LINK_LAYER}:
            return f"{said}: {content.target} is at {option.body.hex(':')},"
    return f"{said} for {content.target}"
