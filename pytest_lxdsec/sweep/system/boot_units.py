"""Settings of the kernel's files that are applied when the host boots.

Only lines that name one of these files are kept: units may have passwords in others.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import os
from collections.abc import Iterator, Sequence

from ..common import commands, context, files

# In order of precedence: a file masks those of the same name in later directories.
TMPFILES = (
    "/etc/tmpfiles.d",
    "/run/tmpfiles.d",
    "/usr/local/lib/tmpfiles.d",
    "/usr/lib/tmpfiles.d",
)
UNITS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
PROGRAMS = ("/usr/bin/systemd-tmpfiles", "/bin/systemd-tmpfiles")


@dataclasses.dataclass(frozen=True)
class TmpfilesLine:
    """Decoded as `evidence.system_facts.TmpfilesLine`."""

    file: str
    line: str


@dataclasses.dataclass(frozen=True)
class BootUnit:
    """Decoded as `evidence.system_facts.BootUnit`."""

    file: str
    commands: Sequence[str]
    before: Sequence[str]
    is_enabled: bool


@dataclasses.dataclass(frozen=True)
class AtBoot:
    """Decoded as `evidence.system_facts.AtBoot`."""

    has_tmpfiles: bool
    tmpfiles: Sequence[TmpfilesLine]
    units: Sequence[BootUnit]


def every(_: context.Context) -> AtBoot:
    """Section: find the lines of tmpfiles.d and of units about files that show names."""
    return AtBoot(
        has_tmpfiles=any(os.access(path, os.X_OK) for path in PROGRAMS),
        tmpfiles=tuple(_tmpfiles()),
        units=tuple(_units()),
    )


def _files(directories: Sequence[str], ending: str) -> Iterator[str]:
    """Return the effective files by name; a link to /dev/null masks files of the same name."""
    found: dict[str, str] = {}
    for directory in directories:
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            if name.endswith(ending):
                found.setdefault(name, f"{directory}/{name}")
    for name in sorted(found):
        yield found[name]


def _read(path: str) -> str:
    try:
        return commands.read(path)
    except (FileNotFoundError, IsADirectoryError):
        return ""  # a dangling link


def _tmpfiles() -> Iterator[TmpfilesLine]:
    for path in _files(TMPFILES, ".conf"):
        for line in commands.lines(_read(path)):
            words = line.split()
            if len(words) > 1 and not words[0].startswith("#") and _names(words[1]):
                yield TmpfilesLine(file=path, line=" ".join(words))


def _names(pattern: str) -> bool:
    """Return whether a path of tmpfiles.d, perhaps a pattern, is one of the kernel's files."""
    plain = pattern.strip("\"'").rstrip("/")
    return any(fnmatch.fnmatchcase(path, plain) for path in files.KERNEL_FILES)


def _units() -> Iterator[BootUnit]:
    for path in _files(UNITS, ".service"):
        settings = list(_settings(_read(path)))
        found = tuple(
            value
            for key, value in settings
            if key.startswith("ExecStart") and any(name in value for name in files.KERNEL_FILES)
        )
        if found:
            before = " ".join(value for key, value in settings if key == "Before").split()
            enabled = _is_enabled(os.path.basename(path))
            yield BootUnit(file=path, commands=found, before=tuple(before), is_enabled=enabled)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.replace("\\\n", " ").split("\n"):
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            yield key.strip(), value.strip()


def _is_enabled(name: str) -> bool:
    """Return whether a unit that is started at boot wants it."""
    for directory in UNITS:
        for other in os.listdir(directory) if os.path.isdir(directory) else ():
            wants = other.endswith((".wants", ".requires"))
            if wants and os.path.lexists(f"{directory}/{other}/{name}"):
                return True
    return False
