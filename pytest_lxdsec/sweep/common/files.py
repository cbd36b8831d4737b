"""Paths of the host: owner, mode, identity, access list."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat

from . import commands, context

ACL = "system.posix_acl_access"
# Files in which the kernel shows containers' names; not all kernels have them.
KERNEL_FILES = (
    "/sys/kernel/slab",
    "/proc/sched_debug",
    "/sys/kernel/debug",
    "/sys/kernel/debug/sched/debug",
)
_KINDS = (
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISREG, "file"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISBLK, "block"),
    (stat.S_ISCHR, "char"),
    (stat.S_ISFIFO, "fifo"),
)


@dataclasses.dataclass(frozen=True)
class File:
    """Decoded as `evidence.host_facts.File`."""

    path: str
    exists: bool
    error: str = ""
    uid: int = -1
    gid: int = -1
    mode: int = 0
    kind: str = ""
    device: int = -1
    inode: int = -1
    acl: str = ""


def look_at(path: str, *, shown: str = "", follow: bool = False) -> File:
    """Return the file at a path.

    Args:
        path: The path to look at.
        shown: Its path in the result, if that is another one.
        follow: Whether to follow a symbolic link.
    """
    name = shown or path
    try:
        found = os.stat(path, follow_symlinks=follow)
        acl = _acl(path, follow=follow)
    except (FileNotFoundError, NotADirectoryError):
        return File(path=name, exists=False)
    except OSError as error:
        return unreadable(name, error)
    return File(
        path=name,
        exists=True,
        uid=found.st_uid,
        gid=found.st_gid,
        mode=stat.S_IMODE(found.st_mode),
        kind=kind_of(found.st_mode),
        device=found.st_dev,
        inode=found.st_ino,
        acl=acl,
    )


def unreadable(path: str, error: OSError) -> File:
    """Return a file that could not be looked at, with the reason."""
    return File(path=path, exists=True, error=error.strerror or commands.reason(error))


def kind_of(mode: int) -> str:
    """Return `socket`, `directory`, `file`, `link`, `block`, `char`, `fifo` or `other`."""
    return next((kind for test, kind in _KINDS if test(mode)), "other")


def _acl(path: str, *, follow: bool) -> str:
    """Return the POSIX access list in hexadecimal, "" if there is none."""
    try:
        return os.getxattr(path, ACL, follow_symlinks=follow).hex()
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return ""
        raise


def kernel_files(_: context.Context) -> tuple[File, ...]:
    """Section: look at the files that show containers' names."""
    return tuple(look_at(path, follow=True) for path in KERNEL_FILES)
