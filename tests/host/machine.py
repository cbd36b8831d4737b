"""The configuration of the machine's own apt, the source of all packages in the image.

This repository names no mirror: the image's packages come from the sources of this machine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import platform
import re
import subprocess
from dataclasses import dataclass

from tests.host.host_errors import HostUnavailable

from . import recipe

# The paths of apt's keyrings, one for each archive; debootstrap needs a single file.
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SECURITY = "Debian-Security"  # the label of that archive in every release
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
        """Return the archive as a line of sources.list(5)."""
        return f"deb [signed-by={KEYRING}] {self.uri} {self.codename} {self.component}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """An apt to query: this machine's own, or one for another release of the same sources.

    Attributes:
        codename: The codename of its release.
        options: The options that select its state; empty for the machine's own.
    """

    codename: str
    options: tuple[str, ...] = ()

    def sources(self) -> tuple[Source, ...]:
        """Return the Debian archives of its index.

        Raises:
            HostUnavailable: There is no such archive, or this machine is not a Debian.
        """
        form = "|".join(f"$({name})" for name in _FIELDS)
        command = ("indextargets", "--format", form, "Created-By: Packages")
        output = _run("apt-get", *self.options, *command)
        rows = [dict(zip(_FIELDS, line.split("|"), strict=True)) for line in output.splitlines()]
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
        """Return the archive of the release itself, without its updates.

        Raises:
            HostUnavailable: There is no archive of this release.
        """
        wanted = (self.codename, "main", "Debian")
        for source in self.sources():
            if (source.codename, source.component, source.label) == wanted:
                return source
        raise HostUnavailable(f"host: apt has no index of Debian's {self.codename}/main")

    def versions(self) -> tuple[str, ...]:
        """Return the versions that would be installed, by package.

        Raises:
            HostUnavailable: A package is not available.
        """
        output = _run("apt-cache", *self.options, "policy", *recipe.PACKAGES)
        found = dict(_CANDIDATE.findall(output))
        missing = [name for name in recipe.PACKAGES if found.get(name, "(none)") == "(none)"]
        if missing:
            raise HostUnavailable(f"host: apt knows no {', '.join(missing)}: run apt-get update")
        return tuple(f"{name} {found[name]}" for name in recipe.PACKAGES)


def own() -> Apt:
    """Return this machine's apt."""
    release: dict[str, str] = {}
    with contextlib.suppress(OSError):  # no os-release file
        release = platform.freedesktop_os_release()
    return Apt(codename=release.get("VERSION_CODENAME", ""))


def of(codename: str, directory: pathlib.Path) -> Apt:
    """Return an apt for another release, from the archives of this machine's packages.

    Args:
        codename: The codename of the release.
        directory: The directory for its state, which must exist while it is used.

    Raises:
        HostUnavailable: The archives do not have the release.
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
    """Return the machine's settings for downloads, such as proxies."""
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
