"""The plan of trials for a server: each setting of its NICs once, each network once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..evidence.model import Evidence
from ..evidence.objects import Network
from ..inventory import containers, nic_settings, nics
from ..inventory.nics import Nic
from ..verdict import CannotTell

MOST = 24  # settings of each kind; the time of a probe must be bounded
TOO_MANY = f"the server has more settings than one probe tries ({MOST})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The trials to run, each kind in a fixed order.

    Attributes:
        bridged: The settings of filtered NICs on bridges.
        names: The networks whose DHCP may make DNS names.
        routed: The settings of routed NICs.
        networks: LXD's managed networks, by name.
        used: The IP addresses that are in use.
    """

    bridged: tuple[nic_settings.Bridged, ...]
    names: tuple[Network, ...]
    routed: tuple[nic_settings.Routed, ...]
    networks: Mapping[str, Network]
    used: frozenset[str]

    @property
    def bridges(self) -> tuple[str, ...]:
        """The bridges that need a second instance."""
        found = {one.network for one in self.bridged} | {one.name for one in self.names}
        return tuple(sorted(found))

    @property
    def count(self) -> int:
        """The number of trials."""
        return len(self.bridged) + len(self.names) + len(self.routed)


def of(evidence: Evidence) -> Plan:
    """Return the plan for the server's NICs and networks.

    Raises:
        CannotTell: The evidence has no listings of instances or networks.
    """
    networks = nic_settings.managed(evidence.networks)
    found = tuple(_nics(evidence))
    bridged = {one for nic in found for one in _bridged(nic, networks)}
    routed = {nic_settings.routed(nic) for nic in found if nic.nictype == "routed"}
    names = [n for n in networks.values() if has_names(n)]
    return Plan(
        bridged=tuple(sorted(bridged)),
        names=tuple(sorted(names, key=lambda network: network.name)),
        routed=tuple(sorted(one for one in routed if one.families)),
        networks=dict(networks),
        used=frozenset(_addresses(evidence)),
    )


def has_names(network: Network) -> bool:
    """Return True if a network gives out addresses by DHCP, and so may create DNS names."""
    return network.type == "bridge" and nic_settings.gives_addresses(network, "ipv4")


def _nics(evidence: Evidence) -> Iterator[Nic]:
    networks = {(n.project, n.name): n for n in evidence.networks}
    for instance in evidence.instances:
        if containers.is_here(evidence, instance):
            try:
                yield from nics.of(instance, networks)
            except CannotTell:
                continue  # its NICs are subjects of their own, which report it


def _bridged(nic: Nic, networks: Mapping[str, Network]) -> Iterator[nic_settings.Bridged]:
    try:
        if nic.nictype == "bridged" and nic_settings.filters(nic):
            yield nic_settings.bridged(nic, networks)
    except CannotTell:
        return  # the NIC's control reports it


def _addresses(evidence: Evidence) -> Iterator[str]:
    """Yield the addresses of NIC configurations, of LXD's allocations and of the networks."""
    for instance in evidence.instances:
        for device in instance.expanded_devices.values():
            for key in ("ipv4.address", "ipv6.address"):
                yield from (text.strip() for text in str(device.get(key, "")).split(","))
    for held in evidence.reservations:
        for line in held.entries.values():
            yield from (text.strip("[] \n") for text in line.split(","))
    for network in evidence.networks:
        for key in ("ipv4.address", "ipv6.address"):
            yield str(network.config.get(key, "")).partition("/")[0]
