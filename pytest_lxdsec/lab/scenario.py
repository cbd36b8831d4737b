"""Scenarios: the objects of a lab's LXD, as documents for LXD's API. Data only.

Tests refer to the objects by these names: `scenario.PLAIN` is an instance of the default scenario.
Use `dataclasses.replace` to change a scenario.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BRIDGE = "lxdbr0"
BRIDGE_ADDRESS = "10.85.0.1"
TENANTS_BRIDGE = "lxdbr1"
POOL = "default"
DEFAULT_PROJECT = "default"
TENANTS = "tenants"
FILTERED_PROFILE = "filtered"
PORT = 8443

PLAIN = "plain"
ISOLATED = "isolated"
PRIVILEGED = "privileged"
FILTERED = "filtered"
UNFILTERED = "unfiltered"
ROUTED = "routed"
STOPPED = "stopped"
FROZEN = "frozen"
TWIN = "twin"
HARDENED = "hardened"

UPLINK = "up0"
ROUTED_ADDRESSES = ("192.0.2.50", "2001:db8:5::50")


class State(enum.Enum):
    """The state of an instance, in LXD's naming."""

    RUNNING = "Running"
    STOPPED = "Stopped"
    FROZEN = "Frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to LXD's API."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One busybox container; `config` and `devices` come on top of its profiles."""

    name: str
    project: str = DEFAULT_PROJECT
    profiles: tuple[str, ...] = ("default",)
    config: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    state: State = State.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The steps to build a scenario, in this order.

    Attributes:
        name: The scenario's name.
        requests: The API requests that create projects, networks, pools and profiles, in order.
        image_projects: The projects that get the image.
        instances: The instances, created last.
    """

    name: str
    requests: tuple[Request, ...]
    image_projects: tuple[str, ...] = (DEFAULT_PROJECT, TENANTS)
    instances: tuple[Instance, ...] = ()


_NIC = {"type": "nic", "name": "eth0", "network": BRIDGE}
_FILTERS = {
    "security.mac_filtering": "true",
    "security.ipv4_filtering": "true",
    "security.ipv6_filtering": "true",
}
_ROOT = {"type": "disk", "path": "/", "pool": POOL}
_ROUTED_NIC = {
    "type": "nic",
    "name": "eth0",
    "nictype": "routed",
    "parent": UPLINK,
    "ipv4.address": ROUTED_ADDRESSES[0],
    "ipv6.address": ROUTED_ADDRESSES[1],
}
_LIMITS = {"limits.cpu": "1", "limits.memory": "64MiB", "limits.processes": "100"}


def _network(name: str, ipv4: str, ipv6: str) -> Request:
    config = {
        "ipv4.address": ipv4,
        "ipv4.nat": "false",
        "ipv6.address": ipv6,
        "ipv6.nat": "false",
        # Without it LXD knows no address for an instance's ipv6_filtering.
        "ipv6.dhcp.stateful": "true",
    }
    document = {"name": name, "type": "bridge", "config": config}
    return Request(method="POST", path="/1.0/networks", body=document)


def _profile(name: str, nic: Mapping[str, str], **query: str) -> Request:
    """Return the request that creates a profile, or changes `default`, which always exists."""
    document = {"config": {}, "description": "", "devices": {"root": _ROOT, "eth0": nic}}
    suffix = "".join(f"?{key}={value}" for key, value in query.items())
    if name == "default":
        return Request(method="PUT", path=f"/1.0/profiles/default{suffix}", body=document)
    return Request(method="POST", path=f"/1.0/profiles{suffix}", body={"name": name, **document})


_BASE = (
    # `lxd init` sets this wildcard if the user wants LXD on the network; it is a finding.
    Request(method="PATCH", path="/1.0", body={"config": {"core.https_address": f"[::]:{PORT}"}}),
    Request(method="POST", path="/1.0/storage-pools", body={"name": POOL, "driver": "dir"}),
    Request(method="POST", path="/1.0/projects", body={"name": TENANTS, "config": {}}),
    _network(BRIDGE, f"{BRIDGE_ADDRESS}/16", "fd85:5ec::1/64"),
    _profile("default", _NIC),
    _profile("default", _NIC, project=TENANTS),
    _profile(FILTERED_PROFILE, {**_NIC, **_FILTERS}),
)
# LXD does not start two instances of one name on one bridge: they would share a DNS name.
_TENANTS_OWN = (
    _network(TENANTS_BRIDGE, "10.86.0.1/24", "fd86:5ec::1/64"),
    _profile("default", {**_NIC, "network": TENANTS_BRIDGE}, project=TENANTS),
)

_INSTANCES = (
    Instance(name=PLAIN),
    Instance(name=ISOLATED, config={"security.idmap.isolated": "true"}),
    Instance(name=PRIVILEGED, config={"security.privileged": "true"}),
    Instance(name=FILTERED, profiles=(FILTERED_PROFILE,)),
    Instance(name=UNFILTERED, profiles=(FILTERED_PROFILE,), devices={"eth0": _NIC}),
    Instance(name=ROUTED, devices={"eth0": _ROUTED_NIC}),
    Instance(name=STOPPED, state=State.STOPPED),
    Instance(name=FROZEN, state=State.FROZEN),
    Instance(name=TWIN),
    Instance(name=TWIN, project=TENANTS),
    Instance(
        name=HARDENED,
        profiles=(FILTERED_PROFILE,),
        config={"security.idmap.isolated": "true", "security.nesting": "false", **_LIMITS},
    ),
)

BARE = Scenario(name="bare", requests=_BASE)
DEFAULT = Scenario(name="default", requests=(*_BASE, *_TENANTS_OWN), instances=_INSTANCES)


def scaled(base: Scenario, count: int) -> Scenario:
    """Return `base` with `count` plain running containers on top, named c0001 and so on."""
    more = tuple(Instance(name=f"c{number:04}") for number in range(1, count + 1))
    return dataclasses.replace(base, name=f"{base.name}+{count}", instances=base.instances + more)
