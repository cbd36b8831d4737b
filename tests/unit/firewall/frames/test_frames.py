"""Frames: their bytes, and the line that describes them."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from pytest_lxdsec.firewall.frames import decode, describe, dhcp, encode, ethernet
from pytest_lxdsec.firewall.model import packet, protocol_numbers
from pytest_lxdsec.firewall.spoofing import frame_kinds
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples

NIC = examples.nic("all")
KINDS = frame_kinds.every(NIC, NOBODY)


def test_known_packet_has_the_known_bytes() -> None:
    # The header of RFC 1071's usual example, whose checksum is 0xb861.
    made = ethernet.Ipv4(
        source=ipaddress.IPv4Address("192.168.0.1"),
        destination=ipaddress.IPv4Address("192.168.0.199"),
        content=ethernet.Other(protocol=17, body=bytes(95)),
        is_whole=True,
    )
    assert (
        encode.content_octets(made)[:20].hex() == "450000730000400040" + "11b861c0a80001c0a800c7"
    )


def test_sum_over_addresses_is_right() -> None:
    source, destination = (ipaddress.IPv6Address(text) for text in ("fe80::1", "ff02::1"))
    _, body = encode.segment(ethernet.Icmp(type=128), source, destination)
    pseudo = source.packed + destination.packed + len(body).to_bytes(4, "big") + b"\0\0\0\x3a"
    words = [int.from_bytes((pseudo + body)[at : at + 2], "big") for at in range(0, 48, 2)]
    assert sum(words) % 0xFFFF == 0


@pytest.mark.parametrize("name", KINDS)
def test_kind_comes_back_from_its_bytes(name: str) -> None:
    assert decode.parse(encode.octets(KINDS[name])) == KINDS[name]


def test_wrong_checksum_stays_bytes() -> None:
    octets = bytearray(encode.octets(KINDS["legit_ipv4_udp"]))
    octets[24] ^= 1
    assert isinstance(decode.parse(bytes(octets)).content, ethernet.Other)


def test_padding_is_a_trailer() -> None:
    octets = encode.octets(KINDS["legit_garp"]) + bytes(18)
    assert decode.parse(octets).trailer == bytes(18)


@pytest.mark.parametrize("octets", [b"", bytes(13), bytes(12) + b"\x81\0\0\0"])
def test_what_is_too_short_is_no_frame(octets: bytes) -> None:
    with pytest.raises(decode.NoFrame):
        decode.parse(octets)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "arp_reply_spoof_spa",
            "ARP reply: 192.0.2.66 is at 00:16:3e:86:47:9a (from 00:16:3e:86:47:9a to everybody)",
        ),
        (
            "mac_spoof_dhcp4",
            (
                "IPv4 DHCP DISCOVER for 02:00:5e:00:53:66 (UDP 68 to 67) from 0.0.0.0 to"
                " 255.255.255.255 (from 02:00:5e:00:53:66 to everybody)"
            ),
        ),
        (
            "na_noopt_spoof_ownsrc",
            (
                "IPv6 neighbour advertisement for 2001:db8::66 from fd85:5ec::216:3eff:fe86:479a"
                " to 2001:db8::1 (from 00:16:3e:86:47:9a to everybody)"
            ),
        ),
        (
            "ra_rogue_hbh",
            (
                "IPv6 router advertisement, lifetime 30 s, behind hop-by-hop options from"
                " fe80::216:3eff:fe86:479a to ff02::1 (from 00:16:3e:86:47:9a to everybody)"
            ),
        ),
        (
            "qinq_88a8_8100_ipv4",
            (
                "IPv4 UDP 40000 to 40000 from 192.0.2.66 to 192.0.2.1 (from 00:16:3e:86:47:9a to"
                " everybody, in an 802.1ad tag of VLAN 100, in an 802.1Q tag of VLAN 100)"
            ),
        ),
        ("lldp_88cc_bcast", "frame of LLDP (from 00:16:3e:86:47:9a to everybody)"),
        ("llc_802_3", "802.3 frame of 46 bytes (from 00:16:3e:86:47:9a to everybody)"),
    ],
)
def test_description_is_one_line_for_people(name: str, text: str) -> None:
    assert describe.describe(KINDS[name]) == text


def test_message_of_dhcpv6_is_named() -> None:
    assert dhcp.describe(dhcp.solicit(NIC.mac)) == "DHCPv6 SOLICIT"


def test_link_local_address_follows_the_mac_address() -> None:
    assert str(protocol_numbers.link_local("00:16:3e:86:47:9a")) == "fe80::216:3eff:fe86:479a"


# --- as the packet filter sees them ----------------------------------------------------------


def seen(name: str, **changes: object) -> packet.Packet:
    frame = dataclasses.replace(KINDS[name], **changes)  # type: ignore[arg-type]  # checked there
    return packet.bridged(encode.octets(frame), iifname="veth0")


def test_kernel_looks_behind_one_tag() -> None:
    assert seen("vlan100_ipv4_spoof").protocol == protocol_numbers.ETH_IPV4


def test_kernel_does_not_look_behind_two_tags() -> None:
    assert seen("qinq_8100_8100_vid0").protocol == protocol_numbers.ETH_8021Q


def test_length_is_no_protocol() -> None:
    assert seen("llc_802_3").protocol == protocol_numbers.ETH_802_2


def test_transport_is_behind_the_extension_headers() -> None:
    found = seen("ra_rogue_hbh").transport
    assert found == packet.Transport(protocol=protocol_numbers.IPV6_ICMP, start=48)


def test_later_fragment_has_no_transport_header_of_its_own() -> None:
    found = seen("ra_rogue_frag2").transport
    assert found == packet.Transport(
        protocol=protocol_numbers.IPV6_ICMP, start=0, fragment_offset=8
    )


def test_packet_that_is_cut_short_has_no_transport() -> None:
    octets = encode.octets(KINDS["legit_ipv6_udp"])[:-1]
    assert packet.bridged(octets, iifname="veth0").transport is None
