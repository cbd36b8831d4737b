"""The system calls for labs that Python 3.11 lacks.

Like the functions of `os`, each raises `OSError` with the path on which it failed.
"""

from __future__ import annotations

import ctypes
import os
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_MNT_DETACH = 0x2
_PR_SET_PDEATHSIG = 1

_C = ctypes.CDLL(None, use_errno=True)
_C.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)


def unshare(flags: int) -> None:
    """Move this process into new namespaces; a new PID namespace holds its next children only."""
    _check(_C.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source`, a file system of the given kind, on `target`."""
    text = tuple(os.fsencode(value) for value in (source, target, kind, options))
    _check(_C.mount(*text[:3], flags, text[3]), target)


def bind(source: str, target: str, *, is_read_only: bool = False) -> None:
    """Bind `source` to `target`, without the mounts below it."""
    mount(source, target, flags=MS_BIND)
    if is_read_only:
        mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def detach(target: str) -> None:
    """Detach a mount lazily: it disappears at once, and ends with its last user."""
    _check(_C.umount2(os.fsencode(target), _MNT_DETACH), target)


def enter_root(directory: str) -> None:
    """Make the mount at `directory` the root of this mount namespace; drop the old root."""
    os.chdir(directory)
    _check(_C.pivot_root(b".", b"."), directory)  # The old root is now stacked on the new one.
    detach(".")
    os.chdir("/")


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however the parent ends."""
    _check(_C.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def detach_streams() -> None:
    """Redirect the standard streams to /dev/null, so that their readers see the end of file."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.close(null)


def _check(result: int, name: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
