"""Evidence made by hand: a server on which nothing is wrong, and changes to it, one at a time.

    document = baseline()                                           # every control passes
    wild = patch(document, "server", "config", "core.https_address", to=":8443")
    hidden = patch(document, "host.packages", to=missing("no shell"))
    seen = evidence(wild)                                           # read as a file would be

A document is what a file of evidence holds before anything is redacted. It goes through the
package's own reader like any other, so that tests cannot say things of servers that no reader
would take.
"""

from __future__ import annotations

import copy
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from pytest_lxdsec.evidence import evidence_file, model, parts

from . import evidence_api, evidence_filters, evidence_sweep, evidence_trials

Document = dict[str, Any]

TARGET = "lxd1.example.org"
GONE = object()  # `patch(..., to=GONE)` takes a value away


def baseline() -> Document:
    """Return a server, its host and its instances as the guide wants them: no control fails.

    A standalone server with two projects; instances running, frozen and stopped, one a virtual
    machine; NICs bridged with all filters, and one routed. Every control passes somewhere but
    those for privileged containers: `with_privileged` adds one.
    """
    document = {
        "format": evidence_file.FORMAT,
        "version": evidence_file.VERSION,
        "target": TARGET,
        "taken": evidence_api.TAKEN.isoformat(),
        "tool": "0.1.0",
        "seconds": 0.25,
        "round_trips": {"api": 9, "shell": 1},
        "parts": {name: {parts.VALUE: value} for name, value in _parts().items()},
    }
    for instance in evidence_api.instances():
        for facts in evidence_sweep.containers():
            if facts["lxc_name"] == _lxc_name(instance):
                key = f"{instance['project']}/{instance['name']}"
                document = record_map(document, key, facts["uid_map"])
    return document


def _lxc_name(instance: Mapping[str, Any]) -> str:
    project, name = instance["project"], instance["name"]
    return str(name if project == "default" else f"{project}_{name}")


def _parts() -> Mapping[str, Any]:
    return {
        "server": evidence_api.server(),
        "servers": [evidence_api.server()],
        "projects": evidence_api.projects(),
        "instances": evidence_api.instances(),
        "profiles": evidence_api.profiles(),
        "networks": evidence_api.networks(),
        "certificates": evidence_api.certificates(),
        "images": evidence_api.images(),
        "members": [],
        "tokens": evidence_api.tokens(),
        "identities": [],
        "groups": [],
        "provider_groups": [],
        "host.os": evidence_sweep.operating_system(),
        "host.packages": evidence_sweep.packages(),
        "host.daemons": [evidence_sweep.daemon()],
        "host.server": evidence_sweep.daemon(),
        "host.sockets": evidence_sweep.sockets(),
        "host.admin_groups": evidence_sweep.admin_groups(),
        "host.accounts": evidence_sweep.accounts(),
        "host.group_holders": evidence_sweep.group_holders(),
        "host.subordinate_ids": evidence_sweep.subordinate_ids(),
        "host.listeners": evidence_sweep.listeners(),
        "host.anonymous_requests": evidence_sweep.anonymous_requests(),
        "host.kernel_files": evidence_sweep.kernel_files(),
        "host.network": evidence_sweep.network(),
        "host.links": evidence_sweep.links(),
        "host.filters": evidence_filters.filters(),
        "host.reservations": evidence_filters.reservations(),
        "host.routes": evidence_sweep.routes(),
        "host.name_servers": evidence_sweep.name_servers(),
        "host.containers": evidence_sweep.containers(),
        "host.paths": evidence_sweep.paths(),
        "host.resolved_names": [],
        "host.pki": evidence_sweep.pki(),
        "host.restarts": evidence_sweep.restarts(),
        "host.distribution": evidence_sweep.distribution(),
        "host.handshakes": evidence_sweep.handshakes(),
        "host.setgid_files": evidence_sweep.setgid_files(),
        "host.group_processes": evidence_sweep.group_processes(),
        "host.data_directories": evidence_sweep.data_directories(),
        "host.mounts": evidence_sweep.mounts(),
        "host.confinement": evidence_sweep.confinement(),
        "host.view": evidence_sweep.view(),
        "host.at_boot": evidence_sweep.at_boot(),
        "host.control": evidence_sweep.control(),
        "probes": [probe_of(key) for key in ("default/router1", "default/web1", "tenants/web1")],
        "trials": evidence_trials.trials(),
    }


def probe_of(key: str, *, is_privileged: bool = False) -> Document:
    """Return an entry of the part `probes`."""
    project, _, name = key.partition("/")
    output = evidence_sweep.probe(is_privileged=is_privileged)
    return {"project": project, "name": name, "output": output, "error": ""}


def evidence(document: Document) -> model.Evidence:
    """Return the document as the package reads it."""
    return evidence_file.loads(json.dumps(document), name="by-hand.json")


def write(document: Document, path: pathlib.Path) -> pathlib.Path:
    """Save the document as the package saves evidence, redacted; return the path."""
    evidence_file.save(evidence(document), path)
    return path


# --- changes: each returns a new document ------------------------------------------------------


def patch(document: Document, part: str, *path: str | int, to: object) -> Document:
    """Return a copy with one value changed, or taken away with `to=GONE`.

    Args:
        document: What to copy.
        part: The part's name; without a `path`, `to` is the whole entry, as `missing` makes it.
        path: The way into the part's value: fields by name, entries of a listing by number or
            by what they are called: `default/web1`, `lxdbr0`, `/sys/kernel/slab`.
        to: The new value.
    """
    changed = copy.deepcopy(document)
    steps = (part, parts.VALUE, *path) if path else (part,)
    holder = changed["parts"]
    for step in steps[:-1]:
        holder = holder[_place(holder, step)]
    place = _place(holder, steps[-1])
    if to is GONE:
        del holder[place]
    else:
        holder[place] = to
    return changed


def value(document: Document, part: str, *path: str | int) -> Any:
    """Return what is at a path, as in `patch`; a copy."""
    found = document["parts"][part][parts.VALUE]
    for step in path:
        found = found[_place(found, step)]
    return copy.deepcopy(found)


def add(document: Document, part: str, *path: str | int, entry: object) -> Document:
    """Return a copy with one more entry at the end of a list."""
    changed = [*value(document, part, *path), entry]
    if path:
        return patch(document, part, *path, to=changed)
    return patch(document, part, to={parts.VALUE: changed})


def configure(document: Document, instance: str, key: str, setting: object) -> Document:
    """Return a copy with a key of an instance's own configuration set, as LXD then expands it."""
    own = patch(document, "instances", instance, "config", key, to=setting)
    return patch(own, "instances", instance, "expanded_config", key, to=setting)


def record_map(document: Document, instance: str, id_map: str) -> Document:
    """Return a copy in which LXD has computed this map (a line of uid_map) for a start."""
    inside, outside, count = (int(word) for word in id_map.split())
    entries = [
        {
            "Isuid": is_uid,
            "Isgid": not is_uid,
            "Hostid": outside,
            "Nsid": inside,
            "Maprange": count,
        }
        for is_uid in (True, False)
    ]
    for key in ("volatile.idmap.current", "volatile.idmap.next"):
        document = configure(document, instance, key, json.dumps(entries))
    return document


def attach(document: Document, instance: str, device: str, settings: object) -> Document:
    """Return a copy with a device of an instance's own, as LXD then expands it."""
    own = patch(document, "instances", instance, "devices", device, to=settings)
    return patch(own, "instances", instance, "expanded_devices", device, to=settings)


def configure_server(document: Document, key: str, setting: object) -> Document:
    """Return a copy with a key of the server's configuration set."""
    asked = patch(document, "server", "config", key, to=setting)
    return patch(asked, "servers", 0, "config", key, to=setting)


def missing(reason: str) -> Document:
    """Return the entry of a part that could not be had."""
    return {parts.MISSING: reason}


def not_assessed(reason: str) -> Document:
    """Return the entry of a part that the user's choice of a target excludes."""
    return {parts.NOT_ASSESSED: reason}


def without_host(document: Document) -> Document:
    """Return a copy as an API without a shell gives it."""
    for part in model.HOST_PARTS:
        document = patch(document, part, to=not_assessed("the target is an API without a shell"))
    return document


def with_privileged(document: Document, name: str = "builder1") -> Document:
    """Return a copy with one more container, privileged, in the default project.

    It fails LXD-UNP-01, as it must, and has every wall that is left to it.
    """
    made = evidence_api.instance(f"default/{name}")
    document = add(document, "instances", entry=made)
    document = configure(document, f"default/{name}", "security.privileged", "true")
    document = configure(document, f"default/{name}", "volatile.idmap.next", "[]")
    facts = evidence_sweep.container(name, len(value(document, "host.containers")) + 1)
    facts["uid_map"] = facts["gid_map"] = "         0          0 4294967295\n"
    facts["namespaces"]["user"] = evidence_sweep.namespaces(0)["user"]
    facts["status"]["CapBnd"] = f"{evidence_sweep.LEFT_BY_LXD:016x}"
    document = add(document, "host.containers", entry=facts)
    mounts = evidence_sweep.mounts_of(name, len(value(document, "host.containers")))
    document = add(document, "host.mounts", "containers", entry=mounts)
    walls = evidence_sweep.walls_of(name, is_limited=True)
    document = add(document, "host.confinement", entry=walls)
    entry = probe_of(f"default/{name}", is_privileged=True)
    return add(document, "probes", entry=entry)


def in_cluster(document: Document, *versions: str) -> Document:
    """Return a copy whose server is one of a cluster.

    Itself, and one more member for each version.
    """
    own = value(document, "server")
    versions = (own["environment"]["server_version"], *versions)
    found = [
        {**own, "environment": {**own["environment"], "server_clustered": True}} for _ in versions
    ]
    for number, version in enumerate(versions, 1):
        found[number - 1]["environment"] |= {
            "server_name": f"lxd{number}",
            "server_version": version,
        }
    document = patch(document, "servers", to={parts.VALUE: found})
    document = patch(document, "server", to={parts.VALUE: found[0]})
    for index in range(len(value(document, "instances"))):
        document = patch(document, "instances", index, "location", to=evidence_api.SERVER_NAME)
    members = [
        {"server_name": f"lxd{number}", "status": "Online", "message": ""}
        for number in range(1, len(found) + 1)
    ]
    return patch(document, "members", to={parts.VALUE: members})


def _place(holder: Any, step: str | int) -> str | int:
    """Return a step as an index into what holds it."""
    if isinstance(holder, dict) or isinstance(step, int):
        return step
    called = [index for index, entry in enumerate(holder) if step in _names(entry)]
    if len(called) != 1:
        raise LookupError(f"{len(called)} entries are called {step!r}")
    return called[0]


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    name = entry.get(
        "name",
        entry.get("lxc_name", entry.get("path", entry.get("address", entry.get("network")))),
    )
    fingerprint = str(entry.get("fingerprint", ""))[:12]
    own = name or fingerprint
    return (f"{entry['project']}/{own}",) if "project" in entry else (str(own), fingerprint)
