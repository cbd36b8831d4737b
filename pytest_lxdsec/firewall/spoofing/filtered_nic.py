"""A filtered NIC and who else is on its bridge, as judging it needs them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ..model import protocol_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredNic:
    """A bridged NIC: what it may use, and which filters its configuration turns on.

    Attributes:
        interface: Its interface on the host, now.
        mac: Its MAC address.
        ipv4: The IPv4 networks it may use; () where it has no address.
        ipv6: Likewise.
        filters_mac: Whether it is held to its MAC address; any IP filter brings this one.
        filters_ipv4: Whether it is held to `ipv4`.
        filters_ipv6: Whether it is held to `ipv6`.
        bridge: The bridge that it is a port of; "" where that is not known.
    """

    interface: str
    mac: str
    ipv4: tuple[ipaddress.IPv4Network, ...] = ()
    ipv6: tuple[ipaddress.IPv6Network, ...] = ()
    filters_mac: bool = True
    filters_ipv4: bool = True
    filters_ipv6: bool = True
    bridge: str = ""

    @property
    def holds_mac(self) -> bool:
        """True if the guide promises that it cannot use another MAC address."""
        return self.filters_mac or self.filters_ipv4 or self.filters_ipv6

    @property
    def link_local(self) -> ipaddress.IPv6Address:
        """The link-local address that its kernel makes of its MAC address."""
        return protocol_numbers.link_local(self.mac)

    @property
    def own_ipv4(self) -> ipaddress.IPv4Address:
        """An address it may use; one of nobody's where it has none."""
        return self.ipv4[0].network_address if self.ipv4 else SPARE_IPV4

    @property
    def own_ipv6(self) -> ipaddress.IPv6Address:
        """The IPv6 addresses that the NIC may use; see `own_ipv4`."""
        return self.ipv6[0].network_address if self.ipv6 else SPARE_IPV6


# For documentation (RFC 5737, RFC 3849): whatever claims them, pretends.
SPARE_IPV4 = ipaddress.IPv4Address("192.0.2.77")
SPARE_IPV6 = ipaddress.IPv6Address("2001:db8::77")
_BRIDGE_IPV4, _OTHER_IPV4 = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.66")
_BRIDGE_IPV6, _OTHER_IPV6 = (
    ipaddress.IPv6Address("2001:db8::1"),
    ipaddress.IPv6Address("2001:db8::66"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Whom a frame may be for, and whom it may pretend to come from.

    The defaults are nobody's: a locally administered MAC address and addresses for documentation.
    Where a rule set knows the real ones, they are worth asking about too.
    """

    bridge_mac: str = "02:00:5e:00:53:01"
    bridge_ipv4: ipaddress.IPv4Address = _BRIDGE_IPV4
    bridge_ipv6: ipaddress.IPv6Address = _BRIDGE_IPV6
    other_mac: str = "02:00:5e:00:53:66"
    other_ipv4: ipaddress.IPv4Address = _OTHER_IPV4
    other_ipv6: ipaddress.IPv6Address = _OTHER_IPV6


NOBODY = Surroundings()
