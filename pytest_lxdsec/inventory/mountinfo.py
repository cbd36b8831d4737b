"""The kernel's table of mounts, /proc/PID/mountinfo; pure, imports nothing of ours.

The options of a mount and those of its file system are two things: a mount that is read-only
stands in the table with a file system that is not. And of several on one place the last counts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")
_FIELDS = 6  # proc_pid_mountinfo(5): before what is optional, and after the dash
_KINDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mount.

    Attributes:
        number: Its id, by which others name it.
        parent: The mount that it lies on.
        device: MAJOR:MINOR of the file system.
        root: What of the file system is shown.
        point: Where it is shown.
        options: Of this mount.
        shared: Its peer groups, such as `shared:2` and `master:1`.
        kind: The type of the file system.
        source: What its maker called it.
        settings: The options of the file system.
    """

    number: int
    parent: int
    device: str
    root: str
    point: str
    options: frozenset[str]
    shared: tuple[str, ...]
    kind: str
    source: str
    settings: frozenset[str] = frozenset()

    @property
    def is_read_only(self) -> bool:
        """True if nothing can be written through this mount."""
        return "ro" in self.options

    def path_of(self, root: str) -> str | None:
        """Return where this mount shows a path of its file system; None where it does not."""
        if not holds(self.root, root):
            return None
        return posixpath.normpath(posixpath.join(self.point, posixpath.relpath(root, self.root)))


def holds(directory: str, path: str) -> bool:
    """Return whether a path is a directory or below it; both are absolute and plain."""
    return directory in (path, "/") or path.startswith(f"{directory}/")


def parse(text: str) -> tuple[Mount, ...]:
    """Read a whole table, in its order.

    Raises:
        ValueError: it is cut off, empty, or a line is no mount.
    """
    if not text.endswith("\n"):
        raise ValueError("the table of mounts is empty or cut off")
    return tuple(_mount(line) for line in text[:-1].split("\n"))


def _mount(line: str) -> Mount:
    before, dash, after = line.partition(" - ")
    words, kinds = before.split(" "), after.split(" ")
    if not dash or len(words) < _FIELDS or len(kinds) < _KINDS:
        raise ValueError(f"no mount: {line[:120]!r}")
    return Mount(
        number=int(words[0]),
        parent=int(words[1]),
        device=words[2],
        root=_plain(words[3]),
        point=_plain(words[4]),
        options=frozenset(words[5].split(",")),
        shared=tuple(words[_FIELDS:]),
        kind=kinds[0],
        source=_plain(kinds[1]),
        settings=frozenset(kinds[2].split(",")) if len(kinds) > _KINDS else frozenset(),
    )


def _plain(path: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), path)


def at(mounts: Iterable[Mount], point: str) -> Mount | None:
    """Return what is seen at a place: the last mount on it."""
    found = None
    for mount in mounts:
        if mount.point == point:
            found = mount
    return found
