"""Which LXD this is, and whether its makers still support it; pure, imports nothing of ours.

A version is judged by its series, never by its date: 4.0.13 is younger than 5.21.6 and out of
support, and 5.3 lies between two LTS series and belongs to neither. No clock is read here: the
day to judge for is a parameter, the knowledge is `Releases`, which `guide.releases` loads.
"""

from __future__ import annotations

import datetime
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# x.y.z or x.y, with what the API, `lxd --version`, a snap, a Debian package or a tag put around.
_VERSION = re.compile(
    r"(?:\d+:)?(?:lxd-|v)?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?(?:[-+~(].*)?", re.ASCII
)
# deb-version(7): [epoch:]upstream-version[-debian-revision]; the last hyphen divides.
_DEBIAN = re.compile(
    r"(?:(?P<epoch>\d{1,9}):)?"
    r"(?:(?P<upstream>\d[A-Za-z0-9.+~:-]*)-(?P<revision>[A-Za-z0-9.+~]+)"
    r"|(?P<native>\d[A-Za-z0-9.+~:]*))",
    re.ASCII,
)
_A_YEAR = datetime.timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Version:
    """One release of LXD; ordered by number, so 5.9 is before 5.21.

    Attributes:
        numbers: `(5, 21, 7)` of an LTS release, `(6, 9)` of a feature release.
        text: What it was read from; takes no part in comparisons.
    """

    numbers: tuple[int, ...]
    text: str = field(default="", compare=False)

    @property
    def series(self) -> str:
        """The first two numbers: `5.21`."""
        return ".".join(map(str, self.numbers[:2]))

    @property
    def has_point(self) -> bool:
        """True if it has a third number, as every LTS release and hardly any other has."""
        return bool(self.numbers[2:])

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))


def parse(text: str) -> Version:
    """Read a version as LXD's API, `lxd --version`, a snap, a Debian package or a tag writes it.

    Raises:
        ValueError: there is no x.y in it, as in an edge snap's `git-1a2b3c4`.
    """
    first = text.split(maxsplit=1)[:1]  # `lxd --version` adds " LTS": shared/version/flex.go
    found = _VERSION.fullmatch(first[0]) if first else None
    if found is None:
        raise ValueError(f"{text!r} is no release of LXD: expected x.y.z or x.y")
    return Version(numbers=tuple(int(part) for part in found.groups() if part), text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianVersion:
    """A version as dpkg has it: `5.0.2-5+deb12u6`."""

    epoch: int
    upstream: str
    revision: str

    @property
    def is_distribution_build(self) -> bool:
        """True if a distribution has packaged it, and so may have added fixes of its own.

        Of dpkg's versions only: a snap's `5.21.3-c5ae129` looks alike and is upstream's own.
        """
        return bool(self.revision)


def parse_debian(text: str) -> DebianVersion:
    """Read dpkg's version of a package; its `upstream` may be given to `parse`.

    Raises:
        ValueError: it is none by deb-version(7).
    """
    found = _DEBIAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no version of a Debian package")
    return DebianVersion(
        epoch=int(found["epoch"] or 0),
        upstream=found["upstream"] or found["native"],
        revision=found["revision"] or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LtsSeries:
    """A long term series.

    Attributes:
        released: Its first day.
        end_of_support: The last day of standard support.
        latest: Its newest release.
        pro_until: The last day of support by Ubuntu Pro, where that goes on longer.
    """

    released: datetime.date
    end_of_support: datetime.date
    latest: Version
    pro_until: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """What is known of LXD's releases, and of what day the knowledge is.

    Attributes:
        as_of: The day of the source.
        source: Where the knowledge is from, for reports.
        lts: The long term series by name: `5.21`.
        feature: The newest feature release.
    """

    as_of: datetime.date
    source: str
    lts: Mapping[str, LtsSeries]
    feature: Version

    def is_outdated(self, on: datetime.date) -> bool:
        """Return whether the release data is older than a year on that day."""
        return on - self.as_of > _A_YEAR


class SupportKind(enum.Enum):
    """What the makers of LXD promise for a release."""

    SUPPORTED_LTS = "supported LTS"
    LATEST_FEATURE = "latest feature release"
    ENDED = "LTS, support ended"
    OLD_FEATURE = "superseded feature release"
    NEWER_THAN_DATA = "newer than the release data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One version, judged for one day.

    Attributes:
        kind: Whether and how its series is supported.
        version: What was judged.
        latest: The newest known release of the LTS series, else the newest feature release.
        ends: The last day of the LTS series' standard support; None for a feature release.
        is_by_old_data: Whether the data were older than a year on that day: there are newer
            releases than they know, and the last day of support is all that still holds.
        pro_until: As `LtsSeries.pro_until`, where that day has not come yet.
    """

    kind: SupportKind
    version: Version
    latest: Version
    ends: datetime.date | None = None
    is_by_old_data: bool = False
    pro_until: datetime.date | None = None

    @property
    def is_latest_bugfix(self) -> bool:
        """True if this is the very release that the data call the newest of its series."""
        return self.version == self.latest

    @property
    def is_newer_than_data(self) -> bool:
        """True if the data do not know this release, so that a person must look it up."""
        return self.version > self.latest


def judge_series(version: Version, releases: Releases, on: datetime.date) -> Support:
    """Say whether the version's series is supported on that day; the last day is included.

    Raises:
        ValueError: the version is that of an LTS series without a point number. LXD has always
            given one there (shared/version/flex.go since 2.0.0), so something cut it off.
    """
    lts, is_old = releases.lts.get(version.series), releases.is_outdated(on)
    if lts is None:
        kind = _judge_feature(version, releases.feature)
        return Support(kind=kind, version=version, latest=releases.feature, is_by_old_data=is_old)
    if not version.has_point:
        raise ValueError(f"{version} is an LTS series, not a release: expected {version}.z")
    kind = SupportKind.SUPPORTED_LTS if on <= lts.end_of_support else SupportKind.ENDED
    return Support(
        kind=kind,
        version=version,
        latest=lts.latest,
        ends=lts.end_of_support,
        is_by_old_data=is_old,
        pro_until=lts.pro_until if lts.pro_until and on <= lts.pro_until else None,
    )


def _judge_feature(version: Version, latest: Version) -> SupportKind:
    if version > latest:
        return SupportKind.NEWER_THAN_DATA
    return SupportKind.LATEST_FEATURE if version == latest else SupportKind.OLD_FEATURE
