"""Untrusted text reduced to one line of a message.

The text of a server, an ssh client or an operating system may hold line breaks, terminal escapes
or megabytes. All such text passes through this module before it enters a message.
"""

from __future__ import annotations

LENGTH = 240


def one_line(text: str) -> str:
    """Return `text` without line breaks and control characters, at most `LENGTH` characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LENGTH])
    line = " ".join(printable.split())
    return line if len(line) <= LENGTH else f"{line[: LENGTH - 3]}..."


def last_line(data: bytes) -> str:
    """Return the last line of a command's error output that is not blank, or ""."""
    lines = [line for line in data[-4096:].decode("utf-8", "replace").splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""
