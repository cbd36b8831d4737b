"""The sweep's two ends on our side: the command that carries it, and its answer read back."""

from __future__ import annotations

import base64
import functools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..transport import Output
from . import model, parts, payload

BEGIN, END = b"<lxdsec\n", b"\nlxdsec>"
# What a process list shows; nothing in it or its arguments is secret. The host's shell reads it
# between single quotes. The modules cannot say themselves that Python is too old to read them.
LOADER = (
    "import base64,sys,zlib;"
    'sys.version_info<(3,7)and sys.exit("its python3 is older than 3.7");'
    "exec(zlib.decompress(base64.b64decode(sys.argv.pop(1))))"
)
# Isolated: a json.py in the directory that the shell begins in, or in PYTHONPATH, is not ours.
PYTHON = "python3 -IS -c"
# Linux takes no longer argument (MAX_ARG_STRLEN); a remote shell gets the whole command as one.
LONGEST_COMMAND = 128 * 1024


class SweepError(Exception):
    """The sweep did not bring back a document; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the sweep must be told.

    Attributes:
        server_pid: The daemon's process id, as the API gives it.
        socket: The path of the API's unix socket on the host, "" where it is not known.
        endpoints: API paths to ask without a certificate.
        paths: Paths of the host that devices name.
        names: Host names in the daemon's listen addresses.
    """

    server_pid: int
    socket: str
    endpoints: tuple[str, ...]
    paths: tuple[str, ...]
    names: tuple[str, ...] = ()
    probe: str = ""


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode()


@functools.cache
def _script(package: str) -> str:
    return _packed(payload.text(package).encode())


def carry(package: str, arguments: Mapping[str, Any]) -> str:
    """Return the command that runs a package's `main` on the host, with one argument."""
    return f"{PYTHON} '{LOADER}' {_script(package)} {_packed(json.dumps(arguments).encode())}"


def command(question: Question) -> str:
    """Return the one shell command of the sweep.

    Raises:
        SweepError: so many paths are named that no command can carry them.
    """
    arguments = {
        "server_pid": question.server_pid,
        "socket": question.socket,
        "endpoints": question.endpoints,
        "paths": question.paths,
        "names": question.names,
        "probe": question.probe,
    }
    text = carry(payload.SWEEP, arguments)
    if len(text) > LONGEST_COMMAND:
        raise SweepError(
            f"devices name {len(question.paths)} paths, more than one command carries"
        )
    return text


def read(output: Output) -> Mapping[str, Mapping[str, Any]]:
    """Return the parts that the sweep brought back.

    Raises:
        SweepError: the command failed, or its output has no beginning or no end.
    """
    return _parts(document(output))


def document(output: Output) -> Any:  # noqa: ANN401 - JSON
    """Return what a command of `carry` brought back.

    Raises:
        SweepError: as `read`.
    """
    if output.exit_status != 0:
        raise SweepError(_failure(output))
    _, begin, rest = output.stdout.partition(BEGIN)
    packed, end, _ = rest.partition(END)
    if not begin or not end:
        raise SweepError("the sweep's output was cut off")
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))
    except (ValueError, zlib.error) as error:
        raise SweepError(f"the sweep's output is damaged: {error}") from error


def _failure(output: Output) -> str:
    lines = output.stderr.decode("utf-8", "replace").strip().splitlines()
    if output.exit_status == 127:  # noqa: PLR2004 - POSIX: command not found
        return "the host has no python3, which the sweep needs (3.7 or later)"
    last = lines[-1] if lines else "no message"
    return f"the sweep ended with exit status {output.exit_status}: {last}"


def _parts(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    if document["uid"] != 0:
        reason = (
            f"the shell logs in as user id {document['uid']}, not root: log in as root or sudo"
        )
        return missing(reason)
    return {f"host.{name}": _part(entry) for name, entry in document["sections"].items()}


def _part(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return {parts.MISSING: entry["error"]} if "error" in entry else {parts.VALUE: entry["value"]}


def missing(reason: str, *, kind: str = parts.MISSING) -> Mapping[str, Mapping[str, Any]]:
    """Return every host part, missing for one reason."""
    return {name: {kind: reason} for name in model.HOST_PARTS}
