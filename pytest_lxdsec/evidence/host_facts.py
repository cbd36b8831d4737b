"""What the sweep brings back from the host, as types; imports nothing of ours.

Every type here and in the modules beside it (`system_facts`, `access_facts`, `remote_facts`,
`container_facts`, `network_facts`) is one entry of a section of the sweep (`pytest_lxdsec.sweep`,
which has types of the same names and fields), decoded strictly by `msgspec`. Modes are permission
bits (0o660), ids are the host's, times are seconds since 1970. This module has what several need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A path of the host: owner, mode, identity.

    Where `exists` is false there is no such path. Where `error` is not "" it could not be looked
    at, and the numbers mean nothing. `acl` is the POSIX access list in hexadecimal as the kernel
    stores it, "" for none.
    """

    path: str
    exists: bool
    error: str
    uid: int
    gid: int
    mode: int
    kind: str
    device: int
    inode: int
    acl: str

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: the same for every name of the same file."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPath:
    """A path that a device names, and the file it really leads to."""

    path: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A LXD daemon of the host.

    Attributes:
        namespaces: Kinds to what /proc/PID/ns links to.
        replaced: Its program and its libraries, as far as those that it runs are not those that
            are installed; None where that was not looked at.
    """

    pid: int
    exe: str
    is_deleted: bool
    uid: int
    gid: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    namespaces: Mapping[str, str]
    replaced: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file's text; `error` says why it could not be read, else ""."""

    text: str
    error: str
