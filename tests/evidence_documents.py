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

from pytest_lxdsec.evidence import model, replay

from . import evidence_api, evidence_sweep

Document = dict[str, Any]

TARGET = "lxd1.example.org"
GONE = object()  # `patch(..., to=GONE)` takes a value away


def baseline() -> Document:
    """A server, its host and its instances as the guide wants them: no control fails.

    A standalone server with two projects; instances running, frozen and stopped, one a virtual
    machine; NICs bridged with all filters, and one routed. Every control passes somewhere but
    those for privileged containers: `with_privileged` adds one.
    """
    return {
        "format": replay.FORMAT,
        "version": replay.VERSION,
        "target": TARGET,
        "taken": evidence_api.TAKEN.isoformat(),
        "tool": "0.1.0",
        "seconds": 0.25,
        "round_trips": {"api": 9, "shell": 1},
        "parts": {name: {model.VALUE: value} for name, value in _parts().items()},
    }


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
        "host.os": evidence_sweep.operating_system(),
        "host.packages": evidence_sweep.packages(),
        "host.daemons": [evidence_sweep.daemon()],
        "host.server": evidence_sweep.daemon(),
        "host.sockets": evidence_sweep.sockets(),
        "host.admin_groups": evidence_sweep.admin_groups(),
        "host.accounts": evidence_sweep.accounts(),
        "host.subordinate_ids": evidence_sweep.subordinate_ids(),
        "host.listeners": evidence_sweep.listeners(),
        "host.strangers": evidence_sweep.strangers(),
        "host.kernel_files": evidence_sweep.kernel_files(),
        "host.network": evidence_sweep.network(),
        "host.containers": evidence_sweep.containers(),
        "host.paths": evidence_sweep.paths(),
    }


def evidence(document: Document) -> model.Evidence:
    """The document as the package reads it."""
    return replay.loads(json.dumps(document), name="by-hand.json")


def write(document: Document, path: pathlib.Path) -> pathlib.Path:
    """Save the document as the package saves evidence, redacted; return the path."""
    replay.save(evidence(document), path)
    return path


# --- changes: each returns a new document ------------------------------------------------------


def patch(document: Document, part: str, *path: str | int, to: object) -> Document:
    """A copy with one value changed, or taken away with `to=GONE`.

    Args:
        document: What to copy.
        part: The part's name; without a `path`, `to` is the whole entry, as `missing` makes it.
        path: The way into the part's value: fields by name, entries of a listing by number or
            by what they are called: `default/web1`, `lxdbr0`, `/sys/kernel/slab`.
        to: The new value.
    """
    changed = copy.deepcopy(document)
    steps = (part, model.VALUE, *path) if path else (part,)
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
    """What is at a path, as in `patch`; a copy."""
    found = document["parts"][part][model.VALUE]
    for step in path:
        found = found[_place(found, step)]
    return copy.deepcopy(found)


def add(document: Document, part: str, *path: str | int, entry: object) -> Document:
    """A copy with one more entry at the end of a list."""
    changed = [*value(document, part, *path), entry]
    if path:
        return patch(document, part, *path, to=changed)
    return patch(document, part, to={model.VALUE: changed})


def configure(document: Document, instance: str, key: str, setting: object) -> Document:
    """A copy with a key of an instance's own configuration set, as LXD then expands it."""
    own = patch(document, "instances", instance, "config", key, to=setting)
    return patch(own, "instances", instance, "expanded_config", key, to=setting)


def attach(document: Document, instance: str, device: str, settings: object) -> Document:
    """A copy with a device of an instance's own, as LXD then expands it."""
    own = patch(document, "instances", instance, "devices", device, to=settings)
    return patch(own, "instances", instance, "expanded_devices", device, to=settings)


def configure_server(document: Document, key: str, setting: object) -> Document:
    """A copy with a key of the server's configuration set."""
    asked = patch(document, "server", "config", key, to=setting)
    return patch(asked, "servers", 0, "config", key, to=setting)


def missing(reason: str) -> Document:
    """The entry of a part that could not be had."""
    return {model.MISSING: reason}


def not_assessed(reason: str) -> Document:
    """The entry of a part that the user's choice of a target excludes."""
    return {model.NOT_ASSESSED: reason}


def without_host(document: Document) -> Document:
    """A copy as an API without a shell gives it."""
    for part in model.HOST_PARTS:
        document = patch(document, part, to=not_assessed("the target is an API without a shell"))
    return document


def with_privileged(document: Document, name: str = "builder1") -> Document:
    """A copy with one more container, privileged, in the default project.

    It fails LXD-UNP-01, as it must, and has every wall that is left to it.
    """
    made = evidence_api.instance(f"default/{name}")
    document = add(document, "instances", entry=made)
    document = configure(document, f"default/{name}", "security.privileged", "true")
    facts = evidence_sweep.container(name, len(value(document, "host.containers")) + 1)
    facts["uid_map"] = facts["gid_map"] = "         0          0 4294967295\n"
    facts["namespaces"]["user"] = evidence_sweep.namespaces(0)["user"]
    facts["status"]["CapBnd"] = f"{evidence_sweep.LEFT_BY_LXD:016x}"
    return add(document, "host.containers", entry=facts)


def _place(holder: Any, step: str | int) -> str | int:
    """A step as an index into what holds it."""
    if isinstance(holder, dict) or isinstance(step, int):
        return step
    called = [index for index, entry in enumerate(holder) if step in _names(entry)]
    if len(called) != 1:
        raise LookupError(f"{len(called)} entries are called {step!r}")
    return called[0]


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    name = entry.get("name", entry.get("lxc_name", entry.get("path", entry.get("address"))))
    fingerprint = str(entry.get("fingerprint", ""))[:12]
    own = name or fingerprint
    return (f"{entry['project']}/{own}",) if "project" in entry else (str(own), fingerprint)
