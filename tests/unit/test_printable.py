from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from pytest_lxdsec import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web1", "web1"),
        ("Zürich › 東京", "Zürich › 東京"),  # noqa: RUF001 - as in our own headlines
        ("one\ntwo", "one\\ntwo"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("half \ud800", "half \\ud800"),
        ("", ""),
    ],
)
def test_only_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable.printable(text) == shown


@hypothesis.given(strategies.text(strategies.characters()))
def test_result_is_one_printable_line_that_can_be_encoded(text: str) -> None:
    shown = printable.printable(text)
    assert shown.isprintable()
    assert shown.encode().decode() == shown


def test_result_of_a_result_is_itself() -> None:
    once = printable.printable("a\x00\nb")
    assert printable.printable(once) == once
