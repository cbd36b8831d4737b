"""Waivers judged like controls: what is accepted must still be there, and no more than was said.

Pure: it is told the day, what each waiver covers and what came of it.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..verdict import Outcome
from .waivers import Waiver

SOON = datetime.timedelta(days=30)


class WaiverState(enum.Enum):
    """What is to be said of a waiver, worst first."""

    EXPIRED = "expired"
    MATCHES_NOTHING = "matches nothing"
    TOO_WIDE = "too wide"
    NOT_NEEDED = "not needed"
    EXPIRING = "expiring"
    NO_HOST = "matches no host"
    NOT_JUDGED = "not judged"
    IN_USE = "in use"

    @property
    def is_wrong(self) -> bool:
        """True if somebody must change the policy."""
        return self in _WRONG

    @property
    def is_open(self) -> bool:
        """True if this run cannot say what is to be done."""
        return self in (WaiverState.NO_HOST, WaiverState.NOT_JUDGED)

    @property
    def is_told(self) -> bool:
        """True if somebody should read of it who reads only what is to be done."""
        return self.is_wrong or self in (WaiverState.EXPIRING, WaiverState.NO_HOST)


_WRONG = (
    WaiverState.EXPIRED,
    WaiverState.MATCHES_NOTHING,
    WaiverState.TOO_WIDE,
    WaiverState.NOT_NEEDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What a waiver speaks of in this run.

    Attributes:
        objects: How many objects of the audited hosts its globs match.
        results: What came of its control on those that were looked at.
        unknown: Why objects may have been overlooked; "" where none can have been.
        has_host: Whether its host glob matches one that was named. Another run may audit what it
            means, since a site has one policy for all: so that is told, and is not wrong.
    """

    objects: int
    results: Sequence[Outcome]
    unknown: str = ""
    has_host: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One waiver after the audit.

    Attributes:
        text: What is the case and what to do, as a clause.
    """

    waiver: Waiver
    state: WaiverState
    text: str
    objects: int


def audit(
    waivers: Iterable[Waiver], *, on: datetime.date, covered: Callable[[Waiver], Covered]
) -> tuple[Judged, ...]:
    """Judge every waiver for that day, in the file's order."""
    return tuple(_judged(waiver, on, covered(waiver)) for waiver in waivers)


def _judged(waiver: Waiver, on: datetime.date, covered: Covered) -> Judged:
    state, text = _state(waiver, on, covered)
    if not state.is_wrong and waiver.expires - on <= SOON:
        left = (waiver.expires - on).days
        days = "today" if not left else f"in {left} day{'s' if left > 1 else ''}"
        text = f"expires {days}, on {waiver.expires}: {waiver.owner} must decide anew; {text}"
        state = WaiverState.EXPIRING
    return Judged(waiver=waiver, state=state, text=text, objects=covered.objects)


def _state(waiver: Waiver, on: datetime.date, covered: Covered) -> tuple[WaiverState, str]:
    if not waiver.is_live(on):
        return (
            WaiverState.EXPIRED,
            f"expired on {waiver.expires}: repair, or {waiver.owner} renews it",
        )
    if not covered.objects:
        return _without_objects(covered)
    most = waiver.max_subjects
    if most is not None and covered.objects > most:
        said = f"covers {_objects(covered)} and says at most {most}"
        return WaiverState.TOO_WIDE, f"{said}: narrow its subject, or raise max_subjects"
    return _by_results(covered)


def _without_objects(covered: Covered) -> tuple[WaiverState, str]:
    if covered.unknown:
        return (
            WaiverState.NOT_JUDGED if covered.has_host else WaiverState.NO_HOST
        ), covered.unknown
    return (
        WaiverState.MATCHES_NOTHING,
        "matches no object of any audited host: correct or remove it",
    )


def _by_results(covered: Covered) -> tuple[WaiverState, str]:
    found = covered.results
    if accepted := sum(one in (Outcome.WAIVED, Outcome.FAIL) for one in found):
        return WaiverState.IN_USE, f"accepts {accepted} of the {_objects(covered)} that it covers"
    if len(found) < covered.objects or covered.unknown:
        why = covered.unknown or "not all objects that it covers were looked at"
        return WaiverState.NOT_JUDGED, why
    if Outcome.ERROR in found or Outcome.NOT_ASSESSED in found:
        return WaiverState.NOT_JUDGED, "the verdict on an object that it covers cannot be told"
    if Outcome.PASS in found:
        said = f"its control passes on all {_objects(covered)} that it covers and applies to"
        return WaiverState.NOT_NEEDED, f"{said}: remove it"
    return (
        WaiverState.NOT_JUDGED,
        f"its control has no answer for the {_objects(covered)} it covers",
    )


def _objects(covered: Covered) -> str:
    return "1 object" if covered.objects == 1 else f"{covered.objects} objects"
