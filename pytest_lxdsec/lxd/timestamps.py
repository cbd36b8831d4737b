"""Points in time as Go writes them into JSON; pure, imports nothing of ours."""

from __future__ import annotations

import datetime
import re

_ZERO = "0001-"  # the year of Go's zero time, which means: never
# Go writes nanoseconds, of which Python reads six digits.
_FRACTION = re.compile(r"(\.\d{6})\d+")


def parse_rfc3339(text: str) -> datetime.datetime | None:
    """Read a point in time; None for Go's zero time, and for no text.

    Raises:
        ValueError: it is none.
    """
    if not text or text.startswith(_ZERO):
        return None
    found = datetime.datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
