"""Whether LXD filters a NIC on a bridge, and whether it should; pure.

lxd/device/nic_bridged.go, the same from 5.0.2 to 6.9: setFilters makes rules where one of the
three keys is true by IsTrue. There is no key of a network that does.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from ..evidence.model import Evidence
from ..evidence.objects import Config, Network, Profile
from ..lxd import config_values
from ..verdict import CannotTell
from . import nics

KEPT = 64  # hosts whose look-up tables are kept
MAC = "security.mac_filtering"
UNSET = ("", "none")  # of an address: the network has none of this family


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """IPv4 or IPv6, as LXD's keys and people call it."""

    key: str
    title: str

    @property
    def filtering(self) -> str:
        """The key that turns the filter on."""
        return f"security.{self.key}_filtering"


IPV4 = Family(key="ipv4", title="IPv4")
IPV6 = Family(key="ipv6", title="IPv6")
FAMILIES = (IPV4, IPV6)
# Each of the three brings the filter of the source MAC.
FILTERS = (MAC, IPV4.filtering, IPV6.filtering)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A NIC's settings where they plug into a bridge.

    Attributes:
        parent: The bridge's name.
        config: The device, as the instance or the profile has it.
        network: LXD's own network of that name; None where LXD does not manage the bridge.
    """

    parent: str
    config: Config
    network: Network | None

    def is_on(self, key: str) -> bool:
        """Return whether one of `FILTERS` is on; absent means no (LXD's default)."""
        return config_values.boolean(self.config, key, default=False)


def port(evidence: Evidence, parent: str, config: Config) -> Port:
    """Return the port of a bridged NIC, whether it names its `network` or its `parent`.

    Raises:
        CannotTell: LXD does not list it, or a network cannot be read, which may be the one.
    """
    # LXD lists the host's interfaces too, so one that is not listed is not unmanaged but unknown.
    network = _by_name(evidence).get(parent)
    if network is None:
        raise CannotTell(f"bridge {parent!r} is not among LXD's networks")
    return Port(parent=parent, config=config, network=network if network.managed else None)


@functools.lru_cache(maxsize=KEPT)
def _by_name(evidence: Evidence) -> Mapping[str, Network]:
    """Bridges have no projects: nic_bridged.go looks in the default one."""
    networks = evidence.networks.complete()
    return {network.name: network for network in networks if network.project == "default"}


def carries(found: Port, family: Family) -> str:
    """Return why the bridge carries a family, or "" where it does not.

    LXD knows of no family that a bridge carries which is not its own, or is not alone its own.
    """
    network = found.network
    if network is None:
        return f"{found.parent} is not LXD's bridge, and may carry {family.title}"
    address = config_values.string(network.config, f"{family.key}.address")
    if address not in UNSET:
        return f"{network.name} carries {family.title} ({address})"
    if family is IPV4 and config_values.string(network.config, "bridge.mode") == "fan":
        return f"{network.name} is a fan bridge, which carries IPv4"
    beyond = [key for key in sorted(network.config) if _leads_out(key, network.config)]
    if beyond:
        return f"{network.name} leads further ({beyond[0]}), and may carry {family.title}"
    return ""


def _leads_out(key: str, config: Config) -> bool:
    is_tunnel = key.startswith("tunnel.")
    return (key == "bridge.external_interfaces" or is_tunnel) and bool(config[key])


def is_blocked(found: Port, family: Family) -> bool:
    """Return whether the filter lets nothing of the family through.

    There is then no address that LXD could hold the instance to: none by configuration, or none
    that it may allocate itself (dhcpalloc's ErrDHCPNotSupported). Routes do not matter then.
    """
    own = config_values.string(found.config, f"{family.key}.address")
    if own == "none":
        return True
    return not own and found.network is not None and not allocates(found.network, family)


def allocates(network: Network, family: Family) -> bool:
    """Return whether LXD allocates addresses to NICs: driver_bridge.go, DHCPv4Subnet.

    Where IPv6 is stateless it is the one that the MAC address makes: dhcpalloc.go,
    getDHCPFreeIPv6.
    """
    config = network.config
    is_on = config_values.string(config, f"{family.key}.dhcp")
    if is_on and not config_values.is_true(is_on):
        return False
    if family is IPV4 and config_values.string(config, "bridge.mode") == "fan":
        return True
    return config_values.string(config, f"{family.key}.address") not in UNSET


def lacks(found: Port) -> tuple[str, ...]:
    """Return the filters that are off and should be on; an IP filter brings that of the MAC."""
    wanted = [f for f in FAMILIES if carries(found, f) and not found.is_on(f.filtering)]
    missing = [f.filtering for f in wanted]
    return tuple(missing) if any(map(found.is_on, FILTERS)) else (MAC, *missing)


def of_profile(evidence: Evidence, profile: Profile) -> Mapping[str, Port]:
    """Return the bridged NICs that a profile brings, by device name.

    Raises:
        CannotTell: a NIC names a network that is not in the evidence.
    """
    networks = {(n.project, n.name): n for n in evidence.networks.complete()}
    found = {}
    for device, config in sorted(profile.devices.items()):
        if config.get("type") == "nic":
            nictype, parent = nics.kind(config, profile.project, networks)
            if nictype == "bridged":
                found[device] = port(evidence, parent, config)
    return found


def told(found: Port) -> str:
    """Return which filters are on, for a verdict that passes."""
    return ", ".join(f"{key} is {found.config[key]!r}" for key in FILTERS if found.is_on(key))
