"""What LXD's filters should hold a bridged NIC to: its MAC address and its addresses; pure.

lxd/device/nic_bridged.go, setFilters and allowedIPNets, the same from 5.0.2 to 6.9. An address is
the configured one, or the one that LXD has reserved with dnsmasq; where the bridge has no DHCP
for a family, or the address is "none", the NIC may use none and all of the family is dropped.
What the instance itself says of its addresses is no evidence: its root can change it.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...evidence.objects import Network
from ...firewall.spoofing.filtered_nic import SPARE_IPV4, SPARE_IPV6, FilteredNic
from ...inventory import bridge_port, containers
from ...inventory.nics import Nic
from ...lxd import config_values
from ...verdict import CannotTell, NotApplicable

MAC_KEY = "security.mac_filtering"
IP_KEYS = {4: "security.ipv4_filtering", 6: "security.ipv6_filtering"}
NONE = "none"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_FAMILIES = {4: bridge_port.IPV4, 6: bridge_port.IPV6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which filters are on, by LXD's own reading."""

    mac: bool
    ipv4: bool
    ipv6: bool

    @property
    def text(self) -> str:
        """The words of the configuration for those that are on."""
        names = (("mac", self.mac), ("ipv4", self.ipv4), ("ipv6", self.ipv6))
        return ", ".join(f"{name}_filtering" for name, is_on in names if is_on)


def filters(nic: Nic) -> Filters:
    """Return the filters of a bridged NIC.

    Raises:
        NotApplicable: it is none, or no filter is on.
    """
    if nic.nictype != "bridged":
        raise NotApplicable(f"{nic.key} is a {nic.nictype or 'NIC of unknown type'}")
    on = {key: config_values.boolean(nic.config, key, default=False) for key in _KEYS}
    if not any(on.values()):
        raise NotApplicable(f"{nic.key} has no filter that could be in force")
    return Filters(mac=on[MAC_KEY], ipv4=on[IP_KEYS[4]], ipv6=on[IP_KEYS[6]])


_KEYS = (MAC_KEY, *IP_KEYS.values())


def held(evidence: Evidence, nic: Nic) -> FilteredNic:
    """Return the NIC as its filters should hold it.

    Raises:
        NotApplicable: it is not bridged, not filtered, or its instance does not run.
        CannotTell: its instance runs elsewhere, or an address of its is not known.
    """
    on = filters(nic)
    if not nic.instance.is_running:
        raise NotApplicable(f"{nic.instance.key} does not run: the NIC has no interface")
    if not containers.is_here(evidence, nic.instance):
        raise CannotTell(
            f"{nic.instance.key} runs on cluster member {nic.instance.location}: "
            "add that member's host with --lxd-host"
        )
    four = _allowed(evidence, nic, 4, is_on=on.ipv4)
    six = _allowed(evidence, nic, 6, is_on=on.ipv6)
    return FilteredNic(
        interface=nic.host_name,
        mac=mac(nic),
        ipv4=tuple(net for net in four if isinstance(net, ipaddress.IPv4Network)),
        ipv6=tuple(net for net in six if isinstance(net, ipaddress.IPv6Network)),
        filters_mac=on.mac,
        filters_ipv4=on.ipv4,
        filters_ipv6=on.ipv6,
        bridge=nic.parent,
    )


def describe(held: FilteredNic) -> str:
    """Return what a NIC is held to, for observations."""
    said = [f"{held.interface} is held to {held.mac}"]
    for version, is_on, nets in (
        (4, held.filters_ipv4, held.ipv4),
        (6, held.filters_ipv6, held.ipv6),
    ):
        if is_on:
            said.append(", ".join(map(str, nets)) or f"no IPv{version}")
    return ", ".join(said)


def mac(nic: Nic) -> str:
    """Return its MAC address by LXD's word; the configured one, or the one that LXD made up.

    Raises:
        CannotTell: LXD does not say, or says what is none.
    """
    recorded = config_values.string(nic.instance.expanded_config, f"volatile.{nic.device}.hwaddr")
    found = (config_values.string(nic.config, "hwaddr") or recorded).lower()
    if not _MAC.fullmatch(found):
        raise CannotTell(f"LXD does not say which MAC address {nic.key} has: {found!r}")
    return found


Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def _allowed(evidence: Evidence, nic: Nic, version: int, *, is_on: bool) -> Networks:
    """Return what it may use; where the filter is off, an address that stands for all."""
    if not is_on:
        return (ipaddress.ip_network(SPARE_IPV4 if version == 4 else SPARE_IPV6),)  # noqa: PLR2004 - IPv4
    text = config_values.string(nic.config, f"ipv{version}.address")
    if text == NONE:
        return ()
    if not text:
        text = _reserved(evidence, nic, version)
    if text == NONE:
        return ()
    own = [text, *_routes(nic, f"ipv{version}.routes")]
    own += _routes(nic, f"ipv{version}.routes.external")
    return tuple(_network(nic, each, version) for each in own)


def _routes(nic: Nic, key: str) -> list[str]:
    return [
        part.strip() for part in config_values.string(nic.config, key).split(",") if part.strip()
    ]


def _network(nic: Nic, text: str, version: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise CannotTell(f"{nic.key}: {text!r} is no address: {error}") from error
    if found.version != version:
        raise CannotTell(f"{nic.key}: {text!r} is no address of IPv{version}")
    return found


# --- addresses that LXD has reserved -----------------------------------------------------------


def _reserved(evidence: Evidence, nic: Nic, version: int) -> str:
    """Return the address for which LXD told dnsmasq about the NIC.

    `none` where there is no DHCP.
    """
    network = _managed(evidence, nic.parent)
    if network is None:
        raise CannotTell(
            f"{nic.key}: {nic.parent} is no network of LXD's, and no ipv{version}.address is set"
        )
    if not bridge_port.allocates(network, _FAMILIES[version]):
        return NONE
    found = _entry(evidence, nic).split(",")
    for field in (each.strip() for each in found):
        if version == 4 and field.count(".") == 3:  # noqa: PLR2004 - as LXD reads it
            return field
        if version == 6 and field.startswith("[") and field.endswith("]"):  # noqa: PLR2004 - IPv6
            return field[1:-1]
    raise CannotTell(f"{nic.key}: LXD has no IPv{version} address reserved for it")


def _entry(evidence: Evidence, nic: Nic) -> str:
    """Return LXD's line for dnsmasq about a NIC.

    Lxd/dnsmasq/dnsmasq.go, StaticAllocationFileName.
    """
    entries = _entries(evidence).get(nic.parent)
    if entries is None:
        raise CannotTell(f"{nic.key}: LXD's reservations on {nic.parent} were not found")
    # shared/util.go, PathNameEncode
    device = nic.device.replace("-", "--").replace("/", "-")
    name = f"{nic.instance.internal_name}.{device}"
    if name not in entries:
        raise CannotTell(f"{nic.key}: LXD has no address reserved for it on {nic.parent}")
    return entries[name].strip()


@functools.lru_cache(maxsize=containers.KEPT)
def _entries(evidence: Evidence) -> Mapping[str, Mapping[str, str]]:
    return {each.network: each.entries for each in evidence.reservations}


def _managed(evidence: Evidence, name: str) -> Network | None:
    """Return LXD's own bridge of this name.

    Bridges are the default project's, whoever uses them.
    """
    return _bridges(evidence).get(name)


@functools.lru_cache(maxsize=containers.KEPT)
def _bridges(evidence: Evidence) -> Mapping[str, Network]:
    return {
        network.name: network
        for network in evidence.networks.complete()
        if network.managed and network.type == "bridge" and network.project == "default"
    }
