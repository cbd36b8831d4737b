"""The pending security advisories of dnf or zypper.

Both are asked from their cache only: an audit updates no index, it reports the index's age.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree

from ..common import commands

SECONDS = 120.0
DNF_CACHES = ("/var/cache/dnf", "/var/cache/libdnf5")
ZYPP_CACHE = "/var/cache/zypp/raw"
# The settings that exclude packages from updates would exclude their advisories, too.
DNF = ("dnf", "--cacheonly", "--quiet", "--disableplugin=versionlock")
ALL_PACKAGES = {4: "--setopt=disable_excludes=all", 5: "--setopt=disable_excludes=*"}
# Only one zypper runs at a time, and another section runs one: wait for it.
PATIENT = ("env", "ZYPP_LOCK_TIMEOUT=60")
ZYPPER = (*PATIENT, "zypper", "--non-interactive", "--no-refresh", "--xmlout")
# dnf 4: "EX-2026:1 Important/Sec. demo-2-1.noarch", with an "i" before installed ones.
_LINE_OF_4 = re.compile(r"(?:i )?\s*(\S+)\s+(\S+?)/?Sec\.\s+(\S+)")
# dnf 5: "EX-2026-1 security Important demo-2-1.noarch 2026-01-01 00:00:00".
_LINE_OF_5 = re.compile(r"(\S+)\s+security\s+(\S+)\s+(\S+)\s+\d{4}-\d\d-\d\d\b.*")
_HEADER_OF_5 = re.compile(r"Name\s+Type\s+Severity\s+Package\s+Issued\s*")


@dataclasses.dataclass(frozen=True)
class Advisory:
    """Decoded as `evidence.system_facts.Advisory`."""

    name: str
    severity: str
    package: str


@dataclasses.dataclass(frozen=True)
class Advisories:
    """Decoded as `evidence.system_facts.Advisories`."""

    pending: Sequence[Advisory]
    is_any_known: bool
    index_time: int


def of_dnf() -> Advisories:
    """Return the advisories of dnf 4 or 5.

    Raises:
        OSError, RuntimeError: it cannot be run, or has no index.
        ValueError: its output does not have the expected form.
    """
    major = 5 if commands.succeed("dnf", "--version").startswith("dnf5") else 4
    asked = (*DNF, ALL_PACKAGES[major], "updateinfo", "list", "--security")
    repositories = commands.succeed(*DNF, "repolist", "--enabled", seconds=SECONDS)
    return Advisories(
        pending=parse_dnf(commands.succeed(*asked, "--available", seconds=SECONDS)),
        is_any_known=bool(parse_dnf(commands.succeed(*asked, "--all", seconds=SECONDS))),
        index_time=oldest(_of_dnf(name) for name in enabled_in_dnf(repositories)),
    )


def parse_dnf(output: str) -> tuple[Advisory, ...]:
    """Return the advisories in a list of dnf 4 or 5.

    Raises:
        ValueError: a line is not an advisory.
    """
    found = []
    for line in commands.lines(output):
        match = _LINE_OF_4.fullmatch(line.rstrip()) or _LINE_OF_5.fullmatch(line.rstrip())
        if match:
            found.append(Advisory(*match.groups()))
        elif line.strip() and not _HEADER_OF_5.fullmatch(line):
            raise ValueError(f"dnf lists an advisory in an unknown form: {line}")
    return tuple(found)


def enabled_in_dnf(output: str) -> tuple[str, ...]:
    """Return the IDs of the repositories: the first words of the lines below the header."""
    return tuple(line.split()[0] for line in commands.lines(output)[1:] if line.strip())


def _of_dnf(name: str) -> int:
    """Return when a repository was last checked: dnf touches a file of its index each time."""
    named = re.compile(re.escape(name) + "-[0-9a-f]{16}")
    return max(
        (
            _newest(os.path.join(place, entry, "repodata"))
            for place in DNF_CACHES
            for entry in (os.listdir(place) if os.path.isdir(place) else ())
            if named.fullmatch(entry)
        ),
        default=0,
    )


def of_zypper() -> Advisories:
    """Return the advisories of zypper; raise like `of_dnf`."""
    repositories = _xml(commands.succeed(*ZYPPER, "repos", seconds=SECONDS))
    index_time = oldest(
        _newest(os.path.join(ZYPP_CACHE, one.get("alias", "").replace("/", "_"), "repodata"))
        for one in repositories.iter("repo")
        if one.get("enabled") == "1"
    )
    if not index_time:
        # zypper would fetch the missing index despite its options.
        return Advisories(pending=(), is_any_known=False, index_time=0)
    asked = (*ZYPPER, "list-patches", "--category", "security")
    return Advisories(
        pending=parse_zypper(commands.succeed(*asked, seconds=SECONDS)),
        is_any_known=bool(parse_zypper(commands.succeed(*asked, "--all", seconds=SECONDS))),
        index_time=index_time,
    )


def parse_zypper(output: str) -> tuple[Advisory, ...]:
    """Return the patches in zypper's XML, also those of the list that waits for others.

    Raises:
        ValueError: it is not XML, or has no list.
    """
    document = _xml(output)
    if document.find(".//update-list") is None:
        raise ValueError("zypper's output has no list of patches")
    return tuple(
        Advisory(name=one.get("name", ""), severity=one.get("severity", ""), package="")
        for one in document.iter("update")
    )


def _xml(output: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(output)  # noqa: S314  the host's own tool, on the host
    except ElementTree.ParseError as error:
        raise ValueError(f"zypper's output is not XML: {error}") from error


def oldest(times: Iterable[int]) -> int:
    """Return the time of the repository that was checked longest ago, which is the index's."""
    return min(times, default=0)


def _newest(directory: str) -> int:
    """Return when the newest file of a directory was changed; 0 if there is none."""
    return max(_changes(directory), default=0) if os.path.isdir(directory) else 0


def _changes(directory: str) -> Iterator[int]:
    for name in os.listdir(directory):
        yield int(os.stat(os.path.join(directory, name)).st_mtime)
