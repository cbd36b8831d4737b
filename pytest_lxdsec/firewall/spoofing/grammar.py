"""A frame from a row of coin flips: the nearest to what a NIC may send where all fall on False.

Each choice takes as many flips as it has options to tell apart, and False chooses the plainest. So
whoever turns a True into a False makes the frame less odd. Hypothesis flips in `search`, a
seeded generator in the tests that ask the kernel.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..frames import dhcp, encode, ethernet
from ..frames.ethernet import BROADCAST, Frame, Neighbour, Option, Router, Tag, Udp
from ..model import protocol_numbers
from . import frame_kinds
from .filtered_nic import FilteredNic, Surroundings

_T = TypeVar("_T")
_GROUPS = ("ff02::1", "ff02::2", "ff02::1:2")
_PORTS = (40000, 53, 67, 68, 546, 547, 9)
_FLOWS = (0, 547, 67, 0x86)


def frame(flip: Callable[[], bool], nic: FilteredNic, around: Surroundings) -> Frame:
    """Return the frame that the flips make."""
    return _Writer(flip=flip, nic=nic, around=around).frame()


@dataclass(slots=True, kw_only=True)
class _Writer:
    flip: Callable[[], bool]
    nic: FilteredNic
    around: Surroundings

    def pick(self, options: Sequence[_T]) -> _T:
        """Return one of the options; the first where all flips fall on False."""
        number = 0
        for _ in range((len(options) - 1).bit_length()):
            number = number << 1 | self.flip()
        return options[number % len(options)]

    def frame(self) -> Frame:
        content = self.content()
        source = self.mac()
        destination = self.pick(
            (BROADCAST, self.around.bridge_mac, self.around.other_mac, "33:33:00:00:00:01")
        )
        tags = self.pick(((), (), (), (self.tag,), (self.tag, self.tag)))
        return Frame(
            source=source,
            destination=destination,
            content=content,
            tags=tuple(tag() for tag in tags),
        )

    def content(self) -> ethernet.Content:
        makers: Sequence[Callable[[], ethernet.Content]] = (
            self.arp,
            self.ipv4,
            self.ipv6,
            self.ipv6,
            self.other,
        )
        return self.pick(makers)()

    def tag(self) -> Tag:
        return Tag(
            vid=self.pick((0, 1, 100)),
            priority=self.pick((0, 5)),
            ethertype=self.pick(protocol_numbers.TAGS),
        )

    def mac(self) -> str:
        return self.pick((*[self.nic.mac] * 5, self.around.other_mac, self.near(self.nic.mac)))

    @staticmethod
    def near(mac: str) -> str:
        """Return one bit beside: what a sloppy mask would let through."""
        return protocol_numbers.mac_text(protocol_numbers.mac_number(mac) ^ 1)

    def address_v4(self) -> ipaddress.IPv4Address:
        own = self.nic.own_ipv4
        beside = ipaddress.IPv4Address(int(own) ^ 1)
        others = (self.around.other_ipv4, ethernet.ANY_IPV4, self.around.bridge_ipv4, beside)
        return self.pick((own, own, own, own, *others))

    def address_v6(self) -> ipaddress.IPv6Address:
        own, link_local = self.nic.own_ipv6, self.nic.link_local
        beside = ipaddress.IPv6Address(int(own) ^ 1)
        foreign = protocol_numbers.link_local(self.around.other_mac)
        others = (self.around.other_ipv6, ethernet.ANY_IPV6, self.around.bridge_ipv6)
        return self.pick((own, own, own, link_local, link_local, *others, beside, foreign))

    # --- contents ---

    def arp(self) -> ethernet.Content:
        return ethernet.Arp(
            sender_mac=self.mac(),
            sender_ip=self.address_v4(),
            target_ip=self.address_v4(),
            operation=self.pick((1, 2, 3)),
            hardware_type=self.pick((1, 1, 6)),
        )

    def ipv4(self) -> ethernet.Content:
        everybody = ipaddress.IPv4Address("255.255.255.255")
        source = self.address_v4()
        destination = self.pick((self.around.bridge_ipv4, everybody, self.around.other_ipv4))
        offset = self.pick((0, 0, 0, 0, 1, 185))
        content = (
            self.later((protocol_numbers.UDP, protocol_numbers.TCP, protocol_numbers.ICMP))
            if offset
            else self.segment()
        )
        return ethernet.Ipv4(
            source=source,
            destination=destination,
            content=content,
            fragment_offset=offset,
            has_more=self.pick((False, False, True)),
            options=self.pick((b"", b"", b"", b"\x01\x01\x01\x01")),
        )

    def segment(self) -> ethernet.Segment:
        makers: Sequence[Callable[[], ethernet.Segment]] = (
            self.datagram,
            self.discover,
            self.stream,
            self.echo,
        )
        return self.pick(makers)()

    def datagram(self) -> Udp:
        ports = (self.pick(_PORTS), self.pick(_PORTS))
        return Udp(source_port=ports[0], destination_port=ports[1], body=bytes(16))

    def discover(self) -> Udp:
        return dhcp.message(self.pick((dhcp.DISCOVER, dhcp.OFFER)), self.mac())

    def stream(self) -> ethernet.Tcp:
        return ethernet.Tcp(source_port=40000, destination_port=self.pick((22, 8443)))

    def echo(self) -> ethernet.Icmp:
        return ethernet.Icmp(type=self.pick((8, 5, 13)), body=bytes(16))

    def later(self, protocols: Sequence[int]) -> ethernet.Other:
        """Return the bytes of a later fragment, which look like some transport header."""
        first = self.pick((0, 134, 136, 133))
        port = self.pick(_PORTS)
        body = bytes([first, 0]) + port.to_bytes(2, "big") + bytes(20)
        return ethernet.Other(protocol=self.pick(protocols), body=body)

    def ipv6(self) -> ethernet.Content:
        groups = tuple(ipaddress.IPv6Address(group) for group in _GROUPS)
        source = self.address_v6()
        destination = self.pick((self.around.bridge_ipv6, *groups, self.around.other_ipv6))
        count = self.pick((0, 0, 0, 1, 1, 2))
        extensions = tuple(self.extension() for _ in range(count))
        is_later = any(isinstance(e, ethernet.Fragment) and e.offset for e in extensions)
        protocols = (protocol_numbers.IPV6_ICMP, protocol_numbers.UDP, protocol_numbers.TCP)
        return ethernet.Ipv6(
            source=source,
            destination=destination,
            content=self.later(protocols) if is_later else self.segment_v6(),
            extensions=self.until_later(extensions),
            hop_limit=255,
            flow=self.pick(_FLOWS),
        )

    @staticmethod
    def until_later(extensions: tuple[ethernet.Extension, ...]) -> tuple[ethernet.Extension, ...]:
        """Return nothing that is a header follows a later fragment's."""
        for at, extension in enumerate(extensions):
            if isinstance(extension, ethernet.Fragment) and extension.offset:
                return extensions[: at + 1]
        return extensions

    def extension(self) -> ethernet.Extension:
        fragments = (
            ethernet.Fragment(),
            ethernet.Fragment(has_more=True),
            ethernet.Fragment(offset=1),
        )
        options: tuple[ethernet.Extension, ...] = (
            ethernet.Options(number=protocol_numbers.DESTINATION),
            ethernet.Options(number=protocol_numbers.HOP_BY_HOP),
            frame_kinds.decoyed(self.nic),
            ethernet.Options(number=protocol_numbers.ROUTING, body=bytes([0, 0]) + bytes(4)),
        )
        return self.pick((*options, *fragments, ethernet.Authentication()))

    def segment_v6(self) -> ethernet.Segment:
        makers: Sequence[Callable[[], ethernet.Segment]] = (
            self.advertisement,
            self.solicitation,
            self.router,
            self.datagram,
            self.solicit,
            self.echo_v6,
            self.stream,
        )
        return self.pick(makers)()

    def advertisement(self) -> Neighbour:
        return Neighbour(
            type=self.pick((protocol_numbers.NEIGHBOUR_ADVERT, protocol_numbers.REDIRECT)),
            target=self.address_v6(),
            flags=self.pick((0x20000000, 0xE0000000)),
            options=self.options(protocol_numbers.TARGET_LINK_LAYER),
        )

    def solicitation(self) -> Neighbour:
        return Neighbour(
            type=protocol_numbers.NEIGHBOUR_SOLICIT,
            target=self.address_v6(),
            options=self.options(protocol_numbers.SOURCE_LINK_LAYER),
        )

    def options(self, kind: int) -> tuple[Option, ...]:
        link_layer = Option.link_layer(kind, self.mac())
        odd = Option(type=0xFD, body=bytes(6))
        return self.pick(((link_layer,), (link_layer,), (), (odd, link_layer)))

    def router(self) -> Router:
        kind = self.pick((protocol_numbers.ROUTER_ADVERT, protocol_numbers.ROUTER_SOLICIT))
        lifetime = 30 if kind == protocol_numbers.ROUTER_ADVERT else 0
        return Router(type=kind, lifetime=lifetime, options=self.options(1))

    def solicit(self) -> Udp:
        return dhcp.solicit(self.mac())

    def echo_v6(self) -> ethernet.Icmp:
        return ethernet.Icmp(type=self.pick((128, 143)), body=bytes(16))

    def other(self) -> ethernet.Content:
        kind = self.pick((0x88B5, 0x88CC, 0x8864, 0x8847, 0x22F3, 0))
        if kind == 0:
            return ethernet.Length(body=self.pick((b"\x42\x42\x03", b"\xff\xff")) + bytes(43))
        inner = encode.content_octets(self._inner())
        return ethernet.Other(protocol=kind, body=inner)

    def _inner(self) -> ethernet.Ipv4:
        return ethernet.Ipv4(
            source=self.address_v4(),
            destination=self.around.bridge_ipv4,
            content=Udp(source_port=40000, destination_port=40000),
        )
