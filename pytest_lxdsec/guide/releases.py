"""The release data, a dated file that a site can replace.

A package on PyPI is older than the newest LXD sooner or later, and some sites cannot update it;
so what is supported is data with a date and a source, not code.
"""

from __future__ import annotations

import pathlib

from .. import toml_reader
from ..lxd import versions

OPTION = "--lxd-releases"
PACKAGED = pathlib.Path(__file__).with_name("releases.toml")


def load(path: str | None = None) -> versions.Releases:
    """Read the release data at `path`; those of the package where none is given.

    Raises:
        UserError: the file cannot be read, or is not of the packaged file's shape.
    """
    root = toml_reader.read(OPTION, str(PACKAGED) if path is None else path)
    root.allow("as_of", "source", "lts", "feature")
    feature = root.table("feature")
    feature.allow("released", "latest")
    feature.date("released")
    lts = root.table("lts")
    if not lts.values:
        raise root.mistake("lts", "no series", 'begin each with [lts."x.y"]')
    return versions.Releases(
        as_of=root.date("as_of"),
        source=root.text("source"),
        lts={name: _series(lts.table(name), name) for name in sorted(lts.values)},
        feature=_version(feature, "latest"),
    )


def _series(table: toml_reader.Table, name: str) -> versions.LtsSeries:
    table.allow("released", "end_of_support", "latest", "pro_until")
    latest = _version(table, "latest")
    if latest.series != name or not latest.has_point:
        raise table.mistake("latest", f"{latest} is not of this series", f"write {name}.z")
    released, end = table.date("released"), table.date("end_of_support")
    if end <= released:
        raise table.mistake("end_of_support", f"{end} is not after {released}", "swap them")
    pro = table.date("pro_until") if "pro_until" in table.values else None
    if pro is not None and pro <= end:
        raise table.mistake("pro_until", f"{pro} is not after {end}", "leave it out")
    return versions.LtsSeries(released=released, end_of_support=end, latest=latest, pro_until=pro)


def _version(table: toml_reader.Table, key: str) -> versions.Version:
    text = table.text(key)
    try:
        return versions.parse(text)
    except ValueError as error:
        raise table.mistake(key, str(error), 'write "x.y.z" or "x.y"') from error
