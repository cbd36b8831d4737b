"""Parser of the output of `apt-cache policy PACKAGE...`.

libgcrypt20:
  Installed: 1.10.1-3
  Candidate: 1.10.1-3+deb12u1
  Version table:
     1.10.1-3+deb12u1 500
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 1.10.1-3 100
        100 /var/lib/dpkg/status
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

# The number of blanks before a line tells its kind: apt-private/private-show.cc, Policy.
_NAME = re.compile(r"(\S+):")
_FIELD = re.compile(r"  (Installed|Candidate|Package pin|Version table):\s*(.*)")
_VERSION = re.compile(r" (\*\*\*|   ) (\S+) -?\d+( \(phased \d+%\))?")
_PLACE = re.compile(r" {7} *(-?\d+) (.+)")


@dataclasses.dataclass(frozen=True)
class Place:
    """An archive that has a version, in apt's description, and the archive's pin priority."""

    priority: int
    description: str


@dataclasses.dataclass(frozen=True)
class Version:
    """An available version; `is_phased` if apt offers it to some machines only so far."""

    text: str
    is_phased: bool
    places: Sequence[Place]


@dataclasses.dataclass(frozen=True)
class Policy:
    """apt's policy for an installed package; `newer` are the versions above the installed one."""

    name: str
    installed: str
    candidate: str
    newer: Sequence[Version]

    def offered(self) -> tuple[Version, ...]:
        """Return the newer versions up to the one that apt would install, which is the first."""
        for index, version in enumerate(self.newer):
            if version.text == self.candidate:
                return tuple(self.newer[index:])
        return ()


def parse(output: str) -> tuple[Policy, ...]:
    """Return every package's entry.

    Raises:
        ValueError: a line does not have apt's form, or an entry has no installed version.
    """
    entries: list[tuple[str, list[str]]] = []
    for line in output.split("\n"):
        name = _NAME.fullmatch(line)
        if name:
            entries.append((name.group(1), []))
        elif line and not entries:
            raise ValueError(f"apt-cache policy: {line!r} is not in a package's entry")
        elif line:
            entries[-1][1].append(line)
    return tuple(_policy(name, lines) for name, lines in entries)


def _policy(name: str, lines: Sequence[str]) -> Policy:
    fields = {match.group(1): match.group(2) for match in map(_FIELD.fullmatch, lines) if match}
    newer = _newer(name, [line for line in lines if not _FIELD.fullmatch(line)])
    if "Installed" not in fields or "Candidate" not in fields:
        raise ValueError(f"apt-cache policy: {name} has no installed version and candidate")
    return Policy(
        name=name, installed=fields["Installed"], candidate=fields["Candidate"], newer=newer
    )


def _newer(name: str, table: Sequence[str]) -> tuple[Version, ...]:
    """Return the versions above the installed one: the table begins with the highest."""
    found: list[Version] = []
    places: list[Place] = []
    for line in table:
        version, place = _VERSION.fullmatch(line), _PLACE.fullmatch(line)
        if version and version.group(1) == "***":
            return tuple(found)
        if version:
            places = []
            is_phased = version.group(3) is not None
            found.append(Version(text=version.group(2), is_phased=is_phased, places=places))
        elif place and found:
            places.append(Place(priority=int(place.group(1)), description=place.group(2)))
        else:
            raise ValueError(f"apt-cache policy: {name}: {line!r} is not a version")
    raise ValueError(f"apt-cache policy: {name} has no installed version")
