"""The directory of `--lxd-report`: every report of one document, and the document itself."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import BinaryIO

import msgspec

from ..errors import UserError
from . import document, html, junit, markdown, sarif
from .document import Document

OPTION = "--lxd-report"
JSON = "report.json"
NO_RESULTS = b'"results":[]'


def write_json(whole: Document, out: BinaryIO) -> None:
    """Write the document itself, a line for each result, and never the whole of it in memory."""
    encoder = msgspec.json.Encoder()
    # No text in the document can hold this: its quotes would be escaped.
    head, _, tail = encoder.encode(dataclasses.replace(whole, results=())).partition(NO_RESULTS)
    out.write(head + NO_RESULTS[:-1])
    for place, result in enumerate(whole.results):
        out.write(b",\n" if place else b"\n")
        out.write(encoder.encode(result))
    out.write(b"]" + tail + b"\n")


WRITERS: Mapping[str, Callable[[Document, BinaryIO], None]] = {
    "junit.xml": junit.write,
    JSON: write_json,
    "report.sarif": sarif.write,
    "report.html": html.write,
    "summary.md": markdown.write,
}


def prepare(directory: pathlib.Path) -> None:
    """Make the directory before anything is asked, so that a mistake costs no audit.

    Raises:
        UserError: it cannot be made, or not be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(directory, error) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f"{OPTION}: cannot write to {str(directory)!r}: name another directory")


def clear(directory: pathlib.Path, *, keep: str) -> None:
    """Remove an earlier run's reports, so that nobody takes them for this one's if it fails.

    Args:
        directory: Where reports are written; it need not be there.
        keep: A file that stays until it is written anew: the user's own baseline.

    Raises:
        UserError: one of them cannot be removed.
    """
    kept = pathlib.Path(keep).resolve() if keep else None
    for path in (directory / name for name in WRITERS):
        if path.is_file() and path.resolve() != kept:
            try:
                path.unlink()
            except OSError as error:
                raise _cannot(path, error) from error


def write(whole: Document, directory: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """Write every report; each is there as a whole or not at all. Return their paths.

    Raises:
        UserError: one of them cannot be written.
    """
    written = []
    for name, writer in WRITERS.items():
        path, partial = directory / name, directory / f".{name}.partial"
        try:
            with partial.open("wb") as out:
                writer(whole, out)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _cannot(path, error) from error
        written.append(path)
    return tuple(written)


def _cannot(path: pathlib.Path, error: OSError) -> UserError:
    text = f"{OPTION}: cannot write {str(path)!r}: {error.strerror}: name another directory"
    return UserError(text)


def read(option: str, path: pathlib.Path) -> Document:
    """Read a `report.json` for `option`.

    Raises:
        UserError: there is no such file, or it is none of ours, or of a later version, or
            damaged.
    """
    content, about = _open(option, path)
    if about.format != document.FORMAT:
        raise UserError(f"{option}: {str(path)!r} is no {JSON}: name one of {OPTION}'s directory")
    if about.version != document.VERSION:
        raise UserError(
            f"{option}: {str(path)!r} is of version {about.version}, this program reads "
            f"{document.VERSION}: make it again with {OPTION}"
        )
    try:
        return msgspec.json.decode(content, type=Document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{option}: {str(path)!r} is damaged: {error}") from error


def format_of(option: str, path: pathlib.Path) -> str:
    """Return what a file of JSON says that it is; "" where it does not.

    Raises:
        UserError: it cannot be read, or is no JSON.
    """
    return _open(option, path)[1].format


def _open(option: str, path: pathlib.Path) -> tuple[bytes, _About]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{option}: cannot read {str(path)!r}: {error.strerror}: name a {JSON}"
        ) from error
    try:
        return content, msgspec.json.decode(content, type=_About)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{option}: {str(path)!r} is no {JSON}: {error}") from error


class _About(msgspec.Struct):
    """What every version begins with."""

    format: str = ""
    version: int = 0
