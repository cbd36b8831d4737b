"""Which kinds of NIC LXD's filters reach; pure.

The filters are rules on the frames that enter a Linux bridge. A NIC that does not plug into one
is never seen by them: lxd/device/nic_*.go, validateConfig, refuses the keys for all but bridged
NICs, and for those of Open vSwitch it takes them and makes rules that nothing ever matches.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from ...evidence.model import Evidence
from ...evidence.objects import Network
from ...inventory import bridge_port, config_origin, host_ruleset
from ...inventory.config_origin import Origin
from ...inventory.nics import Nic
from ...lxd import config_values, lxc_commands
from ...verdict import CannotTell, Remedy

BRIDGED = "bridged"
ROUTED = "routed"
OPENVSWITCH = "openvswitch"

UNFILTERED: Mapping[str, str] = {
    "ipvlan": "it speaks on the parent directly, and LXD filters nothing of it",
    "macvlan": "its frames go out by the parent, past every bridge",
    "ovn": "its port in OVN is given no port security by LXD",
    "p2p": "its pair ends on the host with no filter at all",
    "physical": "the host's own interface is inside the instance",
    "sriov": "it is a function of the hardware, past the host's kernel",
}


def why_unfiltered(evidence: Evidence, nic: Nic) -> str:
    """Return why no filter of LXD reaches a NIC, or "" where one can.

    Raises:
        CannotTell: its kind is not known to us, or whether its bridge is one of Linux.
    """
    if nic.nictype in UNFILTERED:
        return UNFILTERED[nic.nictype]
    if nic.nictype != BRIDGED:
        raise CannotTell(f"{nic.key} is of a kind that we do not know: {nic.nictype!r}")
    driver = _driver(evidence, nic)
    if driver == OPENVSWITCH:
        return f"{nic.parent} is a bridge of Open vSwitch, which LXD's rules do not see"
    return ""


def _driver(evidence: Evidence, nic: Nic) -> str:
    network = bridge_port.port(evidence, nic.parent, nic.config).network
    if network is not None:
        return config_values.string(network.config, "bridge.driver") or "native"
    link = host_ruleset.link(evidence, nic.parent)
    if link is not None and link.kind in ("bridge", OPENVSWITCH):
        return link.kind
    raise CannotTell(f"what kind of bridge {nic.parent} is was not seen on the host")


def replace(evidence: Evidence, nic: Nic) -> Remedy:
    """Connect the NIC to a bridge on which LXD filters it.

    Raises:
        CannotTell: the NIC's device is not configured by the instance or by any known profile.
    """
    origin = config_origin.of_device(evidence, nic.instance, nic.device)
    bridge, is_new = _free_bridge(evidence, origin)
    name = nic.config.get("name") or nic.device
    filters = dict.fromkeys(bridge_port.FILTERS, "true")
    settings = {"name": name, "network": bridge, **filters}
    return lxc_commands.remedy(
        lxc_commands.create_network(bridge, project="default") if is_new else "",
        origin.configured.remove_device(nic.device),
        origin.configured.add_device(nic.device, "nic", settings),
        touches=len(origin.users),
        note=f"this connects the NIC to {bridge}: name another bridge if that one is better",
    )


def _free_bridge(evidence: Evidence, origin: Origin) -> tuple[str, bool]:
    """Return a bridge that none of these instances is on, and whether it must be created.

    LXD refuses two NICs of one DNS name on a bridge, which is the instance's name in whatever
    project: nic_bridged.go, checkAddressConflict and nicCheckDNSNameConflict.
    """
    named = {user.name for user in origin.users}
    taken = {
        device.get("network") or device.get("parent")
        for instance in evidence.instances.complete()
        if instance.name in named
        for device in instance.expanded_devices.values()
    }
    networks = sorted(evidence.networks.complete(), key=lambda network: network.name)
    for network in networks:
        if _is_native(network) and network.name not in taken:
            return network.name, False
    names = {network.name for network in networks}
    return next(n for n in map("lxdbr{}".format, itertools.count()) if n not in names), True


def _is_native(network: Network) -> bool:
    driver = config_values.string(network.config, "bridge.driver")
    return network.managed and network.type == "bridge" and driver in ("", "native")
