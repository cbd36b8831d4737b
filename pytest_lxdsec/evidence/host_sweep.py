"""The sweep as one shell command, and the reader of its answer."""

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
# Process lists show it; neither it nor its arguments are secret. The host's shell reads it between
# single quotes. It checks the version, because an older Python cannot even parse the modules.
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
    """The sweep did not return a document; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The arguments of the sweep.

    Attributes:
        server_pid: The daemon's process ID, as the API reports it.
        socket: The path of the API's unix socket on the host, "" if it is not known.
        endpoints: API paths to ask without a certificate.
        paths: Paths of the host that devices name.
        names: Host names in the daemon's listen addresses.
        probe: The script of the probe, for its control run on the host; "" for no run.
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


def wrap(package: str, arguments: Mapping[str, Any]) -> str:
    """Return the shell command that runs a package's `main` on the host with these arguments."""
    return f"{PYTHON} '{LOADER}' {_script(package)} {_packed(json.dumps(arguments).encode())}"


def command(question: Question) -> str:
    """Return the shell command of the sweep.

    Raises:
        SweepError: devices name more paths than fit into one command.
    """
    arguments = {
        "server_pid": question.server_pid,
        "socket": question.socket,
        "endpoints": question.endpoints,
        "paths": question.paths,
        "names": question.names,
        "probe": question.probe,
    }
    text = wrap(payload.SWEEP, arguments)
    if len(text) > LONGEST_COMMAND:
        raise SweepError(
            f"devices name {len(question.paths)} paths, more than fit into one command"
        )
    return text


def read(output: Output) -> Mapping[str, Mapping[str, Any]]:
    """Return the host's parts in the output of the sweep.

    Raises:
        SweepError: the command failed, or its output is cut off or damaged.
    """
    return _parts(document(output))


def document(output: Output) -> Any:  # noqa: ANN401 - JSON
    """Return the document in the output of a command of `wrap`.

    Raises:
        SweepError: see `read`.
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
    """Return every host part as missing for the same reason."""
    return {name: {kind: reason} for name in model.HOST_PARTS}
