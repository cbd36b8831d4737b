"""Foreign words made safe to show; pure, imports nothing.

Names on an audited host and whole files of evidence are other people's: a terminal escape or a
line break in them must neither steer a terminal nor fake a line of a report.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text on one line; whatever is not printable is shown as Python shows it."""
    if text.isprintable():  # nearly all are, and are then not copied for each of many results
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )
