"""What the machine's own apt is configured with: the source of everything in the image.

No mirror is named in this repository: the image comes from where this machine's packages come.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
from dataclasses import dataclass

from . import recipe
from .faults import HostUnavailable

# Where apt's own configuration says who signs what; debootstrap wants one file.
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FIELDS = ("REPO_URI", "CODENAME", "COMPONENT", "ORIGIN", "LABEL")
_CANDIDATE = re.compile(r"^(\S+):\n  Installed: .*\n  Candidate: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Debian archive that this machine's apt has an index of."""

    uri: str
    codename: str
    component: str
    label: str

    @property
    def line(self) -> str:
        """As a sources list says it."""
        return f"deb [signed-by={KEYRING}] {self.uri} {self.codename} {self.component}"


def sources() -> tuple[Source, ...]:
    """The Debian archives of this machine.

    Raises:
        HostUnavailable: there is none, or this is no Debian.
    """
    form = "|".join(f"$({name})" for name in _FIELDS)
    told = _run("apt-get", "indextargets", "--format", form, "Created-By: Packages")
    rows = [dict(zip(_FIELDS, line.split("|"), strict=True)) for line in told.splitlines()]
    found = tuple(
        Source(
            uri=row["REPO_URI"],
            codename=row["CODENAME"],
            component=row["COMPONENT"],
            label=row["LABEL"],
        )
        for row in rows
        if row["ORIGIN"] == "Debian"
    )
    if not found:
        raise HostUnavailable("host: apt has no index of a Debian archive: run apt-get update")
    return found


def main_archive(found: tuple[Source, ...]) -> Source:
    """The archive that a system is made from: the release itself, without its updates.

    Raises:
        HostUnavailable: none of this machine's own release.
    """
    release = _codename()
    for source in found:
        if (source.codename, source.component, source.label) == (release, "main", "Debian"):
            return source
    raise HostUnavailable(f"host: apt has no index of Debian's {release}/main")


def versions() -> tuple[str, ...]:
    """What would be installed, package by package.

    Raises:
        HostUnavailable: a package is not to be had.
    """
    told = _run("apt-cache", "policy", *recipe.PACKAGES)
    found = dict(_CANDIDATE.findall(told))
    missing = [name for name in recipe.PACKAGES if found.get(name, "(none)") == "(none)"]
    if missing:
        raise HostUnavailable(f"host: apt knows no {', '.join(missing)}: run apt-get update")
    return tuple(f"{name} {found[name]}" for name in recipe.PACKAGES)


def configuration() -> str:
    """How apt fetches here: proxies and the like."""
    return _run("apt-config", "dump", "Acquire")


def _codename() -> str:
    lines = pathlib.Path("/etc/os-release").read_text().splitlines()
    names = [line.partition("=")[2] for line in lines if line.startswith("VERSION_CODENAME=")]
    return names[0].strip('"') if names else ""


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise HostUnavailable(f"host: no {command[0]} here: the image is made by apt") from error
    except subprocess.CalledProcessError as error:
        words = (error.stderr.strip() or "no message").splitlines()[-1]
        raise HostUnavailable(f"host: {' '.join(command)}: {words}") from error
    return done.stdout
