"""What the sweep would bring back from the host of `evidence_documents`: raw JSON, as it comes.

Asked without a certificate, LXD refuses whatever `api_endpoints` knows, so a longer list there
needs no change here.
"""

from __future__ import annotations

import datetime
from typing import Any

from pytest_lxdsec.lxd import api_endpoints

from . import evidence_api

Json = dict[str, Any]

DAEMON = 4242  # the daemon's process id as the host sees it
LXD_DIR = "/var/snap/lxd/common/lxd"
SOCKET = f"{LXD_DIR}/unix.socket"
LXD_GID = 110
NOBODY = 65534
PKI_FILES = ("server.ca", "cluster.ca", "ca.crl", "cluster.crt")
MAP_SIZE = 65536
# The kernel's whole set, and what LXD takes of it: SYS_MODULE, SYS_RAWIO, SYS_TIME and, where
# AppArmor cannot stack, MAC_OVERRIDE and MAC_ADMIN.
ALL_CAPABILITIES = (1 << 41) - 1
LEFT_BY_LXD = ALL_CAPABILITIES & ~sum(1 << bit for bit in (16, 17, 25, 32, 33))
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


SNAP_REVISION = "33110"
BUILD = "#45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30 12:02:04 UTC 2024"


def operating_system() -> Json:
    """Return `host.os`."""
    release = {
        "ID": "ubuntu",
        "PRETTY_NAME": "Ubuntu 24.04.1 LTS",
        "VERSION_CODENAME": "noble",
        "VERSION_ID": "24.04",
    }
    return {
        "release": release,
        "kernel": "6.8.0-45-generic",
        "hostname": "lxd1",
        "build": BUILD,
        "has_pro": False,
    }


def packages() -> Json:
    """Return `host.packages`: LXD is a snap.

    One update is pending, and it is not about security.
    """
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
        "advisories": None,
    }


def upgrade(name: str, *, is_security: bool) -> Json:
    """Return one update that apt would install."""
    return {
        "name": name,
        "installed": "1.0-1",
        "candidate": "1.0-2",
        "origin": "Ubuntu:24.04/noble-security" if is_security else "Ubuntu:24.04/noble-updates",
        "is_security": is_security,
    }


def daemon() -> Json:
    """Return `host.server`, and the only one of `host.daemons`."""
    return {
        "pid": DAEMON,
        "start_time": 5000,
        "exe": f"/snap/lxd/{SNAP_REVISION}/bin/lxd",
        "is_deleted": False,
        "uid": 0,
        "gid": 0,
        "arguments": ["--logfile", "/var/snap/lxd/common/lxd/logs/lxd.log", "--group", "lxd"],
        "environment": {"SNAP": f"/snap/lxd/{SNAP_REVISION}", "SNAP_NAME": "lxd"},
        "replaced": [],
        "network_namespace": "net:[4026531840]",
        "namespaces": namespaces(0),
    }


def namespaces(number: int) -> Json:
    """Return the namespaces of a process; 0 is the host."""
    return {kind: f"{kind}:[{4026531800 + 10 * number + i}]" for i, kind in enumerate(KINDS)}


def file(path: str, inode: int, *, mode: int = 0o755, gid: int = 0, kind: str = "file") -> Json:
    """Return a path of the host that belongs to root."""
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
    """Return `host.sockets`: the snap's, for the group lxd."""
    above = (LXD_DIR, "/var/snap/lxd/common", "/var/snap/lxd", "/var/snap", "/var", "/")
    way = [file(path, 100 + i, kind="directory") for i, path in enumerate(above)]
    found = file(SOCKET, 99, mode=0o660, gid=LXD_GID, kind="socket")
    return [{"daemon": DAEMON, "file": found, "directories": way}]


def admin_groups() -> list[Json]:
    """Return `host.admin_groups`."""
    return [{"daemon": DAEMON, "name": "lxd", "source": "snap get lxd daemon.group"}]


def accounts() -> Json:
    """Return `host.accounts`: alice is in lxd, and may become root by sudo anyway."""
    return {
        "users": [
            {"name": "root", "uid": 0, "gid": 0, "shell": "/bin/bash"},
            {"name": "alice", "uid": 1000, "gid": 1000, "shell": "/bin/bash"},
            {"name": "mallory", "uid": 1001, "gid": 1001, "shell": "/bin/bash"},
            {"name": "nobody", "uid": NOBODY, "gid": NOBODY, "shell": "/usr/sbin/nologin"},
        ],
        "groups": [
            {"name": "root", "gid": 0, "members": []},
            {"name": "sudo", "gid": 27, "members": ["alice"]},
            {"name": "lxd", "gid": LXD_GID, "members": ["alice"]},
            {"name": "alice", "gid": 1000, "members": []},
            {"name": "mallory", "gid": 1001, "members": []},
        ],
    }


def group_holders() -> Json:
    """Return `host.group_holders`: nobody whom the list of groups does not name."""
    shadow = {"name": "lxd", "has_password": False, "administrators": [], "members": ["alice"]}
    return {
        "by_login": [{"gid": LXD_GID, "users": ["alice"]}],
        "shadows": [shadow],
        "unlisted": [],
    }


def subordinate_ids() -> Json:
    """Return `host.subordinate_ids`: those of alice are not LXD's."""
    text = "alice:100000:65536\nlxd:1000000:1000000000\nroot:1000000:1000000000\n"
    return {"subuid": text, "subgid": text}


def listeners() -> list[Json]:
    """Return `host.listeners`: what `core.https_address` says, and nothing else."""
    return [{"family": "tcp", "address": evidence_api.LISTEN, "port": evidence_api.PORT}]


def anonymous_requests() -> list[Json]:
    """Return `host.anonymous_requests`: each endpoint but the open one is refused."""
    extensions = evidence_api.server()["api_extensions"]
    refused = [answer(path, 403) for path in api_endpoints.protected(extensions)]
    return [
        {
            "address": evidence_api.LISTEN,
            "port": evidence_api.PORT,
            "tls": "TLSv1.3",
            "error": "",
            "answers": [answer(api_endpoints.OPEN, 200, auth="untrusted"), *refused],
        }
    ]


def answer(path: str, status: int, *, auth: str = "") -> Json:
    """Return what a stranger is told for one path."""
    return {
        "path": path,
        "status": status,
        "is_json": True,
        "auth": auth,
        "environment": [],
        "config": [],
    }


def kernel_files() -> list[Json]:
    """Return `host.kernel_files`, all closed."""
    return [
        file("/sys/kernel/slab", 2, mode=0o700, kind="directory"),
        file("/proc/sched_debug", 3, mode=0o400),
        file("/sys/kernel/debug", 4, mode=0o700, kind="directory"),
        file("/sys/kernel/debug/sched/debug", 5, mode=0o400),
    ]


def network() -> Json:
    """Return `host.network`: no interface takes router advertisements."""
    names = ("all", "default", "enp1s0", "lo", "lxdbr0", "lxdbr1", "vethrouter1")
    return {
        "has_ipv6": True,
        "interfaces": [interface(name, index) for index, name in enumerate(names)],
        "learnt_routes": [],
    }


def routes() -> list[Json]:
    """Return `host.routes`: those of the routed NIC, and the bridges' own addresses."""
    return [
        route("10.10.10.1/32", "lxdbr0", kind="local", table=255, protocol=2),
        route("192.0.2.50/32", "vethrouter1"),
        route("fe80::/64", "vethrouter1", protocol=2, metric=256),
    ]


def route(  # noqa: PLR0913 - one keyword for each column of the table
    to: str,
    interface: str,
    *,
    kind: str = "unicast",
    via: str = "",
    table: int = 254,
    protocol: int = 3,
    metric: int = 0,
) -> Json:
    """Return a route of the host; as LXD makes those of a routed NIC, unless told otherwise."""
    return {
        "to": to,
        "kind": kind,
        "via": via,
        "interface": interface,
        "table": table,
        "protocol": protocol,
        "metric": metric,
    }


def interface(name: str, index: int) -> Json:
    """Return one interface and its settings."""
    keys = ("accept_ra", "accept_ra_defrtr", "autoconf", "disable_ipv6", "forwarding")
    is_routed = name == "vethrouter1"
    return {
        "name": name,
        "index": index,
        "ipv4": {"rp_filter": int(is_routed)},
        "ipv6": dict.fromkeys(keys, 0),
    }


def name_servers() -> Json:
    """Return `host.name_servers`: LXD's own for either bridge, and that of libvirt for its own."""
    libvirt = name_server(8003, "", "virbr0", "192.168.122.1")
    libvirt["arguments"] = ["--conf-file=/var/lib/libvirt/dnsmasq/default.conf"]
    return {
        "recorded": [recorded("lxdbr0", 8001), recorded("lxdbr1", 8002)],
        "servers": [
            name_server(8001, "lxdbr0", "lxdbr0", "10.10.10.1"),
            name_server(8002, "lxdbr1", "lxdbr1", "10.10.11.1"),
            libvirt,
        ],
    }


def recorded(network: str, pid: int) -> Json:
    """Return LXD's file on the dnsmasq of a network: YAML, its list of arguments folded."""
    arguments = f"[--keep-in-foreground,\n  --interface={network}]"
    text = f"name: dnsmasq\nargs: {arguments}\napparmor: lxd_dnsmasq-{network}\npid: {pid}\n"
    return {"network": network, "text": text}


def name_server(pid: int, network: str, interface: str, address: str) -> Json:
    """Return a dnsmasq; as LXD 5.0 to 5.21 starts it where it is for a network of LXD."""
    hosts = f"{LXD_DIR}/networks/{network}/dnsmasq.hosts"
    sockets = [(address, 53, ""), ("0.0.0.0", 67, interface)]  # noqa: S104 - as dnsmasq binds
    return {
        "pid": pid,
        "own_pid": pid,
        "is_with_daemon": True,
        "uids": [NOBODY],
        "arguments": ["--bind-interfaces", f"--interface={network}", f"--dhcp-hostsfile={hosts}"],
        "sockets": [dict(zip(("address", "port", "interface"), s, strict=True)) for s in sockets],
    }


def links() -> list[Json]:
    """Return `host.links`: an uplink, two bridges, and the host's ends of the instances' NICs."""
    bridged = map(evidence_api.interface_of, evidence_api.NUMBERS)
    return [
        link("lo", 1, "", "127.0.0.1/8", "::1/128"),
        link("enp1s0", 2, "", f"{evidence_api.LISTEN}/24", "2001:db8::10/64"),
        link("lxdbr0", 4, "bridge", "10.10.10.1/24"),
        link("lxdbr1", 5, "bridge", "10.10.11.1/24"),
        link("vethrouter1", 6, "veth", "169.254.0.1/32", "fe80::1/128"),
        *(link(name, 7 + at, "veth", master=4) for at, name in enumerate(bridged)),
    ]


def link(name: str, index: int, kind: str, *addresses: str, master: int = 0) -> Json:
    """Return one interface."""
    return {
        "name": name,
        "index": index,
        "kind": kind,
        "mac": "" if name == "lo" else f"02:00:00:00:00:{index:02x}",
        "is_loopback": name == "lo",
        "master": master,
        "addresses": list(addresses),
    }


def containers() -> list[Json]:
    """Return `host.containers`: every running container has an id map of its own."""
    names = ("db1", "router1", "tenants_web1", "web1")
    return [container(name, number) for number, name in enumerate(names, 1)]


def container(name: str, number: int) -> Json:
    """Return what the kernel holds of an unprivileged container."""
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
            "Seccomp_filters": "1",
        },
        "uid_map": id_map,
        "gid_map": id_map,
        "namespaces": namespaces(number),
        "label": f"lxd-{name}_</var/snap/lxd/common/lxd> (enforce)",
    }


def paths() -> list[Json]:
    """Return `host.paths`: where web1's disk really leads."""
    return [{"path": "/srv/web1", "file": file("/srv/web1", 7, kind="directory")}]


def mounts() -> Json:
    """Return `host.mounts`.

    Every container's root is on the file system of the socket, beside it.
    """
    place = {"path": SOCKET, "device": "252:0", "root": SOCKET, "links": 1}
    names = ("db1", "router1", "tenants_web1", "web1")
    found = [mounts_of(name, number) for number, name in enumerate(names, 1)]
    return {"sockets": [place], "containers": found}


def mounts_of(name: str, number: int) -> Json:
    """Return what a container mounts of the host's file system: its own root."""
    root = f"{LXD_DIR}/storage-pools/default/containers/{name}/rootfs"
    return {"lxc_name": name, "error": "", "mounts": [mount("/", root, 500 + number)]}


def mount(point: str, root: str, inode: int) -> Json:
    """Return one mount of the host's file system."""
    found = file(root, inode, kind="directory")
    return {"point": point, "device": "252:0", "root": root, "file": found}


def data_directories() -> list[Json]:
    """Return `host.data_directories`: closed, with the one key of a standalone server."""
    return [
        {
            "daemon": DAEMON,
            "directory": file(LXD_DIR, 100, mode=0o711, kind="directory"),
            "database": file(f"{LXD_DIR}/database", 120, mode=0o700, kind="directory"),
            "keys": [file(f"{LXD_DIR}/server.key", 121, mode=0o600)],
        }
    ]


def group_processes() -> list[Json]:
    """Return `host.group_processes`.

    Alice's shell, LXD's own dnsmasq, and what cannot see the socket.
    """
    return [
        carrier(7001, "bash", 1000),
        carrier(7002, "dnsmasq", NOBODY),
        carrier(7003, "postgres", 113) | {"sees_socket": False},
    ]


def carrier(pid: int, exe: str, uid: int) -> Json:
    """Return a process with the socket's group."""
    return {"pid": pid, "exe": exe, "uids": [uid], "gids": [LXD_GID], "sees_socket": True}


def setgid_files() -> Json:
    """Return `host.setgid_files`: the distribution's, none of the socket's group."""
    return {"files": [file("/usr/bin/wall", 130, mode=0o2755, gid=5)], "unsearched": []}


HOST_MOUNTS = (
    "22 1 252:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "23 22 0:21 / /proc rw,nosuid,nodev,noexec shared:12 - proc proc rw\n"
    "24 22 0:22 / /sys rw,nosuid,nodev,noexec shared:7 - sysfs sysfs rw\n"
    "25 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw\n"
    "26 24 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 rw\n"
    "27 22 0:60 / /var/snap/lxd/common/shmounts rw shared:30 - tmpfs tmpfs rw\n"
    f"28 22 0:61 / {LXD_DIR}/devlxd rw - tmpfs tmpfs rw\n"
)
POLICY = (
    "2\ndenylist\n[all]\nreject_force_umount  # comment this\n[all]\nkexec_load errno 38\n"
    "open_by_handle_at errno 38\ninit_module errno 38\nfinit_module errno 38\n"
    "delete_module errno 38\n"
)
DEVICE_RULES = "".join(
    f"lxc.cgroup2.devices.{rule}\n"
    for rule in ("deny = a", "allow = c *:* m", "allow = b *:* m", "allow = c 1:3 rwm")
)


def view() -> Json:
    """Return `host.view`: the daemon of a snap has mounts of its own."""
    seen = {"namespaces": namespaces(0), "mountinfo": HOST_MOUNTS, "directory": LXD_DIR}
    return {**seen, "neighbours": []}


def neighbour(number: int, *, path: str = "/var/lib/incus/containers") -> Json:
    """Return a running container that is not our daemon's."""
    return container("c1", number) | {"lxc_path": path, "pid": 9001}


def confinement() -> list[Json]:
    """Return `host.confinement`: what LXD puts around each running container."""
    return [walls_of(name) for name in ("db1", "router1", "tenants_web1", "web1")]


def walls_of(name: str, *, is_limited: bool = False) -> Json:
    """Return those of one container; the devices controller is for privileged ones."""
    profile = f"lxc.seccomp.profile = {LXD_DIR}/security/seccomp/{name}\n"
    rules = DEVICE_RULES if is_limited else ""
    programs = {f"/lxc.payload.{name}": int(is_limited), "/": 0}
    group = f"/lxc.payload.{name}"
    return {
        "lxc_name": name,
        "error": "",
        "mountinfo": container_mounts(name),
        "limits": "Limit  Soft Limit  Hard Limit  Units\nMax processes  500  500  processes\n",
        "devices": {"group": group, "programs": programs, "rules": "", "error": ""},
        "nodes": {"/dev/fuse": "c 10:229", "/dev/net/tun": "c 10:200", "/dev/console": "c 136:0"},
        "lxc_conf": {"text": rules + profile, "error": ""},
        "seccomp_policy": {"text": POLICY, "error": ""},
    }


def container_mounts(name: str) -> str:
    """Return what a container of LXD's sees mounted."""
    root = f"{LXD_DIR}/storage-pools/default/containers/{name}/rootfs"
    return (
        f"400 300 252:0 {root} / rw,relatime shared:40 - ext4 /dev/vda1 rw\n"
        "401 400 0:70 / /dev rw,relatime shared:41 - tmpfs none rw,size=492k\n"
        "402 400 0:71 / /proc rw,nosuid,nodev,noexec shared:42 - proc proc rw\n"
        "403 402 0:71 /sys /proc/sys ro,relatime shared:43 - proc proc rw\n"
        "404 400 0:72 / /sys ro,nosuid,nodev,noexec shared:44 - sysfs sysfs rw\n"
        "405 404 0:22 /kernel/debug /sys/kernel/debug rw shared:45 - sysfs sysfs rw\n"
        "406 401 0:5 /fuse /dev/fuse rw,nosuid shared:46 - devtmpfs udev rw\n"
        "407 401 0:5 /net/tun /dev/net/tun rw,nosuid shared:47 - devtmpfs udev rw\n"
        f"408 401 0:60 /{name} /dev/.lxd-mounts rw master:30 - tmpfs tmpfs rw\n"
        "409 401 0:61 / /dev/lxd rw shared:48 - tmpfs tmpfs rw\n"
        f"410 404 0:29 /lxc.payload.{name} /sys/fs/cgroup rw shared:49 - cgroup2 none rw\n"
    )


def at_boot() -> Json:
    """Return `host.at_boot`: tmpfiles.d closes what tells names."""
    file = "/etc/tmpfiles.d/lxd.conf"
    lines = ("z /sys/kernel/slab 0700 root root", "z /proc/sched_debug 0400")
    return {
        "has_tmpfiles": True,
        "tmpfiles": [{"file": file, "line": line} for line in lines],
        "units": [],
    }


def handshakes() -> list[Json]:
    """Return `host.handshakes`: TLS 1.3 and nothing older."""
    return [
        {
            "address": evidence_api.LISTEN,
            "port": evidence_api.PORT,
            "newest": "TLSv1.3",
            "certificate": evidence_api.CERTIFICATE,
            "error": "",
            "offers": [offer("TLSv1"), offer("TLSv1.1"), offer("TLSv1.2")],
        }
    ]


def offer(version: str, answer: str = "alert", detail: str = "protocol_version") -> Json:
    """Return the answer to an old version."""
    return {"version": version, "answer": answer, "detail": detail}


def restarts() -> Json:
    """Return `host.restarts`: the newest kernel runs."""
    kernels = ["6.8.0-9-generic", "6.8.0-45-generic", "6.8.0-1012-aws"]
    return {
        "reboot_reasons": [],
        "asked": ["/run/reboot-required"],
        "kernels": kernels,
        "running_image": f"6.8.0-45-generic (buildd@lcy02-amd64-115) {BUILD}",
        "snap_revision": SNAP_REVISION,
    }


def distribution() -> Json:
    """Return `host.distribution`: two releases of Ubuntu.

    That of the host is supported for years.
    """
    end = evidence_api.TAKEN.date() + datetime.timedelta(days=900)
    head = "version,codename,series,created,release,eol,eol-server,eol-esm"
    rows = (
        "14.04 LTS,Trusty Tahr,trusty,2013-10-17,2014-04-17,2019-04-25,2019-04-25,2024-04-25",
        f"24.04 LTS,Noble Numbat,noble,2023-10-12,2024-04-25,{end},{end},2034-04-25",
    )
    return {"table": "\n".join([head, *rows, ""])}


FILES = (
    "write /proc/sys/kernel/core_pattern",
    "write /proc/sys/kernel/printk",
    "write /proc/sys/vm/overcommit_memory",
    "write /proc/sys/kernel/modprobe",
    "write /proc/sys/kernel/modules_disabled",
    "write /sys/devices/system/clocksource/clocksource0/current_clocksource",
    "write disk",
)


def control() -> str:
    """Return `host.control`: what the probe told the host's root."""
    made = ("mknod log: ok", "open log: ok", "mknod disk: ok", "open disk: ok")
    tools = ("mount: no: No such file or directory", "umount: no: no mount point specified.")
    return _said(FILES, "ok", (*made, *tools, "clock: untried"), "ok")


def probe(*, is_privileged: bool = False) -> str:
    """Return what the probe told the root of a container."""
    refused = "no: Operation not permitted"
    made = "ok" if is_privileged else refused
    opened = refused if is_privileged else "untried"
    nodes = tuple(
        line for n in ("log", "disk") for line in (f"mknod {n}: {made}", f"open {n}: {opened}")
    )
    tools = ("mount: no: permission denied.", "umount: no: Permission denied", "clock: untried")
    files = "no: Read-only file system" if is_privileged else "no: Permission denied"
    return _said(FILES, files, (*nodes, *tools), "no: Permission denied")


def _said(files: tuple[str, ...], written: str, between: tuple[str, ...], read: str) -> str:
    lines = [f"{file}: {written}" for file in files] + list(between)
    lines += [f"read /sys/kernel/slab: {read}", f"read /proc/sched_debug: {read}"]
    return "\n".join([*lines, f"read /sys/kernel/debug/sched/debug: {read}", "end", ""])


def pki() -> Json:
    """Return `host.pki`: none."""
    return {"started": 1000, "files": [pki_file(name) for name in PKI_FILES]}


def pki_file(name: str, text: str = "", *, changed: int = 0) -> Json:
    """Return a file of a public key infrastructure; one without a text is not there."""
    found = file(f"{LXD_DIR}/{name}", 140) | {"exists": bool(text)}
    return {"name": name, "file": found, "text": text, "changed": changed}
