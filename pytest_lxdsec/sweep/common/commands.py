"""Files and commands, read within a bound of size and time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess

# A file of /proc/sys refuses a read of 4 MiB with ENOMEM (fs/proc/proc_sysctl.c).
CHUNK = 64 * 1024
LONGEST_FILE = 64 * 1024 * 1024
COMMAND_SECONDS = 30.0
LONGEST_REASON = 300


@dataclasses.dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    output: str
    errors: str


@dataclasses.dataclass(frozen=True)
class Text:
    """Decoded as `evidence.host_facts.Text`."""

    text: str
    error: str


def read(path: str) -> str:
    """Return the whole text of a file: half a table is not evidence.

    Raises:
        OSError: it cannot be read.
        ValueError: it is longer than `LONGEST_FILE`.
    """
    parts: list[bytes] = []
    size = 0
    with open(path, "rb", buffering=0) as file:
        while True:
            part = file.read(CHUNK)
            if not part:
                return text(b"".join(parts))
            size += len(part)
            if size > LONGEST_FILE:
                raise ValueError(f"{path} is longer than {LONGEST_FILE} bytes")
            parts.append(part)


def read_if_there(path: str) -> str | None:
    """Return the text of a file, None if it does not exist; raise like `read`."""
    try:
        return read(path)
    except FileNotFoundError:
        return None


def text(data: bytes) -> str:
    """Return bytes of the host as a text for JSON; bytes that are not UTF-8 are escaped."""
    return data.decode("utf-8", "backslashreplace")


def run(*argv: str, seconds: float = COMMAND_SECONDS) -> Done:
    """Run a command in the C locale, without input.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end in time, and was killed with its children.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, LC_ALL="C", LANGUAGE="C"),
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise TimeoutError(f"{argv[0]} did not end within {seconds:g} s") from None
    return Done(status=process.returncode, output=text(output), errors=text(errors))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and its children: a survivor would keep the pipes open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)  # A process in uninterruptible sleep does not react to SIGKILL.


def succeed(*argv: str, seconds: float = COMMAND_SECONDS) -> str:
    """Run a command that must succeed; return its output.

    Raises:
        OSError, TimeoutError: see `run`.
        RuntimeError: it failed; the text is the last line of its errors.
    """
    done = run(*argv, seconds=seconds)
    if done.status != 0:
        lines = done.errors.strip().splitlines() or [f"exit status {done.status}"]
        raise RuntimeError(f"{argv[0]}: {lines[-1]}")
    return done.output


def printed(*argv: str) -> Text:
    """Run a command; return its output, or the reason for having none."""
    try:
        return Text(text=succeed(*argv), error="")
    except (OSError, RuntimeError) as error:
        return Text(text="", error=reason(error))


def reason(error: BaseException) -> str:
    """Return an exception as one line of bounded length for a report."""
    full = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        full = f"{error.filename}: {error.strerror}"
    line = " ".join(full.split()) or type(error).__name__
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def lines(table: str) -> tuple[str, ...]:
    """Return the lines of a kernel table: `splitlines` would also split at characters in names."""
    return tuple(line for line in table.split("\n") if line)
