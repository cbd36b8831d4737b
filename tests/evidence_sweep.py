"""What the sweep would bring back from the host of `evidence_documents`: raw JSON, as it comes.

Asked without a certificate, LXD refuses whatever `endpoints` knows, so a longer list there needs
no change here.
"""

from __future__ import annotations

from typing import Any

from pytest_lxdsec import endpoints

from . import evidence_api

Json = dict[str, Any]

DAEMON = 4242  # the daemon's process id as the host sees it
LXD_DIR = "/var/snap/lxd/common/lxd"
SOCKET = f"{LXD_DIR}/unix.socket"
LXD_GID = 110
MAP_SIZE = 65536
# The kernel's whole set, and what LXD takes of it: SYS_MODULE, SYS_RAWIO, SYS_TIME and, where
# AppArmor cannot stack, MAC_OVERRIDE and MAC_ADMIN.
ALL_CAPABILITIES = (1 << 41) - 1
LEFT_BY_LXD = ALL_CAPABILITIES & ~sum(1 << bit for bit in (16, 17, 25, 32, 33))
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def operating_system() -> Json:
    """`host.os`."""
    release = {"ID": "ubuntu", "VERSION_ID": "24.04", "PRETTY_NAME": "Ubuntu 24.04.1 LTS"}
    return {"release": release, "kernel": "6.8.0-45-generic", "hostname": "lxd1"}


def packages() -> Json:
    """`host.packages`: LXD is a snap; one update is pending, and it is not about security."""
    day = 24 * 60 * 60
    return {
        "manager": "apt",
        "lxd": "",
        "apt": {
            "upgrades": [upgrade("base-files", is_security=False)],
            "kept_back": [],
            "held": [],
            "index_time": int(evidence_api.TAKEN.timestamp()) - day,
            "has_security_source": True,
        },
    }


def upgrade(name: str, *, is_security: bool) -> Json:
    """One update that apt would install."""
    return {
        "name": name,
        "installed": "1.0-1",
        "candidate": "1.0-2",
        "origin": "Ubuntu:24.04/noble-security" if is_security else "Ubuntu:24.04/noble-updates",
        "is_security": is_security,
    }


def daemon() -> Json:
    """`host.server`, and the only one of `host.daemons`."""
    return {
        "pid": DAEMON,
        "start_time": 5000,
        "exe": "/snap/lxd/current/bin/lxd",
        "is_deleted": False,
        "uid": 0,
        "gid": 0,
        "arguments": ["--logfile", "/var/snap/lxd/common/lxd/logs/lxd.log", "--group", "lxd"],
        "environment": {"SNAP": "/snap/lxd/current", "SNAP_NAME": "lxd"},
        "network_namespace": "net:[4026531840]",
        "namespaces": namespaces(0),
    }


def namespaces(number: int) -> Json:
    """The namespaces of a process; 0 is the host."""
    return {kind: f"{kind}:[{4026531800 + 10 * number + i}]" for i, kind in enumerate(KINDS)}


def file(path: str, inode: int, *, mode: int = 0o755, gid: int = 0, kind: str = "file") -> Json:
    """A path of the host that belongs to root."""
    return {
        "path": path,
        "exists": True,
        "error": "",
        "uid": 0,
        "gid": gid,
        "mode": mode,
        "kind": kind,
        "device": 64768,
        "inode": inode,
        "acl": "",
    }


def sockets() -> list[Json]:
    """`host.sockets`: the snap's, for the group lxd."""
    above = (LXD_DIR, "/var/snap/lxd/common", "/var/snap/lxd", "/var/snap", "/var", "/")
    way = [file(path, 100 + i, kind="directory") for i, path in enumerate(above)]
    found = file(SOCKET, 99, mode=0o660, gid=LXD_GID, kind="socket")
    return [{"daemon": DAEMON, "file": found, "directories": way}]


def admin_groups() -> list[Json]:
    """`host.admin_groups`."""
    return [{"daemon": DAEMON, "name": "lxd", "source": "snap get lxd daemon.group"}]


def accounts() -> Json:
    """`host.accounts`: alice is in lxd, and may become root by sudo anyway."""
    return {
        "users": [
            {"name": "root", "uid": 0, "gid": 0, "shell": "/bin/bash"},
            {"name": "alice", "uid": 1000, "gid": 1000, "shell": "/bin/bash"},
            {"name": "mallory", "uid": 1001, "gid": 1001, "shell": "/bin/bash"},
        ],
        "groups": [
            {"name": "root", "gid": 0, "members": []},
            {"name": "sudo", "gid": 27, "members": ["alice"]},
            {"name": "lxd", "gid": LXD_GID, "members": ["alice"]},
            {"name": "alice", "gid": 1000, "members": []},
            {"name": "mallory", "gid": 1001, "members": []},
        ],
    }


def subordinate_ids() -> Json:
    """`host.subordinate_ids`: those of alice are not LXD's."""
    text = "alice:100000:65536\nlxd:1000000:1000000000\nroot:1000000:1000000000\n"
    return {"subuid": text, "subgid": text}


def listeners() -> list[Json]:
    """`host.listeners`: what `core.https_address` says, and nothing else."""
    return [{"family": "tcp", "address": evidence_api.LISTEN, "port": evidence_api.PORT}]


def strangers() -> list[Json]:
    """`host.strangers`: each endpoint but the open one is refused."""
    extensions = evidence_api.server()["api_extensions"]
    refused = [answer(path, 403) for path in endpoints.protected(extensions)]
    return [
        {
            "address": evidence_api.LISTEN,
            "port": evidence_api.PORT,
            "tls": "TLSv1.3",
            "error": "",
            "answers": [answer(endpoints.OPEN, 200, auth="untrusted"), *refused],
        }
    ]


def answer(path: str, status: int, *, auth: str = "") -> Json:
    """What a stranger is told for one path."""
    return {
        "path": path,
        "status": status,
        "is_json": True,
        "auth": auth,
        "environment": [],
        "config": [],
    }


def kernel_files() -> list[Json]:
    """`host.kernel_files`, all closed."""
    return [
        file("/sys/kernel/slab", 2, mode=0o700, kind="directory"),
        file("/proc/sched_debug", 3, mode=0o400),
        file("/sys/kernel/debug", 4, mode=0o700, kind="directory"),
        file("/sys/kernel/debug/sched/debug", 5, mode=0o400),
    ]


def network() -> Json:
    """`host.network`: no interface takes router advertisements."""
    names = ("all", "default", "enp1s0", "lo", "lxdbr0", "lxdbr1", "vethrouter1")
    return {
        "has_ipv6": True,
        "interfaces": [interface(name, index) for index, name in enumerate(names)],
        "learnt_routes": [],
    }


def interface(name: str, index: int) -> Json:
    """One interface and its IPv6 settings."""
    keys = ("accept_ra", "accept_ra_defrtr", "autoconf", "disable_ipv6", "forwarding")
    return {"name": name, "index": index, "ipv6": dict.fromkeys(keys, 0)}


def containers() -> list[Json]:
    """`host.containers`: every running container has an id map of its own."""
    names = ("db1", "router1", "tenants_web1", "web1")
    return [container(name, number) for number, name in enumerate(names, 1)]


def container(name: str, number: int) -> Json:
    """What the kernel holds of an unprivileged container."""
    start = 1_000_000 + number * MAP_SIZE
    id_map = f"         0 {start:10} {MAP_SIZE:10}\n"
    return {
        "lxc_path": f"{LXD_DIR}/containers",
        "lxc_name": name,
        "pid": 5000 + number,
        "start_time": 6000 + number,
        "status": {
            "Uid": "\t".join([str(start)] * 4),
            "Gid": "\t".join([str(start)] * 4),
            "Groups": "",
            "NSpid": f"{5000 + number}\t1",
            "CapBnd": f"{ALL_CAPABILITIES:016x}",
            "CapEff": f"{ALL_CAPABILITIES:016x}",
            "NoNewPrivs": "0",
            "Seccomp": "2",
        },
        "uid_map": id_map,
        "gid_map": id_map,
        "namespaces": namespaces(number),
        "label": f"lxd-{name}_</var/snap/lxd/common/lxd> (enforce)",
    }


def paths() -> list[Json]:
    """`host.paths`: where web1's disk really leads."""
    return [{"path": "/srv/web1", "file": file("/srv/web1", 7, kind="directory")}]
