"""The private files in the daemons' data directories."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from ..common import context, files, lxd_daemons

DATABASE = "database"
KEY = ".key"


@dataclasses.dataclass(frozen=True)
class DataDirectory:
    """Decoded as `evidence.access_facts.DataDirectory`."""

    daemon: int
    directory: files.File
    database: files.File
    keys: Sequence[files.File]


def every(facts: context.Context) -> tuple[DataDirectory, ...]:
    """Section: read every daemon's data directory, as that daemon sees it."""
    found: Sequence[lxd_daemons.Daemon] = facts.require("daemons")
    return tuple(_directory(daemon) for daemon in found)


def _directory(daemon: lxd_daemons.Daemon) -> DataDirectory:
    root, path = lxd_daemons.root_of(daemon.pid), daemon.directory
    names = sorted(name for name in os.listdir(root + path) if name.endswith(KEY))

    def look(shown: str) -> files.File:
        return files.look_at(root + shown, shown=shown, follow=True)

    return DataDirectory(
        daemon=daemon.pid,
        directory=look(path),
        database=look(f"{path}/{DATABASE}"),
        keys=tuple(look(f"{path}/{name}") for name in names),
    )
