"""The evidence file: written canonically, and checked when it is read."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import UserError
from . import model

FORMAT = "lxdsec-evidence"
VERSION = 2
# Renamed parts: their names in version 1, and their names now.
RENAMED = {
    "host.carriers": "host.group_processes",
    "host.holders": "host.group_holders",
    "host.names": "host.resolved_names",
    "host.strangers": "host.anonymous_requests",
    "host.walls": "host.confinement",
}


def dumps(evidence: model.Evidence) -> str:
    """Return the file's text, with sorted keys: the same evidence gives the same bytes."""
    header = evidence.header
    document = {
        "format": FORMAT,
        "version": VERSION,
        "target": header.target,
        "taken": header.taken.isoformat(),
        "tool": header.tool,
        "seconds": header.seconds,
        "round_trips": dict(header.round_trips),
        "parts": {name: dict(entry) for name, entry in evidence.document.items()},
    }
    return json.dumps(document, sort_keys=True, indent=1) + "\n"


def save(evidence: model.Evidence, path: pathlib.Path) -> None:
    """Write a file that only its owner may read, because it lists who may log in.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(dumps(evidence), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--lxd-save-evidence: cannot write {str(path)!r}: {error.strerror}: name another file"
        ) from error


def load(path: pathlib.Path) -> model.Evidence:
    """Read a file of evidence.

    Raises:
        UserError: the file does not exist, is not an evidence file, is of a later version, or is
            damaged; the message gives the reason and the fix.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _refused(path, f"{error.strerror}: name a file of --lxd-save-evidence") from error
    except UnicodeDecodeError as error:
        raise _refused(path, "it is not text: it is damaged, or not an evidence file") from error
    return _read(path, text)


def loads(text: str, *, name: str) -> model.Evidence:
    """Read evidence from a text, like `load`; errors call it `name`."""
    return _read(pathlib.Path(name), text)


def _refused(path: pathlib.Path, why: str) -> UserError:
    return UserError(f"evidence:{path}: {why}")


def _read(path: pathlib.Path, text: str) -> model.Evidence:
    document = _json(path, text)
    if document.get("format") != FORMAT:
        raise _refused(path, f"it is not an evidence file: its format is not {FORMAT!r}")
    version = document.get("version")
    if isinstance(version, bool) or version not in (1, VERSION):
        raise _refused(
            path, f"its version is {version!r}, this program reads 1 to {VERSION}: upgrade"
        )
    parts = document.get("parts")
    if not isinstance(parts, dict):
        raise _refused(path, "it has no parts: it is damaged: gather it again")
    if version == 1:
        parts = {RENAMED.get(name, name): entry for name, entry in parts.items()}
    try:
        header = msgspec.convert(document, model.Header)
    except msgspec.ValidationError as error:
        raise _refused(path, f"its header is damaged ({error}): gather it again") from error
    if header.taken.tzinfo is None:
        raise _refused(path, "its time has no zone: it is damaged: gather it again")
    return model.Evidence.of(header, parts)


def _json(path: pathlib.Path, text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _refused(path, f"it is damaged or cut off ({error}): gather it again") from error
    except RecursionError as error:
        raise _refused(path, "it is nested too deeply for an evidence file") from error
    if not isinstance(document, dict):
        raise _refused(path, "it is not an evidence file: it does not hold an object")
    return document
