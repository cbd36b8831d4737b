"""Types of the sweep that several sections share.

Each type here and in the modules beside it (`system_facts`, `access_facts`, `remote_facts`,
`container_facts`, `network_facts`) is an entry of a section of the sweep (`pytest_lxdsec.sweep`,
which has types of the same names and fields), decoded strictly by `msgspec`. Modes are permission
bits (0o660), IDs are the host's, times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A path of the host: owner, mode, identity.

    Attributes:
        exists: Whether the path exists.
        error: Why it could not be looked at, else "". If it could not, the numbers mean nothing.
        kind: `socket`, `directory`, `file`, `link`, `block`, `char`, `fifo` or `other`.
        acl: The POSIX access list in hexadecimal as the kernel stores it, "" if there is none.
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
        """Device and inode, which all names of the same file share."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPath:
    """A path that a device names, and the file that it leads to."""

    path: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """An LXD daemon of the host.

    Attributes:
        is_deleted: Whether its program's file was deleted since it was started.
        environment: The variables that decide what the daemon does; no others are read.
        namespaces: Kinds to the targets of the links in /proc/PID/ns.
        replaced: Its program and libraries whose running files are not the installed ones;
            None in evidence that did not look for them.
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
    """The text of a file or of a command's output; `error` is why it is not known, else ""."""

    text: str
    error: str
