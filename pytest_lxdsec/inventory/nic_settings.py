"""What a probe takes over of a NIC's configuration: all that decides what it may say; pure.

NICs of the same setting are one to the packet filters, but for their own addresses. So one of
ours, with a setting, tells of all that have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..evidence.objects import Network
from ..lxd import config_values, lxc_commands
from ..verdict import CannotTell
from .nics import Nic

MAC, IPV4, IPV6 = (f"security.{name}_filtering" for name in ("mac", "ipv4", "ipv6"))
FAMILIES = ("ipv4", "ipv6")
VLANS = ("vlan", "vlan.tagged")
NO_ADDRESS = "none"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Bridged:
    """A bridged NIC's setting; as `evidence.trial_facts.BridgedTrial` has it."""

    network: str
    filters: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Routed:
    """A routed NIC's setting; as `evidence.trial_facts.RoutedTrial` has it."""

    parent: str
    vlan: str
    families: tuple[str, ...]


def filters(nic: Nic) -> tuple[str, ...]:
    """Return the filters that are on; each IP filter brings that of the MAC address."""
    on = [
        key for key in (MAC, IPV4, IPV6) if config_values.boolean(nic.config, key, default=False)
    ]
    return tuple(sorted({MAC, *on})) if on else ()


def bridged(nic: Nic, networks: Mapping[str, Network]) -> Bridged:
    """Return the setting of a bridged NIC.

    Args:
        nic: The NIC.
        networks: The managed networks, by name.

    Raises:
        CannotTell: it uses VLANs, which no probe takes over.
    """
    for key in VLANS:
        if nic.config.get(key):
            raise CannotTell(f"{nic.key} uses VLANs ({key}), which no probe takes over")
    on = filters(nic)
    network = networks.get(nic.parent)
    without = [
        family
        for family in FAMILIES
        if f"security.{family}_filtering" in on and not _has_address(nic, family, network)
    ]
    return Bridged(network=nic.parent, filters=on, without=tuple(without))


def _has_address(nic: Nic, family: str, network: Network | None) -> bool:
    own = config_values.string(nic.config, f"{family}.address")
    if own:
        return own != NO_ADDRESS
    return network is not None and gives_addresses(network, family)


def gives_addresses(network: Network, family: str) -> bool:
    """Return whether LXD allocates addresses of this family, for which it needs DHCP.

    lxd/network/driver_bridge.go, hasDHCPv4 and hasDHCPv6.
    """
    address = config_values.string(network.config, f"{family}.address")
    if address in ("", NO_ADDRESS):
        return False
    return config_values.boolean(network.config, f"{family}.dhcp", default=True)


def routed(nic: Nic) -> Routed:
    """Return the setting of a routed NIC."""
    return Routed(
        parent=nic.parent,
        vlan=nic.config.get("vlan", ""),
        families=tuple(f for f in FAMILIES if nic.config.get(f"{f}.address")),
    )


def managed(networks: Iterable[Network]) -> Mapping[str, Network]:
    """Return the managed networks that bridged NICs may name.

    LXD has bridges in no other project.
    """
    return {n.name: n for n in networks if n.managed and n.project == "default"}


def held_for_sure(nic: Nic) -> Mapping[str, str]:
    """Return the settings under which LXD's rules have no gap that is known.

    An IPv4 address to hold the NIC to, so that the rules name the EtherTypes they let through, and
    no IPv6, so that nothing is advertised to its neighbours.
    """
    wanted = {key: "true" for key in (IPV4,) if key not in filters(nic)}
    if nic.config.get("ipv4.address") == NO_ADDRESS:
        wanted["ipv4.address"] = ""
    if IPV6 in filters(nic):
        wanted["ipv6.address"] = NO_ADDRESS
    return wanted


def give_ipv4(network: Network) -> str:
    """Return the command that gives a network's instances IPv4 addresses."""
    has_none = network.config.get("ipv4.address", "") in ("", NO_ADDRESS)
    settings = {"ipv4.address": "auto"} if has_none else {}
    own = lxc_commands.network(network.name, project=network.project)
    return own.set({**settings, "ipv4.dhcp": "true"})
