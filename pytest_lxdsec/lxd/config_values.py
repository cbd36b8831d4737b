"""What the strings mean that LXD keeps its configuration in; pure, raises `CannotTell`.

Every value of a configuration is a string in LXD's API, a key at its default is absent, and each
key knows its own default: whoever reads one says that default, and cites where LXD has it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..verdict import CannotTell

REDACTED = "(redacted)"  # what stands in the evidence where LXD's answer had a secret

# shared/util.go, IsTrue and IsFalse, the same eight words from 5.0.2 to 6.9; nothing is trimmed.
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")

_EXPIRY_PART = re.compile(r"0*(\d{1,19})([SMHdwmy])", re.ASCII)
_SECONDS = {"S": 1, "M": 60, "H": 3600}
_DAYS = {"d": 1, "w": 7}
_HIGHEST_INT = 2**63 - 1  # strconv.Atoi refuses more


def is_true(text: str) -> bool:
    """Return whether LXD takes `text` for true: `true`, `1`, `yes` or `on`, in any case."""
    return text.lower() in _TRUE


def is_false(text: str) -> bool:
    """Return whether LXD takes `text` for false: `false`, `0`, `no` or `off`, in any case."""
    return text.lower() in _FALSE


def string(config: Mapping[str, object], key: str, *, default: str = "") -> str:
    """Return the value of `key`, or `default`, LXD's own, where the key is not set.

    Raises:
        CannotTell: the value is redacted in the evidence, or is no string.
    """
    value = config.get(key, default)
    if not isinstance(value, str):
        raise CannotTell(f"{key} is {value!r}, which is no string")
    if value == REDACTED:
        raise CannotTell(f"{key} is redacted in the evidence")
    return value


def boolean(config: Mapping[str, object], key: str, *, default: bool) -> bool:
    """Return whether `key` is on; `default` is LXD's own, for a key that is not set or empty.

    A key that is off by default is on only by a word that `is_true` knows: LXD stores
    `security.mac_filtering=enabled` and leaves the filter off. Of a key that is on by default,
    a word that is neither true nor false cannot be told: LXD 5.0.2 reads `security.devlxd` with
    IsFalse in lxd/devlxd.go and with IsTrue in driver_lxc.go, and the two disagree.

    Raises:
        CannotTell: as above, and as `string`.
    """
    value = string(config, key)
    if not value:
        return default
    if default and not is_true(value) and not is_false(value):
        raise CannotTell(f"{key} is {value!r}, which LXD takes for true here and for false there")
    return is_true(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """How long something is to last, in the calendar's own units."""

    seconds: int = 0
    days: int = 0
    months: int = 0
    years: int = 0
    is_never: bool = False

    def from_(self, moment: datetime.datetime) -> datetime.datetime | None:
        """Return when it ends if it begins at `moment` (in UTC), or None if it never does.

        As Go's Time.AddDate, a day that the month does not have runs into the next month: one
        month after 31 January is 3 March, or 2 March. What Python's calendar cannot hold ends
        with the year 9999.
        """
        if self.is_never:
            return None
        years, month = divmod(moment.month - 1 + self.months, 12)
        try:
            first = moment.replace(year=moment.year + self.years + years, month=month + 1, day=1)
            days = datetime.timedelta(days=moment.day - 1 + self.days, seconds=self.seconds)
            return first + days
        except (OverflowError, ValueError):
            return datetime.datetime.max.replace(tzinfo=moment.tzinfo)


def expiry(text: str) -> Expiry:
    """Read a length of time such as `15M` (15 minutes; `15m` are months) or `1d 3H`.

    The grammar is shared.GetExpiry's, shared/util.go, the same from 5.0.2 to 6.9: parts with one
    space between, each unit once (again, if it was 0 before); an empty text never expires.

    Raises:
        ValueError: LXD would refuse the text.
    """
    expression = text.strip()
    if not expression:
        return Expiry(is_never=True)
    amounts: dict[str, int] = {}
    for part in expression.split(" "):
        found = _EXPIRY_PART.fullmatch(part)
        if found is None or amounts.get(found[2]) or int(found[1]) > _HIGHEST_INT:
            raise ValueError(f"{text!r} is no length of time: {part!r}")
        amounts[found[2]] = int(found[1])
    return Expiry(
        seconds=sum(amounts.get(unit, 0) * seconds for unit, seconds in _SECONDS.items()),
        days=sum(amounts.get(unit, 0) * days for unit, days in _DAYS.items()),
        months=amounts.get("m", 0),
        years=amounts.get("y", 0),
    )
