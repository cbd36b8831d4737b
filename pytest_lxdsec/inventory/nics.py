"""What LXD makes of a NIC device: its kind, its parent, its names; pure.

The API does not say `nictype` where a NIC names a `network`: it follows from the network's type
(lxd/device/nic.go, nicLoadByType and network types).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..evidence.objects import Instance, Network
from ..verdict import CannotTell

NICTYPE_OF_NETWORK = {
    "bridge": "bridged",
    "macvlan": "macvlan",
    "ovn": "ovn",
    "physical": "physical",
    "sriov": "sriov",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """A NIC of an instance, as its expanded devices say."""

    instance: Instance
    device: str
    config: Mapping[str, str]
    nictype: str
    parent: str

    @property
    def key(self) -> str:
        """PROJECT/INSTANCE/DEVICE."""
        return f"{self.instance.key}/{self.device}"

    @property
    def host_name(self) -> str:
        """The interface on the host's side; "" where LXD has recorded none.

        Raises:
            CannotTell: the instance runs and LXD does not say which interface is the NIC's.
        """
        volatile = self.instance.expanded_config.get(f"volatile.{self.device}.host_name", "")
        found = self.config.get("host_name") or volatile
        if not found and self.instance.is_running:
            raise CannotTell(f"LXD does not say which interface of the host {self.key} has")
        return found


def of(instance: Instance, networks: Mapping[tuple[str, str], Network]) -> tuple[Nic, ...]:
    """Return the NICs of an instance, by device name.

    Raises:
        CannotTell: a NIC names a network that is not among `networks`, keyed by project and name.
    """
    return tuple(
        _nic(instance, device, config, networks)
        for device, config in sorted(instance.expanded_devices.items())
        if config.get("type") == "nic"
    )


def _nic(
    instance: Instance,
    device: str,
    config: Mapping[str, str],
    networks: Mapping[tuple[str, str], Network],
) -> Nic:
    try:
        nictype, parent = kind(config, instance.project, networks)
    except CannotTell as unknown:
        raise CannotTell(f"{instance.key}/{device}: {unknown}") from unknown
    return Nic(instance=instance, device=device, config=config, nictype=nictype, parent=parent)


def kind(
    config: Mapping[str, str], project: str, networks: Mapping[tuple[str, str], Network]
) -> tuple[str, str]:
    """Return the type of a NIC and its parent, "" where it has none.

    Raises:
        CannotTell: it names a network that is not among `networks`.
    """
    name = config.get("network", "")
    if not name:
        return config.get("nictype", ""), config.get("parent", "")
    # A project without networks of its own uses the default project's.
    network = networks.get((project, name)) or networks.get(("default", name))
    if network is None:
        raise CannotTell(f"network {name!r} is not in the evidence")
    return NICTYPE_OF_NETWORK.get(network.type, network.type), name
