"""Addresses and NICs of the probe's instances: unused, and the same in every run. Pure.

The MAC addresses are locally administered and differ from server to server, so that two servers on
one network can be probed at once. The IP addresses are unused addresses of the bridge's network,
or addresses for documentation (RFC 5737, RFC 3849).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..evidence.objects import Network
from ..firewall.model import protocol_numbers
from ..firewall.spoofing.filtered_nic import (
    NOBODY,
    SPARE_IPV4,
    SPARE_IPV6,
    FilteredNic,
    Surroundings,
)
from ..inventory import nic_settings
from ..inventory.nic_settings import Bridged, Routed
from ..lxd import config_values

SENDER_PORT, PEER_PORT = "lxdsecprobe1", "lxdsecprobe2"
# TEST-NET-3 of RFC 5737, which neither our examples nor LXD's use: the own and foreign address.
ROUTED: Mapping[str, tuple[str, str]] = {
    "ipv4": ("203.0.113.77", "203.0.113.66"),
    "ipv6": ("2001:db8:5ec:77::1", "2001:db8:5ec:66::1"),
}
GATEWAYS = {"ipv4": "169.254.0.1", "ipv6": "fe80::1"}  # nic_routed.go: addresses of the host's end
SHORTEST = 64  # bits of an IPv6 prefix that leaves the interface ids to the hosts
FURTHEST = 250  # the number of addresses from an end of the network to search for unused ones
SUFFIXES = range(0x5EC0_0000_0001, 0x5EC0_0000_0001 + FURTHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Macs:
    """The MAC addresses of a server's probes.

    Attributes:
        sender: The MAC address of the NIC under test.
        peer: The MAC address of the second instance.
        nobody: A MAC address without an interface, for forged frames.
    """

    sender: str
    peer: str
    nobody: str

    @classmethod
    def of(cls, server: str) -> Macs:
        """Return the MAC addresses for the server with this certificate fingerprint."""
        return cls(**{role: _mac(f"{role} {server}") for role in ("sender", "peer", "nobody")})


def _mac(words: str) -> str:
    return f"02:{hashlib.sha256(words.encode()).digest()[:5].hex(':')}"


def plain_nic(
    network: str, networks: Mapping[str, Network], mac: str, port: str
) -> dict[str, str]:
    """Return the device of a NIC on a bridge, without any filter."""
    made = {"type": "nic", "name": "eth0", "hwaddr": mac, "host_name": port}
    if network in networks:
        return {**made, "network": network}
    return {**made, "nictype": "bridged", "parent": network}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The NIC under test.

    Attributes:
        device: The NIC's device configuration for LXD.
        nic: The NIC for the generator of frames.
        around: The addresses around the NIC, for the generator of frames.
    """

    device: Mapping[str, str]
    nic: FilteredNic
    around: Surroundings


def sender(
    setting: Bridged, networks: Mapping[str, Network], used: Collection[str], macs: Macs
) -> Sender:
    """Return a NIC with a setting, and the addresses around it.

    Args:
        setting: The bridge and the filters.
        networks: LXD's managed networks, by name.
        used: The IP addresses that are in use.
        macs: The MAC addresses of the server's probes.
    """
    device = plain_nic(setting.network, networks, macs.sender, SENDER_PORT)
    device |= dict.fromkeys(setting.filters, "true")
    network = networks.get(setting.network)
    addresses: dict[str, protocol_numbers.IpAddress] = {}
    around = {"other_mac": macs.nobody}
    for family in nic_settings.FAMILIES:
        found = _addresses(network, family, used, macs.sender)
        if family in setting.without:
            device[f"{family}.address"] = nic_settings.NO_ADDRESS
        else:
            addresses[family] = found.own
            # On an unmanaged bridge LXD accepts an address only with the filter of its family.
            if found.is_set and (network is not None or _filters(setting, family)):
                device[f"{family}.address"] = str(found.own)
        around |= {f"bridge_{family}": found.bridge, f"other_{family}": found.other}  # type: ignore[dict-item]  # one for each field's type
    on = setting.filters
    nic = FilteredNic(
        interface=SENDER_PORT,
        mac=macs.sender,
        ipv4=_alone(addresses.get("ipv4")),  # type: ignore[arg-type]  # by its family
        ipv6=_alone(addresses.get("ipv6")),  # type: ignore[arg-type]  # likewise
        filters_mac=nic_settings.MAC in on,
        filters_ipv4=nic_settings.IPV4 in on,
        filters_ipv6=nic_settings.IPV6 in on,
    )
    return Sender(device=device, nic=nic, around=Surroundings(**around))  # type: ignore[arg-type]  # likewise


def _filters(setting: Bridged, family: str) -> bool:
    return f"security.{family}_filtering" in setting.filters


def _alone(address: protocol_numbers.IpAddress | None) -> tuple[protocol_numbers.IpNetwork, ...]:
    return () if address is None else (ipaddress.ip_network(address),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    """The addresses of one family: the NIC's own, an unused one and the bridge's.

    `is_set` is True if the NIC's device must set the own address.
    """

    own: protocol_numbers.IpAddress
    other: protocol_numbers.IpAddress
    bridge: protocol_numbers.IpAddress
    is_set: bool


def _addresses(
    network: Network | None, family: str, used: Collection[str], mac: str
) -> _Addresses:
    bridge = _bridge_address(network, family)
    if bridge is None:
        spare = SPARE_IPV4 if family == "ipv4" else SPARE_IPV6
        other = getattr(NOBODY, f"other_{family}")
        own = getattr(NOBODY, f"bridge_{family}")
        # LXD demands a configured address if it does not manage the bridge.
        return _Addresses(own=spare, other=other, bridge=own, is_set=network is None)
    found = _unused(bridge, used)
    first, second = next(found), next(found)
    is_set = network is not None and nic_settings.gives_addresses(network, family)
    if network is not None and family == "ipv6" and not _is_stateful(network):
        # Then LXD refuses a configured address, and expects the one derived from the MAC address.
        first, is_set = _from_mac(bridge, mac), False
    return _Addresses(own=first, other=second, bridge=bridge.ip, is_set=is_set)


Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _bridge_address(network: Network | None, family: str) -> Interface | None:
    text = "" if network is None else config_values.string(network.config, f"{family}.address")
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        return None
    return found if found.network.num_addresses > 4 else None  # noqa: PLR2004 - too small for the probe


def _is_stateful(network: Network) -> bool:
    return config_values.boolean(network.config, "ipv6.dhcp.stateful", default=False)


def _from_mac(bridge: Interface, mac: str) -> protocol_numbers.IpAddress:
    own = int(protocol_numbers.link_local(mac)) & 0xFFFF_FFFF_FFFF_FFFF
    return ipaddress.IPv6Address(int(bridge.network.network_address) | own)


def _unused(bridge: Interface, used: Collection[str]) -> Iterator[protocol_numbers.IpAddress]:
    """Yield addresses of a network that are not known to be in use, from its far end."""
    network = bridge.network
    last = network.num_addresses - 2
    places: Iterable[int] = range(last, max(last - FURTHEST, 0), -1)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen <= SHORTEST:
        places = SUFFIXES
    for place in places:
        address = network[place]
        if str(address) not in used and address != bridge.ip:
            yield address
    yield from (
        (SPARE_IPV4, NOBODY.other_ipv4)
        if isinstance(network, ipaddress.IPv4Network)
        else (SPARE_IPV6, NOBODY.other_ipv6)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source address to send from.

    Attributes:
        role: The kind of the address (`own`, `foreign` or `neighbour's`) and its family.
        address: The source address.
        to: The host's address to send to.
    """

    role: str
    address: str
    to: str

    @property
    def is_own(self) -> bool:
        """Return True if a packet from this source must arrive."""
        return self.role.startswith("own")


def routed_device(setting: Routed, mac: str) -> dict[str, str]:
    """Return the device of a routed NIC with a setting."""
    made = {"type": "nic", "nictype": "routed", "name": "eth0", "hwaddr": mac}
    made |= {f"{family}.address": ROUTED[family][0] for family in setting.families}
    keys = {"parent": setting.parent, "vlan": setting.vlan}
    return {**made, "host_name": SENDER_PORT, **{key: v for key, v in keys.items() if v}}


def sources(
    families: Collection[str], networks: Mapping[str, Network], used: Collection[str]
) -> tuple[Source, ...]:
    """Return the sources: the own address, a foreign one, and one of another host network."""
    found = []
    for family in sorted(families):
        own, foreign = ROUTED[family]
        neighbour = _neighbour(family, networks, used) or foreign
        for role, address in (("own", own), ("foreign", foreign), ("neighbour's", neighbour)):
            name = f"{role} {family}"
            found.append(Source(role=name, address=address, to=GATEWAYS[family]))
    return tuple(found)


def _neighbour(family: str, networks: Mapping[str, Network], used: Collection[str]) -> str:
    """Return an unused address of one of LXD's bridges; "" if no bridge has this family."""
    for _, network in sorted(networks.items()):
        bridge = _bridge_address(network, family) if network.type == "bridge" else None
        if bridge is not None:
            return str(next(_unused(bridge, used)))
    return ""
