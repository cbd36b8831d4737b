"""The authority that a daemon asks of its clients, and its revocation list.

Imports `daemons`, `files`, `known`, `processes`, `tools`. Certificates and lists are public; keys
are never read.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from . import daemons, files, known, processes, tools

# lxd/daemon.go and shared/cert.go: cluster.ca where the server is in a cluster, else server.ca.
NAMES = ("server.ca", "cluster.ca", "ca.crl", "cluster.crt")


@dataclasses.dataclass(frozen=True)
class PkiFile:
    """As `remotefacts.PkiFile`."""

    name: str
    file: files.File
    text: str
    changed: int


@dataclasses.dataclass(frozen=True)
class Pki:
    """As `remotefacts.Pki`."""

    started: int
    files: Sequence[PkiFile]


def find(facts: known.Known) -> Pki:
    """Section: the files of a public key infrastructure, and when the daemon has read them."""
    server: daemons.Daemon = facts.require("server")
    return Pki(
        started=started(server.pid, tools.read("/proc/stat")),
        files=tuple(_file(server, name) for name in NAMES),
    )


def started(pid: int, stat: str) -> int:
    """When a process began, in seconds since 1970, never later than the truth.

    Raises:
        ValueError: the kernel does not say when the system was booted.
    """
    boot = re.search(r"^btime (\d+)$", stat, re.MULTILINE)
    if not boot:
        raise ValueError("/proc/stat tells no time of boot")
    ticks = processes.parent_and_start(pid)[1]
    return int(boot.group(1)) + ticks // os.sysconf("SC_CLK_TCK")


def _file(server: daemons.Daemon, name: str) -> PkiFile:
    shown = f"{server.directory}/{name}"
    path = daemons.root_of(server.pid) + shown
    found = files.look_at(path, shown=shown, follow=True)
    if not found.exists or found.error:
        return PkiFile(name=name, file=found, text="", changed=0)
    return PkiFile(
        name=name, file=found, text=tools.read(path), changed=int(os.stat(path).st_ctime)
    )
