"""How long the host's operating system is supported, and which kernel is newest; pure.

From os-release's SUPPORT_END (os-release(5)), or from the distribution's own table of releases
(package distro-info-data). Debian's LTS counts: its updates come from the same archive. What needs
a contract, as Ubuntu's ESM and Debian's ELTS, does not count.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...evidence.system_facts import Distribution, OperatingSystem
from ...verdict import CannotTell

# Columns of the tables with the last day of support, the last of them first.
LAST_DAYS = {"debian": ("eol-lts", "eol"), "ubuntu": ("eol-server", "eol")}
_FLAVOUR = re.compile(r"[-.+](?!rc\d)([a-z][a-z0-9_]*(?:-[a-z][a-z0-9_]*)*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """The last day of support, and by what."""

    ends: datetime.date
    source: str


def support(system: OperatingSystem, distribution: Distribution) -> Support:
    """Return how long the system is supported.

    Raises:
        CannotTell: neither the system nor the table says so.
    """
    told = system.release.get("SUPPORT_END")
    if told:
        return Support(ends=_date(told, "SUPPORT_END"), source="SUPPORT_END in os-release")
    name = system.release.get("ID", "")
    if name not in LAST_DAYS:
        raise CannotTell(f"{system.title}: how long it is supported is not known")
    if not distribution.table:
        raise CannotTell("the host has no table of releases: install distro-info-data")
    row = _row(system, distribution.table)
    text = next((row[column] for column in LAST_DAYS[name] if row.get(column)), "")
    if not text:
        raise CannotTell(f"{system.title}: the host's distro-info-data has no end of support")
    return Support(ends=_date(text, "distro-info-data"), source="the host's distro-info-data")


def _date(text: str, source: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise CannotTell(f"{source} says {text!r}, which is no date") from error


def _row(system: OperatingSystem, table: str) -> Mapping[str, str]:
    """Return the system's release in the table, by code name, else by version."""
    codename = system.release.get("VERSION_CODENAME", "")
    version = system.release.get("VERSION_ID", "")
    for row in csv.DictReader(table.splitlines()):
        number = (row.get("version") or "").partition(" ")[0]  # "24.04 LTS"
        if (codename and row.get("series") == codename) or (not codename and number == version):
            return row
    raise CannotTell(f"{system.title} is not in the host's distro-info-data: bring it up to date")


def newer_kernels(running: str, installed: Iterable[str]) -> tuple[str, ...]:
    """Return the installed kernels of the same flavour (`generic`, `cloud-amd64`) that are newer.

    Raises:
        CannotTell: the running one is not installed: something else has started this system.
    """
    found = tuple(installed)
    if running not in found:
        raise CannotTell(
            f"the running kernel {running} is not among the {len(found)} in /boot: "
            "what starts this system is not known"
        )
    mine = [name for name in found if flavour(name) == flavour(running)]
    return tuple(sorted((name for name in mine if order(name) > order(running)), key=order))


def flavour(name: str) -> str:
    """Return what a kernel is built for: the words at the end of its version."""
    found = _FLAVOUR.search(name)
    return found[1] if found else ""


def order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which versions sort.

    Numbers as numbers, and before them words, such as `rc`.
    """
    words = re.findall(r"\d+|[a-z]+", name.lower())
    return tuple((1, int(word), "") if word.isdigit() else (0, 0, word) for word in words)
