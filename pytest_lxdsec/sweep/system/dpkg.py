"""dpkg's own record of installed packages."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

STATUS = "/var/lib/dpkg/status"
ABSENT = ("not-installed", "config-files")
_FIELDS = re.compile(r"^(Package|Status|Architecture|Version): (.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Package:
    """An installed package."""

    name: str
    architecture: str
    version: str
    is_held: bool

    @property
    def query(self) -> str:
        """Its name for apt, which is unique also if several architectures are installed."""
        return self.name if self.architecture == "all" else f"{self.name}:{self.architecture}"


def installed(status: str) -> tuple[Package, ...]:
    """Return the installed packages, also those that are not configured yet.

    Raises:
        KeyError: an entry lacks a field that every installed package has.
    """
    entries = (dict(_FIELDS.findall(stanza)) for stanza in status.split("\n\n"))
    return tuple(_packages(entry for entry in entries if entry))


def _packages(entries: Iterable[dict[str, str]]) -> Iterable[Package]:
    for entry in entries:
        wanted, _, state = entry["Status"].split(" ")
        if state not in ABSENT:
            yield Package(
                name=entry["Package"],
                architecture=entry["Architecture"],
                version=entry["Version"],
                is_held=wanted == "hold",
            )


def held(packages: Sequence[Package]) -> tuple[str, ...]:
    """Return the names of the packages on hold, with a foreign architecture if they have one."""
    native = {package.architecture for package in packages if package.name == "dpkg"}
    return tuple(
        package.name if package.architecture in native else package.query
        for package in packages
        if package.is_held
    )
