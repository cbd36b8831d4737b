"""Paths resolved below another process's root.

A daemon may see other mounts than the sweep, and an absolute symbolic link starts at the daemon's
root: each step that the kernel would do for the daemon is done here.
"""

from __future__ import annotations

import dataclasses
import errno
import os

from . import context, files, lxd_daemons

MOST_LINKS = 40  # the kernel's MAXSYMLINKS


@dataclasses.dataclass(frozen=True)
class NamedPath:
    """Decoded as `evidence.host_facts.NamedPath`."""

    path: str
    file: files.File


def named(facts: context.Context) -> tuple[NamedPath, ...]:
    """Section: resolve the paths of the instances' devices, as the daemon sees them."""
    server: lxd_daemons.Daemon = facts.require("server")
    root = lxd_daemons.root_of(server.pid)
    return tuple(NamedPath(path=path, file=find(root, path)) for path in facts.question.paths)


def find(root: str, path: str) -> files.File:
    """Return the file that a path leads to below `root`; its `path` has no links."""
    try:
        real = resolve(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return files.File(path=path, exists=False)
    except OSError as error:
        return files.unreadable(path, error)
    return files.look_at(root + real, shown=real)


def resolve(root: str, path: str) -> str:
    """Return `realpath` below `root`, where absolute links start; the end need not exist.

    Raises:
        FileNotFoundError: `..` follows a path that is not a directory.
        OSError: ELOOP, more links than the kernel follows.
    """
    done, rest, links = "", _parts(path), 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            done = _parent(root, done)
            continue
        target = _link_at(root + done + "/" + part)
        if target is None:
            done = done + "/" + part
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        done = "" if target.startswith("/") else done
        rest = _parts(target) + rest
    return done or "/"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _parent(root: str, done: str) -> str:
    if not os.path.isdir(root + done + "/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), done)
    return os.path.dirname(done).rstrip("/")


def _link_at(path: str) -> str | None:
    """Return the target of a symbolic link; None for other files, which the next step checks."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def above(path: str) -> tuple[str, ...]:
    """Return the directories above an absolute path without links, the nearest first."""
    found = []
    while path != "/":
        path = os.path.dirname(path)
        found.append(path)
    return tuple(found)
