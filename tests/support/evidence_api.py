"""What LXD's API would say of the server of `evidence_documents`: raw JSON, as it comes.

Fields that our model does not name are there too, as LXD sends them; imports the release data.
"""

from __future__ import annotations

import datetime
from typing import Any

from pytest_lxdsec.guide import releases

from . import evidence_certificates

Json = dict[str, Any]

SERVER_NAME = "lxd1"
SERVER_PID = 1000  # as the daemon itself sees it
LISTEN = "192.0.2.10"
PORT = 8443
FILTERS = {
    "security.ipv4_filtering": "true",
    "security.ipv6_filtering": "true",
    "security.mac_filtering": "true",
}
BRIDGED = {"type": "nic", "name": "eth0", "network": "lxdbr0", **FILTERS}
# The last part of the addresses of each filtered NIC, by LXD's name for the instance.
NUMBERS = {"builder1": 20, "db1": 21, "tenants_web1": 22, "vm1": 23, "web1": 24}
ROUTED = {
    "type": "nic",
    "name": "eth0",
    "nictype": "routed",
    "parent": "enp1s0",
    "ipv4.address": "192.0.2.50",
}
ROOT_DISK = {"type": "disk", "path": "/", "pool": "default"}
ISOLATED = {"security.idmap.isolated": "true"}
RELEASES = releases.load()
# A day on which the release data is young, whichever edition comes with the package.
TAKEN = datetime.datetime.combine(
    RELEASES.as_of + datetime.timedelta(days=1), datetime.time(3), datetime.UTC
)
CERTIFICATE = evidence_certificates.pem(
    TAKEN - evidence_certificates.YEAR, TAKEN + evidence_certificates.YEAR
)
SUPPORTED = max(RELEASES.lts.values(), key=lambda series: series.released)


def server() -> Json:
    """Return `GET /1.0`: the newest release of the newest LTS series, listening on one address."""
    return {
        "api_extensions": ["instances", "network_acl", "projects", "resources"],
        "api_status": "stable",
        "api_version": "1.0",
        "auth": "trusted",
        "auth_methods": ["tls"],
        "auth_user_method": "unix",
        "auth_user_name": "root",
        "config": {"core.https_address": f"{LISTEN}:{PORT}"},
        "environment": environment(),
        "public": False,
    }


def environment() -> Json:
    """Return `environment` of `GET /1.0`."""
    return {
        "addresses": [f"{LISTEN}:{PORT}"],
        "architectures": ["x86_64", "i686"],
        "certificate": CERTIFICATE,
        "certificate_fingerprint": "5e" * 32,
        "driver": "lxc | qemu",
        "firewall": "nftables",
        "kernel_version": "6.8.0-45-generic",
        "os_name": "Ubuntu",
        "os_version": "24.04",
        "project": "default",
        "server": "lxd",
        "server_clustered": False,
        "server_lts": True,
        "server_name": SERVER_NAME,
        "server_pid": SERVER_PID,
        "server_version": str(SUPPORTED.latest),
        "storage": "zfs",
    }


def projects() -> list[Json]:
    """Return a default project, and one with profiles and images of its own."""
    own = {
        "features.images": "true",
        "features.profiles": "true",
        "features.storage.volumes": "true",
    }
    shared = {"features.networks": "true", "features.networks.zones": "true"}
    return [
        {"name": "default", "description": "", "config": {**own, **shared}, "used_by": []},
        {"name": "tenants", "description": "", "config": own, "used_by": []},
    ]


def instances() -> list[Json]:
    """Containers running, frozen and stopped, of two projects, and a virtual machine."""
    data = {"type": "disk", "source": "/srv/web1", "path": "/srv"}
    return [
        instance("default/db1", status="Frozen"),
        instance(
            "default/router1",
            config={"volatile.eth0.host_name": "vethrouter1"},
            devices={"eth0": ROUTED},
        ),
        instance("default/spare1", status="Stopped"),
        instance("default/vm1", kind="virtual-machine"),
        instance("default/web1", devices={"data": data}),
        instance("tenants/web1"),
    ]


def instance(
    key: str,
    *,
    kind: str = "container",
    status: str = "Running",
    config: Json | None = None,
    devices: Json | None = None,
) -> Json:
    """Return one instance of the profile `default`, which brings its disk and its filtered NIC."""
    project, _, name = key.partition("/")
    label = name if project == "default" else f"{project}_{name}"
    volatile = {
        "volatile.eth0.host_name": interface_of(label),
        "volatile.eth0.hwaddr": mac(NUMBERS.get(label, 30)),
    } | (config or {})
    own = {"image.os": "Ubuntu", "user.contact": "ops"} | volatile
    own |= ISOLATED if kind == "container" else {}
    return {
        "architecture": "x86_64",
        "config": own,
        "created_at": "2026-01-01T00:00:00Z",
        "description": "",
        "devices": dict(devices or {}),
        "ephemeral": False,
        "expanded_config": dict(own),
        "expanded_devices": {"root": ROOT_DISK, "eth0": BRIDGED} | (devices or {}),
        "last_used_at": "2026-01-01T00:00:00Z",
        "location": "none",
        "name": name,
        "profiles": ["default"],
        "project": project,
        "stateful": False,
        "status": status,
        "status_code": 103,
        "type": kind,
    }


def interface_of(label: str) -> str:
    """Return the host's end of an instance's NIC, by LXD's name for the instance."""
    project, _, name = label.rpartition("_")
    return f"veth{(project or 'default')[0]}{name}"


def mac(number: int) -> str:
    """Return the MAC address of a NIC."""
    return f"00:16:3e:00:00:{number:02x}"


def ipv4(number: int) -> str:
    """Return the IPv4 address of a NIC on `lxdbr0`."""
    return f"10.10.10.{number}"


def ipv6(number: int) -> str:
    """Return the IPv6 address of a NIC, where its bridge has any."""
    return f"fd42::216:3eff:fe00:{number:x}"


def profiles() -> list[Json]:
    """Return the profile `default` of either project."""
    return [
        {
            "config": {},
            "description": "Default LXD profile",
            "devices": {"eth0": dict(BRIDGED), "root": dict(ROOT_DISK)},
            "name": "default",
            "project": project,
            "used_by": [f"/1.0/instances/{name}" for name in names],
        }
        for project, names in (
            ("default", ("db1", "router1", "spare1", "vm1", "web1")),
            ("tenants", ("web1",)),
        )
    ]


def networks() -> list[Json]:
    """Return two managed bridges and an interface of the host."""
    return [
        network("lxdbr0", config={"ipv4.address": "10.10.10.1/24", "ipv6.address": "none"}),
        network("lxdbr1", config={"ipv4.address": "10.10.11.1/24", "ipv6.address": "none"}),
        network("enp1s0", kind="physical", managed=False),
    ]


def network(
    name: str, *, kind: str = "bridge", managed: bool = True, config: Json | None = None
) -> Json:
    """Return one network of the default project."""
    return {
        "config": config or {},
        "description": "",
        "locations": ["none"],
        "managed": managed,
        "name": name,
        "project": "default",
        "status": "Created",
        "type": kind,
        "used_by": [],
    }


def certificates() -> list[Json]:
    """Return one client, restricted to a project."""
    return [
        {
            "certificate": CERTIFICATE,
            "fingerprint": "c1" * 32,
            "name": "ci",
            "projects": ["tenants"],
            "restricted": True,
            "type": "client",
        }
    ]


def images() -> list[Json]:
    """Return a private image in either project."""
    return [
        {
            "aliases": [{"name": "noble", "description": ""}],
            "fingerprint": "1a" * 32,
            "project": project,
            "properties": {"os": "Ubuntu"},
            "public": False,
        }
        for project in ("default", "tenants")
    ]


def tokens() -> list[Json]:
    """Return one pending token: restricted, and it ends in a quarter of an hour."""
    return [token("7d0e4a1c", expires=TAKEN + datetime.timedelta(minutes=15))]


def token(name: str, *, expires: datetime.datetime | None = None, restricted: bool = True) -> Json:
    """Return an operation of class token, as LXD lists it; `secret` must not be kept."""
    request = {"name": name, "type": "client", "restricted": restricted, "projects": ["tenants"]}
    metadata = {"fingerprint": "5e" * 32, "request": request, "secret": "5ec1" * 16}
    if expires:
        metadata["expiresAt"] = expires.isoformat().replace("+00:00", "Z")
    return {
        "class": "token",
        "description": "Executing operation",
        "id": name,
        "location": "none",
        "metadata": metadata,
        "status": "Running",
        "status_code": 103,
    }
