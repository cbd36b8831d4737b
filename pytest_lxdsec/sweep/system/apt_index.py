"""apt's sources, and when each was last updated.

apt keeps no record of a successful update. The traces that it leaves were measured with apt 2.6.1
(http and file sources; new, unchanged, unreachable and badly signed). For each source:

* It sets owner and mode of the source's Release file when the source has answered and the
  signature was good, even if nothing was new: the file's ctime is the last success. A failure does
  not change the file. (Of a source without signatures, it is the last success with a change.)
* The file's mtime is the server's time of its last change.
* The mtime of `lists/partial` is the last attempt, and the last success cannot be later: it shows
  that another program has changed the ctime, by restoring a backup or an image.
* No success is later than the Valid-Until of the file that it fetched.

The earliest of the three is the time, so that it is never later than the truth. Other traces are
of no use: pkgcache.bin is made anew after every attempt and by other commands, and the stamp of
update-notifier (APT::Update::Post-Invoke-Success) even if sources failed, including security's.
"""

from __future__ import annotations

import dataclasses
import email.utils
import os
import re
from collections.abc import Iterable

from ..common import commands

_FIELDS = (
    "FILENAME",
    "METAKEY",
    "DESCRIPTION",
    "ORIGIN",
    "LABEL",
    "VERSION",
    "SUITE",
    "CODENAME",
)
ARGUMENTS = ("--format", "\t".join(f"$({field})" for field in _FIELDS), "Created-By: Packages")
RELEASES = ("InRelease", "Release")


@dataclasses.dataclass(frozen=True)
class Source:
    """One index of packages that apt has.

    Attributes:
        description: Its name in `apt-cache policy`.
        origin: Its name in a simulated upgrade, such as `Debian-Security:12/stable-security`.
        is_security: Whether it is a distribution's archive of security updates.
        index: The index's file.
        key: The index's name within its archive, such as `main/binary-amd64/Packages`.
    """

    description: str
    origin: str
    is_security: bool
    index: str
    key: str


def sources(output: str) -> tuple[Source, ...]:
    """Return the sources in the output of `apt-get indextargets` with `ARGUMENTS`.

    Raises:
        ValueError: a line does not have the requested fields.
    """
    return tuple(_source(line) for line in commands.lines(output))


def _source(line: str) -> Source:
    values = line.split("\t")
    if len(values) != len(_FIELDS):
        raise ValueError(f"apt-get indextargets: {line!r} is not a source")
    # apt prints the placeholder of a field that the Release file lacks.
    found = {
        field: "" if value == f"$({field})" else value for field, value in zip(_FIELDS, values)
    }
    release = "/".join(word for word in (found["VERSION"], found["SUITE"]) if word)
    return Source(
        description=found["DESCRIPTION"],
        origin=f"{found['LABEL'] or found['ORIGIN'] or found['DESCRIPTION']}:{release}",
        is_security=any(_is_security(found[field]) for field in ("LABEL", "SUITE", "CODENAME")),
        index=found["FILENAME"],
        key=found["METAKEY"],
    )


def _is_security(name: str) -> bool:
    """Return whether a source is a distribution's security archive.

    Debian's label is `Debian-Security`; suites are `jammy-security`, `jammy-infra-security`. Other
    names include the word, too: `security:zeek` is a project's repository.
    """
    return name.lower().endswith("-security")


def oldest(found: Iterable[Source]) -> int:
    """Return when the least recently updated source was updated; 0 if one never was."""
    return min((updated(source) for source in found), default=0)


def updated(source: Source) -> int:
    """Return when a source was last updated, in seconds since 1970; 0 if it is not known."""
    release = release_file(source)
    if release is None:
        return 0
    partial = os.path.join(os.path.dirname(release), "partial")
    # Of the link itself: its target may be the repository's own file.
    times = [os.lstat(release).st_ctime, os.stat(partial).st_mtime]
    end = valid_until(commands.read(release))
    return int(min(times if end is None else [*times, end]))


def release_file(source: Source) -> str | None:
    """Return a source's Release file: its name has the same beginning as the index's."""
    cut = source.index.rfind(source.key.replace("/", "_"))
    files = [source.index[:cut] + name for name in RELEASES] if cut > 0 else []
    return next((path for path in files if os.path.exists(path)), None)


def valid_until(text: str) -> float | None:
    """Return the end of a Release file's validity, in seconds since 1970; None if it has none.

    Raises:
        ValueError: it is not a time.
    """
    match = re.search(r"^Valid-Until: *(.*?) *$", text, re.MULTILINE)
    if match is None:
        return None
    parsed = email.utils.parsedate_tz(match.group(1))
    if parsed is None:
        raise ValueError(f"a Release file is valid until {match.group(1)!r}, which is not a time")
    return email.utils.mktime_tz(parsed)
