"""The mark of the project that `--lxd-probe` makes, and whether its audit still runs.

A project without a valid mark is not ours, whatever its name.
"""

from __future__ import annotations

import os
import pathlib
import platform
import time
from collections.abc import Mapping
from typing import Any

PROJECT = "lxdsec-probe"
SENDER, PEER = "lxdsec-sender", "lxdsec-peer"
INSTANCES = (SENDER, PEER)
KEY = "user.lxdsec-probe"
WORDS = 4
PARTS_WITH_OURS = ("projects", "instances", "profiles", "host.containers", "host.confinement")
LONGEST = 900.0  # seconds; no probe runs longer

Document = Mapping[str, Mapping[str, Any]]


def made_now() -> str:
    """Return a mark of this process: the time, the machine, the pid and the process's start."""
    pid = os.getpid()
    return f"{int(time.time())} {_machine()} {pid} {_birth(pid) or '-'}"


def of(project: object) -> str:
    """Return the mark of a project in the API's listing; "" if the project is not ours."""
    if not isinstance(project, Mapping) or project.get("name") != PROJECT:
        return ""
    config = project.get("config")
    text = config.get(KEY) if isinstance(config, Mapping) else None
    return text if isinstance(text, str) and len(text.split()) == WORDS else ""


def is_in_use(text: str) -> bool:
    """Return whether the audit that made this mark may still run."""
    when, machine, pid, birth = text.split()
    if machine == _machine():
        return pid.isdecimal() and _birth(int(pid)) == birth
    return when.isdecimal() and abs(time.time() - int(when)) < LONGEST


def _machine() -> str:
    """Return the ID of this machine's boot and of our process namespace."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{pathlib.Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not on Linux: only the time is left to compare
        return f"{platform.node() or 'unknown'}/{os.getppid()}".replace(" ", "_")


def _birth(pid: int) -> str:
    """Return when a process started, which with its pid identifies it; "" if it does not exist."""
    try:
        stat = pathlib.Path("/proc", str(pid), "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def without_ours(document: Document) -> dict[str, Mapping[str, Any]]:
    """Return a document without the objects that a probe has made, or has left when killed.

    Args:
        document: Parts of the evidence, in the form of `Evidence.document`.
    """
    projects = document["projects"].get("value")
    if not any(of(project) for project in projects or ()):
        return dict(document)
    return {part: _without(part, entry) for part, entry in document.items()}


def _without(part: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    value = entry.get("value")
    if part == "host.mounts" and isinstance(value, Mapping):
        kept = [one for one in value["containers"] if not _is_ours(part, one)]
        return {"value": {**value, "containers": kept}}
    if part in PARTS_WITH_OURS and isinstance(value, list):
        return {"value": [one for one in value if not _is_ours(part, one)]}
    return entry


def _is_ours(part: str, entry: object) -> bool:
    if not isinstance(entry, Mapping):
        return False
    if part == "projects":
        return bool(of(entry))
    if part.startswith("host."):
        return entry.get("lxc_name") in {f"{PROJECT}_{name}" for name in INSTANCES}
    if entry.get("project") != PROJECT:
        return False
    return part == "profiles" or (part == "instances" and _is_our_instance(entry))


def _is_our_instance(entry: Mapping[str, Any]) -> bool:
    config = entry.get("config")
    marked = isinstance(config, Mapping) and bool(config.get(KEY))
    return marked and entry.get("name") in INSTANCES
