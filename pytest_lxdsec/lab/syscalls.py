"""The system calls a lab is made of and that Python 3.11 lacks; imports nothing of ours.

Each raises `OSError` with the path it failed on, as the functions of `os` do.
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
    """Give this process new namespaces; a new PID namespace only holds its next child."""
    _check(_C.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source`, a file system of the given kind, on `target`."""
    text = tuple(os.fsencode(value) for value in (source, target, kind, options))
    _check(_C.mount(*text[:3], flags, text[3]), target)


def bind(source: str, target: str, *, is_read_only: bool = False) -> None:
    """Show `source` at `target` too; nothing that is mounted below it comes along."""
    mount(source, target, flags=MS_BIND)
    if is_read_only:
        mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def detach(target: str) -> None:
    """Take a mount out of sight at once; it ends with its last user."""
    _check(_C.umount2(os.fsencode(target), _MNT_DETACH), target)


def enter_root(directory: str) -> None:
    """Make the mount at `directory` the root of this mount namespace; drop the old root."""
    os.chdir(directory)
    _check(_C.pivot_root(b".", b"."), directory)  # The old root is now stacked on the new one.
    detach(".")
    os.chdir("/")


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    _check(_C.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def _check(result: int, name: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
