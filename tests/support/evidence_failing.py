"""A server made by hand on which every control fails for at least one subject.

A cluster of two, for no single server is both of a series without support and behind the
newest release of a supported one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.evidence_certificates import YEAR
from tests.support.evidence_documents import Document, add, attach, configure, patch

from . import (
    evidence_api,
    evidence_certificates,
    evidence_documents,
    evidence_filters,
    evidence_sweep,
    evidence_trials,
)

OUTDATED = f"{evidence_api.SUPPORTED.latest.series}.0"
ENDED = min(evidence_api.RELEASES.lts.values(), key=lambda series: series.released).latest
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the controls must find
WORLD = 0o666


def failing() -> Document:
    """Wrong in every way that a control knows."""
    document = evidence_documents.with_privileged(evidence_documents.baseline())
    for change in (_servers, _api, _host, _listeners, _network, _instances, _containers, _trials):
        document = change(document)
    return document


def _servers(document: Document) -> Document:
    first = _member(evidence_api.SERVER_NAME, OUTDATED)
    second = _member("lxd2", str(ENDED))
    document = patch(document, "server", to={"value": first})
    members = [
        {"server_name": name, "status": "Online", "message": ""}
        for name in (evidence_api.SERVER_NAME, "lxd2")
    ]
    document = patch(document, "members", to={"value": members})
    return patch(document, "servers", to={"value": [first, second]})


def _member(name: str, version: str) -> Mapping[str, Any]:
    server = evidence_api.server()
    server["config"] = {
        "core.debug_address": "127.0.0.1:8080",
        "core.https_address": f":{evidence_api.PORT}",
        "core.trust_password": True,
    }
    server["environment"] |= {
        "server_clustered": True,
        "server_name": name,
        "server_version": version,
    }
    return server


def _api(document: Document) -> Document:
    old = evidence_certificates.pem(evidence_api.TAKEN - 2 * YEAR, evidence_api.TAKEN - YEAR)
    document = patch(document, "certificates", 0, "certificate", to=old)
    document = patch(document, "certificates", 0, "restricted", to=False)
    ca = evidence_sweep.pki_file("server.ca", evidence_api.CERTIFICATE)
    document = patch(document, "host.pki", "files", 0, to=ca)
    token = evidence_api.token("ops", restricted=False)
    document = add(document, "tokens", entry=token)
    return patch(document, "images", 0, "public", to=True)


def _host(document: Document) -> Document:
    pending = evidence_sweep.upgrade("openssl", is_security=True)
    document = add(document, "host.packages", "apt", "upgrades", entry=pending)
    document = patch(document, "host.sockets", 0, "file", "mode", to=WORLD)
    document = patch(document, "host.data_directories", 0, "keys", 0, "mode", to=0o640)
    stray = evidence_sweep.carrier(7004, "bash", 1001)
    document = add(document, "host.group_processes", entry=stray)
    document = patch(document, "host.os", "release", "VERSION_CODENAME", to="trusty")
    document = patch(document, "host.restarts", "reboot_reasons", to=["linux-image-generic"])
    document = patch(document, "host.kernel_files", "/sys/kernel/slab", "mode", to=0o755)
    document = patch(document, "host.kernel_files", "/proc/sched_debug", "mode", to=0o444)
    document = patch(document, "host.at_boot", "has_tmpfiles", to=False)
    members = ["alice", "mallory"]
    return patch(document, "host.accounts", "groups", "lxd", "members", to=members)


def _listeners(document: Document) -> Document:
    for part in ("host.listeners", "host.anonymous_requests", "host.handshakes"):
        document = patch(document, part, 0, "address", to=EVERYWHERE)
    old = evidence_sweep.offer("TLSv1.2", "accepted", "TLSv1.2")
    document = patch(document, "host.handshakes", 0, "offers", 2, to=old)
    told = ("host.anonymous_requests", 0, "answers", "/1.0/instances", "status")
    document = patch(document, *told, to=200)
    return patch(document, "host.filters", to={"value": evidence_filters.failing()})


def _network(document: Document) -> Document:
    for name in ("lxdbr0", "vethrouter1"):
        document = patch(document, "host.network", "interfaces", name, "ipv6", "accept_ra", to=2)
    mode = ("host.network", "interfaces", "all", "ipv4", "rp_filter")
    document = patch(document, *mode, to=2)
    wide = evidence_sweep.route("192.0.2.0/25", "vethrouter1")
    document = add(document, "host.routes", entry=wide)
    document = patch(document, "networks", "default/lxdbr0", "config", "dns.mode", to="dynamic")
    # Not on lxdbr0: there the NICs with filters would need addresses that LXD has not reserved.
    document = patch(
        document, "networks", "default/lxdbr1", "config", "ipv6.address", to="fd42::1/64"
    )
    stray = evidence_sweep.name_server(8004, "lxdbr0", "lxdbr0", "10.10.10.1")
    document = add(document, "host.name_servers", "servers", entry=stray)
    bare = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
    return patch(document, "profiles", "tenants/default", "devices", "eth0", to=bare)


def _instances(document: Document) -> Document:
    count = len(evidence_documents.value(document, "instances"))
    for index in range(count):  # else they would run on another member, whose host is not seen
        document = patch(document, "instances", index, "location", to=evidence_api.SERVER_NAME)
    bare = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
    document = attach(document, "default/spare1", "eth0", bare)
    other = {"type": "nic", "name": "eth2", "network": "lxdbr1"}
    document = attach(document, "default/spare1", "eth2", other)
    direct = {"type": "nic", "name": "eth1", "nictype": "macvlan", "parent": "enp1s0"}
    document = attach(document, "default/spare1", "eth1", direct)
    held = {"type": "disk", "source": evidence_sweep.LXD_DIR, "path": "/mnt"}
    document = attach(document, "default/spare1", "lxd", held)
    leads = {
        "path": evidence_sweep.LXD_DIR,
        "file": evidence_sweep.file(evidence_sweep.LXD_DIR, 100, kind="directory"),
    }
    document = add(document, "host.paths", entry=leads)
    document = configure(document, "tenants/web1", "security.idmap.isolated", "false")
    return configure(document, "default/router1", "raw.idmap", "both 0 0")


def _containers(document: Document) -> Document:
    held = evidence_sweep.mount("/mnt", evidence_sweep.LXD_DIR, 100)
    document = add(document, "host.mounts", "containers", "web1", "mounts", entry=held)
    document = _walls(document)
    everything = f"{evidence_sweep.ALL_CAPABILITIES:016x}"
    document = patch(document, "host.containers", "builder1", "status", "CapBnd", to=everything)
    for kind in ("uid_map", "gid_map"):
        root = "         0          0          1\n         1    2000000      65535\n"
        document = patch(document, "host.containers", "router1", kind, to=root)
        shared = evidence_documents.value(document, "host.containers", "web1", kind)
        document = patch(document, "host.containers", "tenants_web1", kind, to=shared)
    return document


def _trials(document: Document) -> Document:
    """Return failed probes: open filters, names for every client, no reverse path filter."""
    open_ = evidence_trials.bridged("v4+v6none", measured="none")
    document = patch(document, "trials", "bridged", 0, to=open_)
    address = "10.10.10.201"
    names = evidence_trials.names("lxdbr0", foreign=address, claimed=address)
    document = patch(document, "trials", "names", 0, to=names)
    return patch(document, "trials", "routed", 0, to=evidence_trials.routed("foreign"))


def _walls(document: Document) -> Document:
    """Return a privileged container whose walls are all down."""
    builder = ("host.containers", "builder1")
    document = patch(document, *builder, "label", to="unconfined")
    document = patch(document, *builder, "status", "Seccomp", to="0")
    host = evidence_sweep.namespaces(0)
    document = patch(document, *builder, "namespaces", "net", to=host["net"])
    document = configure(document, "default/builder1", "security.nesting", "true")
    seen = evidence_sweep.container_mounts("builder1")
    seen += "411 400 252:0 /etc /host/etc rw shared:1 - ext4 /dev/vda1 rw\n"
    for key, privileged in (("default/router1", False), ("default/builder1", True)):
        told = evidence_sweep.probe(is_privileged=privileged)
        told = told.replace("core_pattern: no: Permission denied", "core_pattern: ok")
        told = told.replace("umount: no: Permission denied", "umount: no: not mounted")
        told = told.replace("slab: no: Permission denied", "slab: ok")
        document = patch(document, "probes", key, "output", to=told)
    return patch(document, "host.confinement", "builder1", "mountinfo", to=seen)
