"""The CA of a daemon's clients, and its revocation list.

Certificates and lists are public; keys are never read.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence

from ..common import commands, context, files, lxd_daemons, procfs

# lxd/daemon.go and shared/cert.go: cluster.ca if the server is in a cluster, else server.ca.
NAMES = ("server.ca", "cluster.ca", "ca.crl", "cluster.crt")


@dataclasses.dataclass(frozen=True)
class PkiFile:
    """Decoded as `evidence.remote_facts.PkiFile`."""

    name: str
    file: files.File
    text: str
    changed: int


@dataclasses.dataclass(frozen=True)
class Pki:
    """Decoded as `evidence.remote_facts.Pki`."""

    started: int
    files: Sequence[PkiFile]


def find(facts: context.Context) -> Pki:
    """Section: read the files of a public key infrastructure, and when the daemon read them."""
    server: lxd_daemons.Daemon = facts.require("server")
    return Pki(
        started=started(server.pid, commands.read("/proc/stat")),
        files=tuple(_file(server, name) for name in NAMES),
    )


def started(pid: int, stat: str) -> int:
    """Return when a process started, in seconds since 1970; never later than the truth.

    Raises:
        ValueError: the kernel does not report the time of boot.
    """
    boot = re.search(r"^btime (\d+)$", stat, re.MULTILINE)
    if not boot:
        raise ValueError("/proc/stat has no time of boot")
    ticks = procfs.parent_and_start(pid)[1]
    return int(boot.group(1)) + ticks // os.sysconf("SC_CLK_TCK")


def _file(server: lxd_daemons.Daemon, name: str) -> PkiFile:
    shown = f"{server.directory}/{name}"
    path = lxd_daemons.root_of(server.pid) + shown
    found = files.look_at(path, shown=shown, follow=True)
    if not found.exists or found.error:
        return PkiFile(name=name, file=found, text="", changed=0)
    return PkiFile(
        name=name, file=found, text=commands.read(path), changed=int(os.stat(path).st_ctime)
    )
