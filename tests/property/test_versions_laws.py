from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec.guide import releases
from pytest_lxdsec.lxd import versions
from pytest_lxdsec.lxd.versions import SupportKind

DATA = releases.load()
NUMBERS = st.lists(st.integers(0, 9999), min_size=2, max_size=3).map(tuple)
SERIES = st.sampled_from([(2, 0), (4, 0), (5, 0), (5, 3), (5, 21), (6, 8), (6, 9), (6, 10)])
POINTS = st.one_of(st.just(()), st.integers(0, 20).map(lambda point: (point,)))
LIKELY = st.one_of(st.builds(tuple.__add__, SERIES, POINTS), NUMBERS)
DAYS = st.dates(datetime.date(2010, 1, 1), datetime.date(2050, 1, 1))


def version(numbers: tuple[int, ...]) -> versions.Version:
    return versions.parse(".".join(map(str, numbers)))


@given(NUMBERS, NUMBERS)
def test_order_is_that_of_the_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert (version(one) < version(other)) == (one < other)


@given(st.integers(0, 99), st.integers(0, 998))
def test_next_release_is_newer_whatever_its_digits(major: int, minor: int) -> None:
    assert version((major, minor)) < version((major, minor + 1))


@given(NUMBERS)
def test_text_of_a_version_is_read_as_the_same_version(numbers: tuple[int, ...]) -> None:
    assert versions.parse(str(version(numbers))) == version(numbers)


@given(
    NUMBERS,
    st.sampled_from(
        ["{}", "{} LTS", "{}-c5ae129", "{}-5+deb12u6", "{}+git1.a-9", "1:{}-1", "v{}"]
    ),
)
def test_what_is_around_a_version_does_not_change_it(numbers: tuple[int, ...], form: str) -> None:
    assert versions.parse(form.format(".".join(map(str, numbers)))) == version(numbers)


@given(st.one_of(st.text(), st.text("0123456789.-+~ v")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = versions.parse(text)
    except ValueError:
        return
    assert all(str(number) in text for number in found.numbers)


@given(LIKELY, DAYS)
def test_support_never_comes_back(numbers: tuple[int, ...], day: datetime.date) -> None:
    later = day + datetime.timedelta(days=1)
    try:
        before, after = (versions.judge_series(version(numbers), DATA, on) for on in (day, later))
    except ValueError:
        return
    assert (before.kind, after.kind) != (SupportKind.ENDED, SupportKind.SUPPORTED_LTS)


@given(LIKELY, DAYS)
def test_only_what_the_data_name_is_supported(
    numbers: tuple[int, ...], day: datetime.date
) -> None:
    try:
        support = versions.judge_series(version(numbers), DATA, day)
    except ValueError:
        return
    if support.kind is SupportKind.SUPPORTED_LTS:
        assert support.version.series in DATA.lts
    if support.kind is SupportKind.LATEST_FEATURE:
        assert support.version == DATA.feature


@given(st.text())
def test_any_debian_text_is_read_or_refused(text: str) -> None:
    try:
        found = versions.parse_debian(text)
    except ValueError:
        return
    epoch = f"{text.partition(':')[0]}:" if ":" in text else ""
    revision = f"-{found.revision}" if found.revision else ""
    assert text == f"{epoch}{found.upstream}{revision}"
