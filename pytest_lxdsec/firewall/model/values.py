"""What the values of a rule may be: numbers, names, rows of both; imports nothing of ours."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, init=False)
class Intervals:
    """Numbers, as intervals that include both ends, sorted and apart."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        merged: list[tuple[int, int]] = []
        for low, high in sorted(pairs):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        object.__setattr__(self, "lows", tuple(low for low, _ in merged))
        object.__setattr__(self, "highs", tuple(high for _, high in merged))

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        at = bisect.bisect_right(self.lows, number) - 1
        return at >= 0 and number <= self.highs[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.lows, self.highs, strict=True)


@dataclass(frozen=True, slots=True)
class Names:
    """Interface names; one that ends in `*` stands for all that begin so."""

    patterns: tuple[str, ...]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(_fits(name, pattern) for pattern in self.patterns)


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


@dataclass(frozen=True, slots=True)
class Rows:
    """Values of a concatenation: in each row one thing per field."""

    rows: tuple[tuple[Intervals | Names, ...], ...]

    def __contains__(self, values: object) -> bool:
        return isinstance(values, tuple) and any(
            all(value in cell for value, cell in zip(values, row, strict=True))
            for row in self.rows
        )


Among = Intervals | Names | Rows


def number(value: int) -> Intervals:
    """Return one number."""
    return Intervals([(value, value)])
