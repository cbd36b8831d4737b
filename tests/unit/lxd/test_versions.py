from __future__ import annotations

import datetime

import pytest

from pytest_lxdsec.lxd import versions
from pytest_lxdsec.lxd.versions import SupportKind


def lts(released: str, end: str, latest: str) -> versions.LtsSeries:
    return versions.LtsSeries(
        released=datetime.date.fromisoformat(released),
        end_of_support=datetime.date.fromisoformat(end),
        latest=versions.parse(latest),
    )


DATA = versions.Releases(
    as_of=datetime.date(2026, 8, 22),
    source="this test",
    lts={
        "2.0": lts("2016-04-11", "2021-06-30", "2.0.12"),
        "3.0": lts("2018-03-30", "2023-06-30", "3.0.4"),
        "4.0": lts("2020-03-31", "2025-06-30", "4.0.13"),
        "5.0": lts("2022-03-31", "2027-06-30", "5.0.9"),
        "5.21": lts("2024-03-13", "2029-06-30", "5.21.7"),
    },
    feature=versions.parse("6.9"),
)
DAY = datetime.date(2026, 11, 23)


def judged(text: str, on: datetime.date = DAY) -> versions.Support:
    return versions.judge_series(versions.parse(text), DATA, on)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5.0.2", (5, 0, 2)),
        ("6.9", (6, 9)),
        ("5.21.7 LTS", (5, 21, 7)),
        ("5.21.3-c5ae129", (5, 21, 3)),
        ("6.9-ab8fad2", (6, 9)),
        ("5.0.2-5+deb12u6", (5, 0, 2)),
        ("5.0.2+git20231211.1364ae4-9", (5, 0, 2)),
        ("3.0.3-0ubuntu1~18.04.2", (3, 0, 3)),
        ("1:5.0.2-1", (5, 0, 2)),
        ("lxd-5.21.7", (5, 21, 7)),
        ("v5.21.0", (5, 21, 0)),
        ("2.4.1", (2, 4, 1)),
        ("1.2.3-asdf", (1, 2, 3)),
        ("1.2.3(beta1)", (1, 2, 3)),
        (" 5.0.2\n", (5, 0, 2)),
    ],
)
def test_version_is_found_in_every_form(text: str, numbers: tuple[int, ...]) -> None:
    assert versions.parse(text).numbers == numbers


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "git-1a2b3c4",
        "5",
        "5.",
        "5.x",
        "5.0.2.1",
        "5.0.2rc1",
        "latest/stable",
        "٣.٢",
        "9" * 5000 + ".1",
    ],
)
def test_text_without_a_release_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no release of LXD: expected x\.y\.z or x\.y"):
        versions.parse(text)


def test_version_is_shown_by_its_numbers() -> None:
    assert str(versions.parse("5.21.7 LTS")) == "5.21.7"


def test_where_a_version_was_read_from_does_not_count() -> None:
    assert versions.parse("6.9-ab8fad2") == versions.parse("6.9")


def test_versions_are_ordered_by_number() -> None:
    texts = ["5.0.2", "5.9", "5.21.0", "5.21.7", "6.9", "6.10"]
    assert sorted(map(versions.parse, reversed(texts))) == [versions.parse(t) for t in texts]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5.0.2", SupportKind.SUPPORTED_LTS),
        ("5.0.9", SupportKind.SUPPORTED_LTS),
        ("5.0.2-5+deb12u6", SupportKind.SUPPORTED_LTS),
        ("5.0.2+git20231211.1364ae4-9", SupportKind.SUPPORTED_LTS),
        ("5.21.7 LTS", SupportKind.SUPPORTED_LTS),
        ("5.21.7-abcdef1", SupportKind.SUPPORTED_LTS),
        ("5.21.8", SupportKind.SUPPORTED_LTS),
        ("4.0.13", SupportKind.ENDED),  # younger than 5.21.6
        ("3.0.4", SupportKind.ENDED),
        ("2.0.12", SupportKind.ENDED),
        ("6.9", SupportKind.LATEST_FEATURE),
        ("6.9-ab8fad2", SupportKind.LATEST_FEATURE),
        ("6.8", SupportKind.OLD_FEATURE),
        ("5.20", SupportKind.OLD_FEATURE),
        ("5.3", SupportKind.OLD_FEATURE),
        ("2.4.1", SupportKind.OLD_FEATURE),
        ("6.10", SupportKind.NEWER_THAN_DATA),
        ("6.9.1", SupportKind.NEWER_THAN_DATA),
        ("7.0.0", SupportKind.NEWER_THAN_DATA),
    ],
)
def test_support_is_decided_by_series(text: str, kind: SupportKind) -> None:
    assert judged(text).kind is kind


@pytest.mark.parametrize("text", ["5.21", "5.0", "4.0"])
def test_lts_series_without_point_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"{text} is an LTS series, not a release"):
        judged(text)


def test_last_day_of_support_is_supported() -> None:
    assert judged("5.0.9", datetime.date(2027, 6, 30)).kind is SupportKind.SUPPORTED_LTS


def test_day_after_the_last_is_not() -> None:
    assert judged("5.0.9", datetime.date(2027, 7, 1)).kind is SupportKind.ENDED


def test_support_says_when_it_ends_and_what_is_newest() -> None:
    support = judged("5.0.2")
    assert (support.ends, str(support.latest)) == (datetime.date(2027, 6, 30), "5.0.9")


@pytest.mark.parametrize(
    ("text", "is_latest", "is_newer"),
    [
        ("5.0.9", True, False),
        ("5.0.8", False, False),
        ("5.21.7 LTS", True, False),
        ("5.21.8", False, True),
        ("6.9", True, False),
        ("6.10", False, True),
    ],
)
def test_only_the_release_that_the_data_name_is_the_latest(
    text: str,
    is_latest: bool,  # noqa: FBT001 - a parameter of parametrize
    is_newer: bool,  # noqa: FBT001 - as above
) -> None:
    support = judged(text)
    assert (support.is_latest_bugfix, support.is_newer_than_data) == (is_latest, is_newer)


@pytest.mark.parametrize(
    ("text", "epoch", "upstream", "revision"),
    [
        ("5.0.2-5+deb12u6", 0, "5.0.2", "5+deb12u6"),
        ("5.0.2+git20231211.1364ae4-9", 0, "5.0.2+git20231211.1364ae4", "9"),
        ("3.0.3-0ubuntu1~18.04.2", 0, "3.0.3", "0ubuntu1~18.04.2"),
        ("1:5.0.2-1", 1, "5.0.2", "1"),
        ("1:0.11", 1, "0.11", ""),
        ("1.2-3-4", 0, "1.2-3", "4"),
        ("1:2:3-4", 1, "2:3", "4"),
    ],
)
def test_debian_version_has_its_parts(text: str, epoch: int, upstream: str, revision: str) -> None:
    found = versions.parse_debian(text)
    assert (found.epoch, found.upstream, found.revision) == (epoch, upstream, revision)


def test_debian_revision_is_a_distributions_build() -> None:
    assert versions.parse_debian("5.0.2-5+deb12u6").is_distribution_build


def test_debian_version_without_revision_is_no_distributions_build() -> None:
    assert not versions.parse_debian("5.21.7").is_distribution_build


@pytest.mark.parametrize("text", ["", "abc", "5.0 2", "5.0.2-", ":5.0", "5.0.2-5_1"])
def test_what_dpkg_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no version of a Debian package"):
        versions.parse_debian(text)
