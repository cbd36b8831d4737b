from __future__ import annotations

import datetime

import pytest

from pytest_lxdsec.lxd import config_values
from pytest_lxdsec.lxd.config_values import Expiry
from pytest_lxdsec.verdict import CannotTell

TRUE = ("true", "1", "yes", "on", "TRUE", "Yes", "oN")
FALSE = ("false", "0", "no", "off", "FALSE", "No", "oFF")
NEITHER = ("enabled", "maybe", "2", "y", "t", " true", "true ", "01")
KEY = "security.mac_filtering"


@pytest.mark.parametrize("word", TRUE)
def test_lxds_words_for_true_are_true(word: str) -> None:
    assert config_values.is_true(word)


@pytest.mark.parametrize("word", [*FALSE, *NEITHER, ""])
def test_no_other_word_is_true(word: str) -> None:
    assert not config_values.is_true(word)


@pytest.mark.parametrize("word", FALSE)
def test_lxds_words_for_false_are_false(word: str) -> None:
    assert config_values.is_false(word)


@pytest.mark.parametrize("word", [*TRUE, *NEITHER, ""])
def test_no_other_word_is_false(word: str) -> None:
    assert not config_values.is_false(word)


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("config", [{}, {KEY: ""}, {"security.privileged": "true"}])
def test_key_that_is_not_set_has_lxds_default(
    config: dict[str, str],
    default: bool,  # noqa: FBT001 - a parameter of parametrize
) -> None:
    assert config_values.boolean(config, KEY, default=default) is default


@pytest.mark.parametrize("word", TRUE)
@pytest.mark.parametrize("default", [True, False])
def test_true_word_turns_a_key_on(word: str, default: bool) -> None:  # noqa: FBT001 - as above
    assert config_values.boolean({KEY: word}, KEY, default=default)


@pytest.mark.parametrize("word", FALSE)
@pytest.mark.parametrize("default", [True, False])
def test_false_word_turns_a_key_off(word: str, default: bool) -> None:  # noqa: FBT001 - as above
    assert not config_values.boolean({KEY: word}, KEY, default=default)


@pytest.mark.parametrize("word", NEITHER)
def test_word_that_lxd_does_not_know_leaves_a_key_off(word: str) -> None:
    assert not config_values.boolean({KEY: word}, KEY, default=False)


@pytest.mark.parametrize("word", NEITHER)
def test_word_that_lxd_does_not_know_cannot_be_told_of_a_key_that_is_on(word: str) -> None:
    with pytest.raises(CannotTell, match=r"security\.devlxd is '"):
        config_values.boolean({"security.devlxd": word}, "security.devlxd", default=True)


@pytest.mark.parametrize("default", [True, False])
def test_redacted_boolean_cannot_be_told(default: bool) -> None:  # noqa: FBT001 - as above
    with pytest.raises(CannotTell, match=r"mac_filtering is redacted in the evidence"):
        config_values.boolean({KEY: config_values.REDACTED}, KEY, default=default)


@pytest.mark.parametrize("value", [True, False, None, 1, ["true"]])
def test_value_that_is_no_string_cannot_be_told(value: object) -> None:
    with pytest.raises(CannotTell, match="which is no string"):
        config_values.boolean({KEY: value}, KEY, default=False)


def test_string_is_returned_as_lxd_has_it() -> None:
    assert config_values.string({"core.https_address": " [::]:8443"}, "core.https_address") == (
        " [::]:8443"
    )


def test_string_that_is_not_set_has_lxds_default() -> None:
    assert config_values.string({}, "core.remote_token_expiry", default="15d") == "15d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15M", Expiry(seconds=900)),
        ("15m", Expiry(months=15)),
        ("900S", Expiry(seconds=900)),
        ("1d 3H", Expiry(days=1, seconds=3 * 3600)),
        ("2w 1d", Expiry(days=15)),
        ("1y 6m", Expiry(years=1, months=6)),
        ("0H 15M", Expiry(seconds=900)),
        ("0H 2H", Expiry(seconds=7200)),
        (" 15M ", Expiry(seconds=900)),
        ("0S", Expiry()),
        ("007d", Expiry(days=7)),
        ("", Expiry(is_never=True)),
        ("  ", Expiry(is_never=True)),
    ],
)
def test_expiry_is_read_as_lxd_reads_it(text: str, expected: Expiry) -> None:
    assert config_values.expiry(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "15",
        "15min",
        "1h",
        "1D",
        "1d,3H",
        "1d  3H",
        "1d\t3H",
        "1y 1y",
        "1d 0d",
        "-1d",
        "+1d",
        "1.5d",
        "never",
        "15M\n1d",
        "٣d",
        f"{2**63}S",
        "9" * 5000 + "S",
    ],
)
def test_expiry_that_lxd_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        config_values.expiry(text)


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime.datetime:
    return datetime.datetime(year, month, day, hour, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("0S", utc(2026, 11, 23), utc(2026, 11, 23)),
        ("15m", utc(2026, 11, 23), utc(2028, 2, 23)),
        ("1m", utc(2026, 1, 31), utc(2026, 3, 3)),
        ("1m", utc(2028, 1, 31), utc(2028, 3, 2)),
        ("1y", utc(2028, 2, 29), utc(2029, 3, 1)),
        ("1m 1d", utc(2026, 12, 31), utc(2027, 2, 1)),
        ("1d 3H", utc(2026, 12, 31, 22), utc(2027, 1, 2, 1)),
    ],
)
def test_expiry_is_counted_by_the_calendar(
    text: str, begin: datetime.datetime, end: datetime.datetime
) -> None:
    assert config_values.expiry(text).from_(begin) == end


def test_expiry_of_nothing_never_comes() -> None:
    assert config_values.expiry("").from_(utc(2026, 1, 1)) is None


@pytest.mark.parametrize("unit", "SMHdwmy")
def test_expiry_beyond_the_calendar_is_its_end(unit: str) -> None:
    end = config_values.expiry(f"{2**63 - 1}{unit}").from_(utc(2026, 1, 1))
    assert end == datetime.datetime.max.replace(tzinfo=datetime.UTC)
