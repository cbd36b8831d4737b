"""What a path of the host is: owner, mode, identity, access list."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat

from . import commands, context

ACL = "system.posix_acl_access"
# Files by which the kernel tells containers' names, on kernels that have them.
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
    """Return what is at a path.

    Args:
        path: Where to look.
        shown: What the result calls it, where that is another name.
        follow: Whether a symbolic link is looked through.
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
    """Return a path of which nothing can be said but why."""
    return File(path=path, exists=True, error=error.strerror or commands.reason(error))


def kind_of(mode: int) -> str:
    """Return `socket`, `directory`, `file`, `link`, `block`, `char` or `fifo`, by `st_mode`."""
    return next((kind for test, kind in _KINDS if test(mode)), "other")


def _acl(path: str, *, follow: bool) -> str:
    """Return the POSIX access list in hexadecimal, "" where there is none."""
    try:
        return os.getxattr(path, ACL, follow_symlinks=follow).hex()
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return ""
        raise


def kernel_files(_: context.Known) -> tuple[File, ...]:
    """Section: the files that tell containers' names."""
    return tuple(look_at(path, follow=True) for path in KERNEL_FILES)
