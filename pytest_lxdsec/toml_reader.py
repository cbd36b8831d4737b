"""A TOML file that a person wrote, read strictly.

tomllib says where a syntax error is, but not where a value is. Whoever mistypes a key in a
policy of 200 lines wants the line, so `Document` finds the lines by itself.
"""

from __future__ import annotations

import datetime
import difflib
import pathlib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from .errors import UserError

_WIDTH = 60  # characters of a wrong value that an error shows
Path = tuple[str | int, ...]  # ("waiver", 1, "reason"): the reason of the second waiver

# TOML 1.0, "String" and "Comment"; a multi-line string may end in up to two quotes of its own.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"""(?:"{0,2})'
    r"|'''(?:[^']|'{1,2}(?!'))*'''(?:'{0,2})"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'"
    r"|\#[^\n]*",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One file: the option that named it, its path as typed, and where its keys are."""

    option: str
    path: str
    lines: Mapping[Path, int]

    def place(self, path: Path) -> str:
        """Return `FILE:LINE` of a key; of what it is in, where it has no line of its own."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.path}:{self.lines.get(path, 1)}"

    def mistake(self, path: Path, problem: str, fix: str) -> UserError:
        """Return one line for the user.

        File and line, key, what is wrong with it, how to mend it.
        """
        key = ".".join(part for part in path if isinstance(part, str))
        return UserError(f"{self.option}: {self.place(path)}: {key}: {problem}: {fix}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a document, asked for its keys; every method raises `UserError`."""

    document: Document
    path: Path
    values: Mapping[str, object]

    def mistake(self, key: str, problem: str, fix: str) -> UserError:
        """Return `Document.mistake` for a key of this table."""
        return self.document.mistake((*self.path, key), problem, fix)

    def allow(self, *known: str) -> None:
        """Refuse every key that is none of these, naming the nearest."""
        for key in self.values:
            if key not in known:
                advice = nearest(key, known, f"known here: {', '.join(known)}")
                raise self.mistake(key, "unknown key", advice)

    def table(self, key: str) -> Table:
        """Return the table `key`; an empty one where it is absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.mistake(key, f"{_shown(value)} is no table", f"begin it with [{key}]")
        return Table(document=self.document, path=(*self.path, key), values=value)

    def tables(self, key: str) -> Iterator[Table]:
        """Yield every table of the array of tables `key`, in the file's order."""
        entries = self.values.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise self.mistake(key, "not a list of tables", f"begin each entry with [[{key}]]")
        for number, values in enumerate(entries):
            yield Table(document=self.document, path=(*self.path, key, number), values=values)

    def text(self, key: str) -> str:
        """Return the text `key`, which must be there and not blank."""
        value = self._required(key)
        if not isinstance(value, str) or not value.strip():
            raise self.mistake(key, f"{_shown(value)} is no text", f'write {key} = "..."')
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return the list of texts `key`; None where it is absent, which is not an empty list."""
        if key not in self.values:
            return None
        return self.as_texts(key, self.values[key])

    def as_texts(self, key: str, value: object) -> tuple[str, ...]:
        """Return `value`, found in `key`, as a list of texts, none of them blank."""
        if not isinstance(value, list):
            raise self.mistake(key, f"{_shown(value)} is no list", 'write ["...", "..."]')
        for each in value:
            if not isinstance(each, str) or not each.strip():
                raise self.mistake(key, f"{_shown(each)} is no text", 'write ["...", "..."]')
        return tuple(value)

    def number(self, key: str) -> int | None:
        """Return the whole number `key`, at least 1; None where it is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.mistake(key, f"{_shown(value)} is no number above 0", f"write {key} = 1")
        return value

    def date(self, key: str) -> datetime.date:
        """Return the date `key`, which must be there, without a time of day and without quotes."""
        value = self._required(key)
        if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
            raise self.mistake(key, f"{_shown(value)} is no date", f"write {key} = 2027-01-31")
        return value

    def _required(self, key: str) -> object:
        if key not in self.values:
            raise self.mistake(key, "missing", "add it")
        return self.values[key]


def read(option: str, path: str) -> Table:
    """Read the file that `option` names; the result is its outermost table.

    Raises:
        UserError: it cannot be read, or is not TOML.
    """
    try:
        text = pathlib.Path(path).read_bytes().decode()
        values = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"{option}: cannot read {path!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{option}: {path!r} is not UTF-8: save it as UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{option}: {path!r} is not TOML: {error}") from error
    except RecursionError as error:
        raise UserError(f"{option}: {path!r} is nested too deeply: write it flat") from error
    document = Document(option=option, path=path, lines=lines(text))
    return Table(document=document, path=(), values=values)


def _shown(value: object) -> str:
    """Return a value as its author will know it again, in few words."""
    text = str(value) if isinstance(value, datetime.date | datetime.time) else repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def nearest(wrong: str, known: Collection[str], otherwise: str) -> str:
    """Return the advice for a word that is none of `known`: the nearest one, else `otherwise`."""
    near = difflib.get_close_matches(wrong, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def lines(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, of every table and key of a text that tomllib has accepted."""
    found: dict[Path, int] = {}
    entries: dict[Path, int] = {}  # how often an array of tables was begun so far
    here: Path = ()
    for number, kind, name in _statements(text):
        key = _key(name)
        if kind == "[[":
            entry = _resolved(key[:-1], entries) + key[-1:]
            entries[entry] = entries.get(entry, 0) + 1
        if kind == "=":
            path = (*here, *key)
        else:
            here = path = _resolved(key, entries)
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, `[`, `[[` or `=`, and the key of every statement; not what is inside of values."""
    text = text.replace("\r\n", "\n")
    masked = _STRING_OR_COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    depth = 0
    for number, (mask, line) in enumerate(
        zip(masked.split("\n"), text.split("\n"), strict=True), 1
    ):
        if depth == 0:
            if "=" in mask:
                yield number, "=", line[: mask.index("=")]
            elif bracket := re.match(r"\s*(\[\[?)", mask):
                yield number, bracket[1], line[bracket.end() : mask.index("]")]
        depth += sum(map(mask.count, "[{")) - sum(map(mask.count, "]}"))


def _key(name: str) -> Path:
    """Return the parts of a key, bare, quoted or dotted, as TOML itself reads them."""
    parts: list[str] = []
    value: object = tomllib.loads(f"{name} = 0")
    while isinstance(value, dict):
        [(part, value)] = value.items()
        parts.append(part)
    return tuple(parts)


def _resolved(path: Path, entries: Mapping[Path, int]) -> Path:
    """Return `path` with the number of the current entry after every array of tables in it."""
    resolved: Path = ()
    for part in path:
        resolved = (*resolved, part)
        if resolved in entries:
            resolved = (*resolved, entries[resolved] - 1)
    return resolved
