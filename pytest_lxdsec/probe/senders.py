"""Addresses and NICs of our throw-away instances: nobody's, and the same at every run; pure.

MAC addresses are locally administered, and each server has its own, so that two servers on one
network can be probed at once. IP addresses are of the bridge's own network and unused, or for
documentation (RFC 5737, RFC 3849).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..evidence.objects import Network
from ..firewall.model import protocol_numbers
from ..firewall.spoofing.filtered_nic import NOBODY, SPARE_IPV4, SPARE_IPV6, Nic, Surroundings
from ..inventory import nic_settings
from ..inventory.nic_settings import Bridged, Routed
from ..lxd import config_values

SENDER_PORT, PEER_PORT = "lxdsecprobe1", "lxdsecprobe2"
# The documentation's third network, of which no example of ours or LXD's makes use.
ROUTED: Mapping[str, tuple[str, str]] = {
    "ipv4": ("203.0.113.77", "203.0.113.66"),
    "ipv6": ("2001:db8:5ec:77::1", "2001:db8:5ec:66::1"),
}
GATEWAYS = {"ipv4": "169.254.0.1", "ipv6": "fe80::1"}  # nic_routed.go: the host's side of each
SHORTEST = 64  # bits that name a network, where hosts choose the others
FURTHEST = 250  # how many addresses from an end are looked at for unused ones
SUFFIXES = range(0x5EC0_0000_0001, 0x5EC0_0000_0001 + FURTHEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Macs:
    """The MAC addresses of a server's probes."""

    sender: str
    peer: str
    nobody: str

    @classmethod
    def of(cls, server: str) -> Macs:
        """Those of the server that has this certificate fingerprint."""
        return cls(**{role: _mac(f"{role} {server}") for role in ("sender", "peer", "nobody")})


def _mac(words: str) -> str:
    return f"02:{hashlib.sha256(words.encode()).digest()[:5].hex(':')}"


def plain_nic(
    network: str, networks: Mapping[str, Network], mac: str, port: str
) -> dict[str, str]:
    """A NIC on a bridge, without any filter."""
    made = {"type": "nic", "name": "eth0", "hwaddr": mac, "host_name": port}
    if network in networks:
        return {**made, "network": network}
    return {**made, "nictype": "bridged", "parent": network}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The NIC under test, for LXD and for those who make its frames."""

    device: Mapping[str, str]
    nic: Nic
    around: Surroundings


def sender(
    setting: Bridged, networks: Mapping[str, Network], used: Collection[str], macs: Macs
) -> Sender:
    """A NIC with a setting, and its surroundings."""
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
            # On a bridge that is not LXD's it takes an address with the family's filter alone.
            if found.is_set and (network is not None or _filters(setting, family)):
                device[f"{family}.address"] = str(found.own)
        around |= {f"bridge_{family}": found.bridge, f"other_{family}": found.other}  # type: ignore[dict-item]  # one for each field's type
    on = setting.filters
    nic = Nic(
        interface=SENDER_PORT,
        mac=macs.sender,
        ipv4=_alone(addresses.get("ipv4")),  # type: ignore[arg-type]  # by its family
        ipv6=_alone(addresses.get("ipv6")),  # type: ignore[arg-type]  # likewise
        filters_mac=nic_settings.MAC in on,
        filters_ipv4=nic_settings.IPV4 in on,
        filters_ipv6=nic_settings.IPV6 in on,
    )
    return Sender(device=device, nic=nic, around=Surroundings(**around))  # type: ignore[arg-type]  # as above


def _filters(setting: Bridged, family: str) -> bool:
    return f"security.{family}_filtering" in setting.filters


def _alone(address: protocol_numbers.IpAddress | None) -> tuple[protocol_numbers.IpNetwork, ...]:
    return () if address is None else (ipaddress.ip_network(address),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addresses:
    """Of one family: ours, nobody's and the bridge's; whether LXD must be told ours."""

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
        # LXD asks for an address where it knows no network of the bridge's own.
        return _Addresses(own=spare, other=other, bridge=own, is_set=network is None)
    found = _unused(bridge, used)
    first, second = next(found), next(found)
    is_told = network is not None and nic_settings.gives_addresses(network, family)
    if network is not None and family == "ipv6" and not _is_stateful(network):
        # Then LXD takes no address of ours, and holds the NIC to the one it makes of its MAC.
        first, is_told = _from_mac(bridge, mac), False
    return _Addresses(own=first, other=second, bridge=bridge.ip, is_set=is_told)


Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _bridge_address(network: Network | None, family: str) -> Interface | None:
    text = "" if network is None else config_values.string(network.config, f"{family}.address")
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        return None
    return found if found.network.num_addresses > 4 else None  # noqa: PLR2004 - too small for ours


def _is_stateful(network: Network) -> bool:
    return config_values.boolean(network.config, "ipv6.dhcp.stateful", default=False)


def _from_mac(bridge: Interface, mac: str) -> protocol_numbers.IpAddress:
    own = int(protocol_numbers.link_local(mac)) & 0xFFFF_FFFF_FFFF_FFFF
    return ipaddress.IPv6Address(int(bridge.network.network_address) | own)


def _unused(bridge: Interface, used: Collection[str]) -> Iterator[protocol_numbers.IpAddress]:
    """Addresses of a network that nobody is known to use, from its far end."""
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
    """A source to send from, what it is to the NIC, and the host's address to send to."""

    role: str
    address: str
    to: str

    @property
    def is_own(self) -> bool:
        """Whether a packet from it must get through."""
        return self.role.startswith("own")


def routed_device(setting: Routed, mac: str) -> dict[str, str]:
    """A routed NIC with a setting."""
    made = {"type": "nic", "nictype": "routed", "name": "eth0", "hwaddr": mac}
    made |= {f"{family}.address": ROUTED[family][0] for family in setting.families}
    said = {"parent": setting.parent, "vlan": setting.vlan}
    return {**made, "host_name": SENDER_PORT, **{key: v for key, v in said.items() if v}}


def sources(
    families: Collection[str], networks: Mapping[str, Network], used: Collection[str]
) -> tuple[Source, ...]:
    """What to send from: its own address, a foreign one, one of another network of the host."""
    found = []
    for family in sorted(families):
        own, foreign = ROUTED[family]
        neighbour = _neighbour(family, networks, used) or foreign
        for role, address in (("own", own), ("foreign", foreign), ("neighbour's", neighbour)):
            name = f"{role} {family}"
            found.append(Source(role=name, address=address, to=GATEWAYS[family]))
    return tuple(found)


def _neighbour(family: str, networks: Mapping[str, Network], used: Collection[str]) -> str:
    """An unused address of a bridge of the host; "" where there is none of this family."""
    for _, network in sorted(networks.items()):
        bridge = _bridge_address(network, family) if network.type == "bridge" else None
        if bridge is not None:
            return str(next(_unused(bridge, used)))
    return ""
