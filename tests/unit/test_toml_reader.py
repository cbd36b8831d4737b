from __future__ import annotations

import pathlib
import tomllib

import pytest

from pytest_lxdsec import errors, toml_reader

TEXT = '''\
# [[waiver]] in a comment is none
title = "[[waiver]] # in a string" # [[waiver]]
[local]
trusted_users = [
  "alice",  # ]
  "[[waiver]]",
  "bob",
]
"quoted = key" = 1
[[waiver]]
reason = """
[[waiver]]
[local]
control = "not a key" \\
"""
control = "A"
note = \'\'\'
\\\'\'[[waiver]]\'\'\'
'''


def line(text: str, *path: str | int) -> int | None:
    tomllib.loads(text)  # the example itself must be TOML
    return toml_reader.lines(text).get(path)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (("title",), 2),
        (("local",), 3),
        (("local", "trusted_users"), 4),
        (("local", "quoted = key"), 9),
        (("waiver",), 10),
        (("waiver", 0), 10),
        (("waiver", 0, "reason"), 11),
        (("waiver", 0, "control"), 16),
        (("waiver", 0, "note"), 17),
        (("waiver", 1), None),
        (("control",), None),
    ],
)
def test_keys_are_found_and_what_is_in_values_is_not(
    path: tuple[str | int, ...], number: int | None
) -> None:
    assert line(TEXT, *path) == number


@pytest.mark.parametrize(
    "value",
    [
        '"""x"""',
        '"""\n"""',
        '""""""',
        '"""a"b""c"""',
        '"""a""""',
        '"""a"""""',
        '"""\\""" [[a]]\n[[a]]"""',
        "'''x'''",
        "'''\n'''",
        "''''''",
        "'''a'b''c'''",
        "'''a''''",
        "'''a'''''",
        '"\\"[[a]]"',
        "'\\'",
        '["#", \'"\', "\'"]',
        '[\n["[[a]]"],\n[\n],\n]',
        "{ x = '}', y = [ 1,\n 2 ] }",
        "[] # [[a]]",
    ],
)
def test_value_of_any_form_does_not_hide_the_next_key(value: str) -> None:
    text = f"before = 1\nvalue = {value}\nafter = 2\n"
    assert line(text, "after") == text.count("\n")


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("[a]", ("a",)),
        ("  [ a . b ] # [c]", ("a", "b")),
        ('["a.b".c]', ("a.b", "c")),
        ("['a]b']", ("a]b",)),
        ("[[ a ]]", ("a", 0)),
        ('[["a"."b"]]', ("a", "b", 0)),
    ],
)
def test_header_is_read_in_every_form(header: str, path: tuple[str | int, ...]) -> None:
    assert line(f"\n{header}\nx = 1\n", *path, "x") == 3


def test_entries_of_an_array_of_tables_are_counted() -> None:
    text = "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 2\n[[a]]\n[[a.b]]\nx = 3\n[a.c]\ny.z = 4\n"
    found = toml_reader.lines(text)
    assert [found["a", 0, "b", 1, "x"], found["a", 1, "b", 0, "x"]] == [5, 8]
    assert found["a", 1, "c", "y", "z"] == 10


def test_lines_of_a_windows_file_are_counted_once() -> None:
    assert line('a = """\r\n"""\r\nb = 1\r\n', "b") == 3


def read(tmp_path: pathlib.Path, content: bytes) -> tuple[str, str]:
    file = tmp_path / "a.toml"
    file.write_bytes(content)
    with pytest.raises(errors.UserError) as caught:
        toml_reader.read("--option", str(file))
    return str(file), str(caught.value)


def test_syntax_error_is_named_with_its_line(tmp_path: pathlib.Path) -> None:
    file, error = read(tmp_path, b"a = 1\nb = \n")
    assert error == f"--option: {file!r} is not TOML: Invalid value (at line 2, column 5)"


def test_file_in_another_encoding_is_refused(tmp_path: pathlib.Path) -> None:
    file, error = read(tmp_path, "a = 'ä'".encode("latin-1"))
    assert error == f"--option: {file!r} is not UTF-8: save it as UTF-8 text"


def test_file_nested_too_deeply_is_refused(tmp_path: pathlib.Path) -> None:
    file, error = read(tmp_path, b"a = " + b"[" * 100_000)
    assert error == f"--option: {file!r} is nested too deeply: write it flat"


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_file_that_cannot_be_read_is_named(tmp_path: pathlib.Path, name: str) -> None:
    file = str(tmp_path / name)
    with pytest.raises(errors.UserError, match=r"^--option: cannot read '.*': (No such|Is a)"):
        toml_reader.read("--option", file)
