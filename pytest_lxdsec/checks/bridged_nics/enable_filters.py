"""How to turn filters on, so that LXD takes it and the instance lives with it; pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...evidence.objects import Profile
from ...inventory.bridge_port import FAMILIES, IPV6, MAC, Port, allocates, is_blocked
from ...lxd import config_values, lxc_commands
from ...verdict import Remedy
from . import extra_routes

VLANS = ("vlan", "vlan.tagged")


def settings(found: Port, *keys: str) -> Mapping[str, str]:
    """Return the settings that enable these filters on a NIC and that LXD accepts."""
    asked = dict.fromkeys(keys, "true")
    families = [family for family in FAMILIES if family.filtering in keys]
    if families:
        # validateConfig refuses an IP filter beside a VLAN, and on a bridge that is not LXD's
        # also without an address.
        asked |= {key: "" for key in VLANS if found.config.get(key)}
    asked |= {
        f"{family.key}.address": "none"
        for family in families
        if found.network is None and not found.config.get(f"{family.key}.address")
    }
    return asked


def advice(found: Port, *keys: str) -> str:
    """Return what else an operator should know who turns these filters on; "" for nothing."""
    told = []
    for family in FAMILIES:
        if family.filtering not in keys:
            continue
        address = f"{family.key}.address"
        if found.network is None and not found.config.get(address):
            told.append(f"put the instance's own address in place of {address}=none")
        elif is_blocked(found, family) and found.config.get(address) != "none":
            told.append(
                f"{found.parent} gives out no {family.title} address to hold the NIC to: without "
                f"{address} all its {family.title} is dropped"
            )
    if IPV6.filtering in keys and _is_stateless(found):
        told.append(
            "it holds the NIC to the IPv6 address that its MAC address makes: addresses that the "
            "instance makes up for privacy are dropped"
        )
    if any(found.config.get(key) for key in VLANS) and any(k != MAC for k in keys):
        told.append("LXD filters no IP on a VLAN's port: give the NIC a bridge in that VLAN")
    if IPV6.filtering in keys:
        told.append("it needs br_netfilter and net.bridge.bridge-nf-call-ip6tables=1")
    return "; ".join(told)


def _is_stateless(found: Port) -> bool:
    """Return whether instances may choose their own addresses in LXD's network, by SLAAC."""
    network = found.network
    if network is None or found.config.get("ipv6.address") or not allocates(network, IPV6):
        return False
    return not config_values.boolean(network.config, "ipv6.dhcp.stateful", default=False)


def fill(
    profile: Profile,
    ports: Mapping[str, Port],
    lacking: Mapping[str, tuple[str, ...]],
    wide: Mapping[str, tuple[extra_routes.Wide, ...]],
) -> Remedy:
    """Turn on what a profile's NICs are without, and take the routes that widen them."""
    own = lxc_commands.profile(profile.name, project=profile.project)
    commands = [
        own.set_device(
            device,
            {
                **(settings(ports[device], *keys) if keys else {}),
                **extra_routes.narrowed(wide[device]),
            },
        )
        for device, keys in lacking.items()
        if keys or wide[device]
    ]
    notes = dict.fromkeys(advice(ports[device], *keys) for device, keys in lacking.items())
    note = "; ".join(text for text in notes if text)
    return lxc_commands.remedy(*commands, touches=len(profile.used_by), note=note)
