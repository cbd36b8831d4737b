"""A packet as the packet filter sees it: the bytes, where its headers lie, and where it goes.

Written after Linux's nf_tables_ipv4.h, nf_tables_ipv6.h, nft_payload.c and skb_vlan_untag(), and
shown to agree with the kernel by `tests/lab/test_kernel_agreement.py`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from . import protocol_numbers, rules

MACS = 12  # bytes of the two MAC addresses
LINK_HEADER, TAG = 14, 4  # bytes
IPV4_HEADER, IPV6_HEADER = 20, 40  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What the kernel found behind the network header.

    Attributes:
        protocol: Its number.
        start: Offset in bytes from the network header.
        fragment_offset: Not 0 in all fragments but the first.
    """

    protocol: int
    start: int
    fragment_offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet at one place of its way.

    Attributes:
        octets: The frame; from the network header on where `link` is 0 and there is no more.
        network: Where the network header starts in it.
        protocol: The EtherType that the kernel goes by, `skb->protocol`: behind one VLAN tag.
        has_link: Whether the frame's link header is known.
        transport: None where the kernel finds none, or the packet is damaged.
        iifname: The interface it came in by; "" for none.
        oifname: The one it goes out by; "" for none.
        port_in: The port of a bridge that it came in by, where br_netfilter hands it over; "" for
            none, None where it is not known.
        port_out: Likewise, the port that it goes out by.
        iif: The number of the first; None where it is not known.
        is_bridged: Whether it is seen by the bridge's hooks.
        bridge: The bridge's name; "" where it is not known.
        packet_type: As `protocol_numbers.PACKET_TYPES`; None where it is not known.
        mark: `skb->mark`.
        ct_state: Bits of `protocol_numbers.CT_STATES`, once tracking has seen the packet; None:
            not known.
        is_local: Whether the destination is an address of this host; None: not known.
        free: Bits that the sender may choose at will: rules about them hold or do not.
        has_route_back: Whether the way to the source leads out of the interface the packet came
            in by; None: not known.
    """

    octets: bytes
    network: int
    protocol: int
    transport: Transport | None
    has_link: bool = True
    iifname: str = ""
    oifname: str = ""
    port_in: str | None = None
    port_out: str | None = None
    iif: int | None = None
    is_bridged: bool = False
    bridge: str = ""
    packet_type: int | None = None
    mark: int = 0
    ct_state: int | None = field(default=protocol_numbers.CT_STATES["new"])
    is_local: bool | None = None
    has_route_back: bool | None = None
    free: tuple[rules.Payload, ...] = ()

    @property
    def family(self) -> str:
        """`ip`, `ip6`, or "" for anything else."""
        return {protocol_numbers.ETH_IPV4: "ip", protocol_numbers.ETH_IPV6: "ip6"}.get(
            self.protocol, ""
        )


def bridged(
    octets: bytes, *, iifname: str, oifname: str = "", iif: int | None = None, bridge: str = ""
) -> Packet:
    """Return a frame that came in at a bridge port; `oifname` is set if it is forwarded.

    Raises:
        ValueError: it is too short to be a frame.
    """
    if len(octets) < LINK_HEADER:
        raise ValueError(f"{len(octets)} bytes are no Ethernet frame")
    ethertype, network = int.from_bytes(octets[MACS:LINK_HEADER], "big"), LINK_HEADER
    # The kernel takes one tag, and only one, off every frame it receives: skb_vlan_untag().
    if ethertype in protocol_numbers.TAGS and len(octets) >= network + TAG:
        network += TAG
        ethertype = int.from_bytes(octets[network - 2 : network], "big")
    protocol = _known_protocol(ethertype, octets[network : network + 2])
    return Packet(
        octets=octets,
        network=network,
        protocol=protocol,
        transport=find_transport(protocol, octets[network:]),
        iifname=iifname,
        oifname=oifname,
        iif=iif,
        is_bridged=True,
        bridge=bridge,
        packet_type=_packet_type(octets),
    )


def behind_bridge(seen: Packet, *, is_handed_over: bool) -> Packet:
    """Return the frame as IP's rules see it: the host's own, or those behind br_netfilter.

    Both see the bridge for the interface, and only br_netfilter keeps which port it was
    (net/bridge/br_netfilter_hooks.c, setup_pre_routing and br_nf_forward_ip).
    """
    return dataclasses.replace(
        seen,
        iifname=seen.bridge,
        oifname=seen.bridge if seen.oifname else "",
        port_in=seen.iifname if is_handed_over else "",
        port_out=seen.oifname if is_handed_over else "",
        iif=None,
        is_bridged=False,
        ct_state=_untracked(seen),
    )


def _untracked(seen: Packet) -> int | None:
    """Neighbour discovery is never tracked (nf_conntrack_proto_icmpv6.c); else who knows."""
    whole = seen.transport is not None and not has_fragment_header(seen)
    if (
        not whole
        or seen.transport is None
        or seen.transport.protocol != protocol_numbers.IPV6_ICMP
    ):
        return None
    kind = seen.octets[seen.network + seen.transport.start :][:1]
    is_discovery = kind and protocol_numbers.ROUTER_SOLICIT <= kind[0] <= protocol_numbers.REDIRECT
    return protocol_numbers.CT_STATES["untracked"] if is_discovery else None


def has_fragment_header(seen: Packet) -> bool:
    """Return whether it is an IPv6 fragment, be it the only one."""
    octets = seen.octets[seen.network :]
    return len(octets) >= IPV6_HEADER and has_extension(octets, protocol_numbers.FRAGMENT)


def is_passed_on(octets: bytes) -> bool:
    """Return whether a bridge passes the frame on at all.

    Groups of one link it keeps (802.1D 7.12.6).
    """
    return octets[:5] != b"\x01\x80\xc2\0\0" or octets[5] > 0x0F  # noqa: PLR2004 - the last


def routed(  # noqa: PLR0913 - each is a fact of its own
    octets: bytes,
    *,
    iifname: str,
    oifname: str = "",
    iif: int | None = None,
    is_local: bool | None = None,
    has_route_back: bool | None = None,
    ct_state: int | None = protocol_numbers.CT_STATES["new"],
    free: tuple[rules.Payload, ...] = (),
) -> Packet:
    """Return an IP packet that starts with its network header.

    Whoever sent its frame is not known.
    """
    protocol = {4: protocol_numbers.ETH_IPV4, 6: protocol_numbers.ETH_IPV6}.get(octets[0] >> 4, 0)
    return Packet(
        octets=octets,
        network=0,
        protocol=protocol,
        transport=find_transport(protocol, octets),
        has_link=False,
        iifname=iifname,
        oifname=oifname,
        iif=iif,
        is_local=is_local,
        has_route_back=has_route_back,
        ct_state=ct_state,
        free=free,
    )


def _known_protocol(ethertype: int, start: bytes) -> int:
    """Return what eth_type_trans() makes of the field: a length means 802.3, raw or with LLC."""
    if ethertype >= protocol_numbers.FIRST_ETHERTYPE:
        return ethertype
    return protocol_numbers.ETH_802_3 if start == b"\xff\xff" else protocol_numbers.ETH_802_2


def _packet_type(octets: bytes) -> int | None:
    """Known by the destination alone for groups; one host's own address is not known here."""
    if octets[:6] == b"\xff" * 6:
        return protocol_numbers.PACKET_TYPES["broadcast"]
    return protocol_numbers.PACKET_TYPES["multicast"] if octets[0] & 1 else None


def find_transport(protocol: int, octets: bytes) -> Transport | None:
    """Return where the transport header is, from the network header on.

    None as the kernel's "unspec".
    """
    if protocol == protocol_numbers.ETH_IPV4:
        return _ipv4_transport(octets)
    return _ipv6_transport(octets) if protocol == protocol_numbers.ETH_IPV6 else None


def _ipv4_transport(octets: bytes) -> Transport | None:
    if len(octets) < IPV4_HEADER or octets[0] >> 4 != 4:  # noqa: PLR2004 - the version
        return None
    start, length = (octets[0] & 0x0F) * 4, int.from_bytes(octets[2:4], "big")
    if start < IPV4_HEADER or not start <= length <= len(octets):
        return None
    offset = int.from_bytes(octets[6:8], "big") & 0x1FFF
    return Transport(protocol=octets[9], start=start, fragment_offset=offset)


def _ipv6_transport(octets: bytes) -> Transport | None:
    if len(octets) < IPV6_HEADER or octets[0] >> 4 != 6:  # noqa: PLR2004 - the version
        return None
    if int.from_bytes(octets[4:6], "big") + IPV6_HEADER > len(octets):
        return None
    return _walk(octets, octets[6], IPV6_HEADER)


def _walk(octets: bytes, number: int, start: int) -> Transport | None:
    """Walk the headers like ipv6_find_hdr() with IP6_FH_F_AUTH and without a target."""
    while number in protocol_numbers.EXTENSIONS and number not in (
        protocol_numbers.NO_NEXT,
        protocol_numbers.AUTHENTICATION,
    ):
        header = octets[start : start + 4]
        if len(header) < (4 if number == protocol_numbers.FRAGMENT else 2):
            return None
        offset = (
            int.from_bytes(header[2:4], "big") & ~7 if number == protocol_numbers.FRAGMENT else 0
        )
        if offset:
            return _later_fragment(header[0], offset)
        start += 8 if number == protocol_numbers.FRAGMENT else (header[1] + 1) * 8
        number = header[0]
    if number == protocol_numbers.AUTHENTICATION and len(octets) < start + 2:
        return None
    return Transport(protocol=number, start=start)


def _later_fragment(following: int, offset: int) -> Transport | None:
    """Return the packet with the transport header that the kernel assumes for a later fragment."""
    if following in protocol_numbers.EXTENSIONS and following != protocol_numbers.NO_NEXT:
        return None
    return Transport(protocol=following, start=0, fragment_offset=offset)


def skipped(octets: bytes) -> tuple[int, int] | None:
    """Protocol and place of what is behind all of an IPv6 packet's extension headers.

    As ipv6_skip_exthdr() (net/ipv6/exthdrs_core.c), which ebtables asks: authentication headers
    are skipped too, and a later fragment's header is where it ends. None where there is nothing.
    """
    number, start = octets[6], IPV6_HEADER
    while number in protocol_numbers.EXTENSIONS:
        header = octets[start : start + 8]
        if number == protocol_numbers.NO_NEXT or len(header) < 8:  # noqa: PLR2004 - the least that any takes
            return None
        if number == protocol_numbers.FRAGMENT and int.from_bytes(header[2:4], "big") & ~7:
            break
        if number == protocol_numbers.FRAGMENT:
            start += 8
        else:
            start += (
                (header[1] + 2) * 4
                if number == protocol_numbers.AUTHENTICATION
                else (header[1] + 1) * 8
            )
        number = header[0]
    return number, start


def has_extension(octets: bytes, wanted: int) -> bool:
    """Return whether ipv6_find_hdr() finds an extension header with this number."""
    number, start = octets[6], IPV6_HEADER
    while number != wanted:
        if number not in protocol_numbers.EXTENSIONS or number == protocol_numbers.NO_NEXT:
            return False
        header = octets[start : start + 4]
        if len(header) < 4:  # noqa: PLR2004 - nothing is there
            return False
        if number == protocol_numbers.FRAGMENT:
            if int.from_bytes(header[2:4], "big") & ~7:
                return False
            start += 8
        else:
            unit = 4 if number == protocol_numbers.AUTHENTICATION else 8
            start += (header[1] + (2 if unit == 4 else 1)) * unit  # noqa: PLR2004 - as above
        number = header[0]
    return True
