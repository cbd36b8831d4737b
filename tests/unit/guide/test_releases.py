from __future__ import annotations

import datetime
import pathlib

import pytest

from pytest_lxdsec import errors
from pytest_lxdsec.guide import releases

TEXT = """\
as_of = 2026-08-22
source = "me"

[lts."5.0"]
released = 2022-03-31
end_of_support = 2027-06-30
latest = "5.0.9"

[feature]
released = 2026-06-22
latest = "6.9"
"""


def load(tmp_path: pathlib.Path, text: str) -> str:
    """Return the one-line error of a release file of this text, without its path."""
    file = tmp_path / "releases.toml"
    file.write_text(text)
    with pytest.raises(errors.UserError) as caught:
        releases.load(str(file))
    return str(caught.value).replace(str(file), "releases.toml")


def test_packaged_data_name_their_day_and_source() -> None:
    data = releases.load()
    assert data.as_of == datetime.date(2026, 8, 22)
    assert "github.com/canonical/lxd" in data.source


def test_packaged_data_know_every_lts_series() -> None:
    assert list(releases.load().lts) == ["2.0", "3.0", "4.0", "5.0", "5.21"]


def test_packaged_lts_series_has_its_three_facts() -> None:
    series = releases.load().lts["5.21"]
    assert (series.released, series.end_of_support, str(series.latest)) == (
        datetime.date(2024, 3, 13),
        datetime.date(2029, 6, 30),
        "5.21.7",
    )


def test_packaged_data_know_the_latest_feature_release() -> None:
    assert str(releases.load().feature) == "6.9"


def test_sites_own_file_replaces_the_packaged_one(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace('"6.9"', '"6.12"'))
    assert str(releases.load(str(file)).feature) == "6.12"


@pytest.mark.parametrize(("days", "is_outdated"), [(365, False), (366, True)])
def test_data_are_outdated_after_a_year(
    days: int,
    is_outdated: bool,  # noqa: FBT001 - a parameter of parametrize
) -> None:
    data = releases.load()
    assert data.is_outdated(data.as_of + datetime.timedelta(days=days)) is is_outdated


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "end_of_support = 2027-06-30",
            "end_of_support = 2027-06-30\npro_until = 2027-06-30",
            "7: lts.5.0.pro_until: 2027-06-30 is not after 2027-06-30: leave it out",
        ),
        (
            '"5.0.9"',
            '"5.x"',
            "7: lts.5.0.latest: '5.x' is no release of LXD: expected x.y.z or x.y",
        ),
        ('"5.0.9"', '"5.21.7"', "7: lts.5.0.latest: 5.21.7 is not of this series: write 5.0.z"),
        ('"5.0.9"', '"5.0"', "7: lts.5.0.latest: 5.0 is not of this series: write 5.0.z"),
        ("2027", "2021", "6: lts.5.0.end_of_support: 2021-06-30 is not after 2022-03-31"),
        ("2027-06-30", "2022-03-31", "6: lts.5.0.end_of_support: 2022-03-31 is not after 2022"),
        (
            "2027-06-30",
            '"June"',
            "6: lts.5.0.end_of_support: 'June' is no date: write end_of_supp",
        ),
        ("as_of", "asof", "1: asof: unknown key: did you mean as_of?"),
        ("as_of = 2026-08-22", "", "1: as_of: missing: add it"),
        ('[lts."5.0"]', "[lts.5.0]", "4: lts.5.0: unknown key: known here: released, end_of_supp"),
        ('"me"', '" "', "2: source: ' ' is no text: write source = "),
        ("[feature]", "[features]", "9: features: unknown key: did you mean feature?"),
    ],
)
def test_mistake_is_named_with_its_line_and_fix(
    tmp_path: pathlib.Path, right: str, wrong: str, message: str
) -> None:
    error = load(tmp_path, TEXT.replace(right, wrong))
    assert error.startswith(f"--lxd-releases: releases.toml:{message}")


def test_file_without_a_series_is_refused(tmp_path: pathlib.Path) -> None:
    text = 'as_of = 2026-08-22\nsource = "me"\n[feature]\nlatest = "6.9"\nreleased = 2026-06-22\n'
    assert load(tmp_path, text) == (
        '--lxd-releases: releases.toml:1: lts: no series: begin each with [lts."x.y"]'
    )


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(errors.UserError) as caught:
        releases.load("nowhere.toml")
    assert str(caught.value) == (
        "--lxd-releases: cannot read 'nowhere.toml': No such file or directory"
    )
