"""Whether a mode that was set by hand comes back at boot, before containers start; pure."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterable

from ...evidence.system_facts import AtBoot, BootUnit, TmpfilesLine
from ...verdict import Remedy

# systemd-tmpfiles-setup.service runs for sysinit.target, which every daemon of LXD's packages
# waits for. Of two lines for one path the file whose name sorts first wins: tmpfiles.d(5).
TMPFILES = "/etc/tmpfiles.d/00-container-names.conf"
ADJUSTS = ("z", "Z", "m")
# What LXD's daemon is called, and what it waits for as every service does.
BEFORE = frozenset(
    {
        "basic.target",
        "lxd.service",
        "lxd.socket",
        "snap.lxd.daemon.service",
        "snap.lxd.daemon.unix.socket",
        "sysinit.target",
    }
)
_SYMBOLIC = re.compile(r"(u[=+-][rwx]*,)?(go|og)(=|-rwx)")


def source(boot: AtBoot, path: str, closed: int) -> str:
    """Return what closes a path at boot, as a clause; "" where nothing does.

    Args:
        boot: What the host has for its boot.
        path: The file of the kernel's.
        closed: The widest mode that is closed.
    """
    lines = [line for line in boot.tmpfiles if _is_about(line, path)]
    first = min(lines, key=lambda line: line.file.rpartition("/")[2], default=None)
    if first is not None and boot.has_tmpfiles and _closes(first, closed):
        return f"{first.file} has {first.line!r}"
    for unit in boot.units:
        if unit.is_enabled and BEFORE.intersection(unit.before) and _runs(unit, path, closed):
            return f"{unit.file} is enabled, runs before LXD and closes it"
    return ""


def _is_about(line: TmpfilesLine, path: str) -> bool:
    kind, pattern, *_ = line.line.split(" ")
    pattern = pattern.strip("\"'").rstrip("/")
    return kind[:1] in ADJUSTS and fnmatch.fnmatchcase(path, pattern)


def _closes(line: TmpfilesLine, closed: int) -> bool:
    _, _, *rest = line.line.split(" ")
    mode, user = [*rest, "-", "-"][:2]
    # With `:` it is for what tmpfiles.d makes itself: the kernel's own keep their modes.
    digits = mode.removeprefix("~")
    if re.fullmatch("[0-7]{3,4}", digits) is None or user not in ("-", "root", "0"):
        return False
    return not int(digits, 8) & ~closed


def _runs(unit: BootUnit, path: str, closed: int) -> bool:
    found = re.compile(
        rf"\bchmod\s+(?:-\w+\s+)*(?P<mode>\S+)\s[^;&|]*{re.escape(path)}/?(?=[\s'\";&|]|$)"
    )
    modes = [match["mode"] for command in unit.commands for match in found.finditer(command)]
    return bool(modes) and _is_closed(modes[-1], closed)


def _is_closed(mode: str, closed: int) -> bool:
    if re.fullmatch("[0-7]{3,4}", mode):
        return not int(mode, 8) & ~closed
    return _SYMBOLIC.fullmatch(mode) is not None


def remedy(paths: Iterable[tuple[str, int]]) -> Remedy:
    """Lines of tmpfiles.d that close these paths."""
    lines = "".join(f"z {path} {mode:04o} root root\\n" for path, mode in paths)
    return Remedy(
        command=f"mkdir -p /etc/tmpfiles.d && printf {shlex.quote(lines)} > {TMPFILES}",
        note="for systemd; elsewhere, set these modes at boot before LXD starts",
    )
