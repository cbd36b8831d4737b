from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec.lxd import config_values
from pytest_lxdsec.verdict import CannotTell

UNITS = "SMHdwmy"
OPEN_TEXT = st.text().filter(lambda text: text != config_values.REDACTED)
MOMENTS = st.datetimes(
    min_value=datetime.datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis wants it naive
    max_value=datetime.datetime(2100, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(datetime.UTC),
)


@given(st.text())
def test_no_word_is_both_true_and_false(word: str) -> None:
    assert not (config_values.is_true(word) and config_values.is_false(word))


@given(st.one_of(OPEN_TEXT, st.sampled_from(["true", "ON", "0", "No"])))
def test_key_that_is_off_by_default_is_on_only_by_a_word_for_true(word: str) -> None:
    assert config_values.boolean({"key": word}, "key", default=False) == config_values.is_true(
        word
    )


@given(OPEN_TEXT.filter(bool))
def test_key_that_is_on_by_default_never_goes_by_an_unknown_word(word: str) -> None:
    try:
        value = config_values.boolean({"key": word}, "key", default=True)
    except CannotTell:
        assert not config_values.is_true(word)
        assert not config_values.is_false(word)
    else:
        assert value is config_values.is_true(word)


@given(st.one_of(st.text(), st.text(f"0123456789 {UNITS}")))
def test_expiry_is_read_or_refused(text: str) -> None:
    try:
        expiry = config_values.expiry(text)
    except ValueError:
        assert text.strip()
    else:
        assert expiry.is_never is not bool(text.strip())


@given(st.dictionaries(st.sampled_from(UNITS), st.integers(0, 200), min_size=1), MOMENTS)
def test_expiry_does_not_depend_on_the_order_of_its_parts(
    amounts: dict[str, int], begin: datetime.datetime
) -> None:
    parts = [f"{amount}{unit}" for unit, amount in amounts.items()]
    forth, back = (config_values.expiry(" ".join(order)) for order in (parts, parts[::-1]))
    assert forth.from_(begin) == back.from_(begin)


@given(
    st.dictionaries(st.sampled_from(UNITS), st.integers(1, 200), min_size=1),
    st.sampled_from(UNITS),
)
def test_unit_given_twice_is_refused(amounts: dict[str, int], unit: str) -> None:
    parts = [f"{amount}{each}" for each, amount in (amounts | {unit: 1}).items()]
    with pytest.raises(ValueError, match="is no length of time"):
        config_values.expiry(" ".join([*parts, f"1{unit}"]))


@given(MOMENTS, st.integers(0, 36))
def test_month_never_ends_before_its_days(begin: datetime.datetime, months: int) -> None:
    end = config_values.expiry(f"{months}m").from_(begin)
    assert end is not None
    assert 28 * months <= (end - begin).days <= 31 * months
