"""What the machine's own apt is configured with: the source of everything in the image.

No mirror is named in this repository: the image comes from where this machine's packages come.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import platform
import re
import subprocess
from dataclasses import dataclass

from tests.host.faults import HostUnavailable

from . import recipe

# Where apt's own configuration says who signs what; debootstrap wants one file.
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECURITY = "Debian-Security"  # what that archive calls itself, in every release
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
        """The line of a sources list."""
        return f"deb [signed-by={KEYRING}] {self.uri} {self.codename} {self.component}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """An apt to ask: this machine's own, or one that knows another release from the same place.

    Attributes:
        codename: The release that it is of.
        options: What leads to its state; none for the machine's own.
    """

    codename: str
    options: tuple[str, ...] = ()

    def sources(self) -> tuple[Source, ...]:
        """Return the Debian archives that it has an index of.

        Raises:
            HostUnavailable: there is none, or this is no Debian.
        """
        form = "|".join(f"$({name})" for name in _FIELDS)
        command = ("indextargets", "--format", form, "Created-By: Packages")
        told = _run("apt-get", *self.options, *command)
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

    def main_archive(self) -> Source:
        """Return the archive that a system is made from: the release itself, without its updates.

        Raises:
            HostUnavailable: none of this release.
        """
        wanted = (self.codename, "main", "Debian")
        for source in self.sources():
            if (source.codename, source.component, source.label) == wanted:
                return source
        raise HostUnavailable(f"host: apt has no index of Debian's {self.codename}/main")

    def versions(self) -> tuple[str, ...]:
        """Return what would be installed, package by package.

        Raises:
            HostUnavailable: a package is not to be had.
        """
        told = _run("apt-cache", *self.options, "policy", *recipe.PACKAGES)
        found = dict(_CANDIDATE.findall(told))
        missing = [name for name in recipe.PACKAGES if found.get(name, "(none)") == "(none)"]
        if missing:
            raise HostUnavailable(f"host: apt knows no {', '.join(missing)}: run apt-get update")
        return tuple(f"{name} {found[name]}" for name in recipe.PACKAGES)


def own() -> Apt:
    """Return this machine's apt."""
    release: dict[str, str] = {}
    with contextlib.suppress(OSError):  # no Linux, or none that says so
        release = platform.freedesktop_os_release()
    return Apt(codename=release.get("VERSION_CODENAME", ""))


def of(codename: str, directory: pathlib.Path) -> Apt:
    """Return an apt that knows another release, from the same archives as this machine's.

    Args:
        codename: The release.
        directory: Where its state is kept, as long as it is asked.

    Raises:
        HostUnavailable: the release is not to be had there.
    """
    mine = own()
    found = [dataclasses.replace(mine.main_archive(), codename=codename)]
    found += [
        dataclasses.replace(source, codename=f"{codename}-security")
        for source in mine.sources()
        if source.label == SECURITY and source.component == "main"
    ]
    (directory / "lists" / "partial").mkdir(parents=True)
    (directory / "cache").mkdir()
    (directory / "list").write_text("".join(f"{source.line}\n" for source in found))
    state = {
        "Dir::Etc::sourcelist": directory / "list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": directory / "lists",
        "Dir::Cache": directory / "cache",
    }
    options = tuple(word for name in state for word in ("--option", f"{name}={state[name]}"))
    _run("apt-get", *options, "--error-on=any", "update")
    return Apt(codename=codename, options=options)


def configuration() -> str:
    """Return how apt fetches here: proxies and the like."""
    return _run("apt-config", "dump", "Acquire")


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise HostUnavailable(f"host: no {command[0]} here: the image is made by apt") from error
    except subprocess.CalledProcessError as error:
        words = (error.stderr.strip() or "no message").splitlines()[-1]
        raise HostUnavailable(f"host: {' '.join(command)}: {words}") from error
    return done.stdout
