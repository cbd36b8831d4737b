"""Observations to a verdict. Imports nothing of ours: every control and every report reads this.

A control looks, and then says one of four things: it returns `passed(...)` or `failed(...)`, or
it raises `NotApplicable` or `Manual`. Whatever it needs and does not find raises `CannotTell`.
There is no fifth way out: a control that returns anything else, or passes without naming what it
has seen, is an error.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field


class Outcome(enum.Enum):
    """The verdicts of the contract, as `lxd.verdict` spells them, best first."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NOT_APPLICABLE = "not-applicable"
    MANUAL = "manual"
    NOT_ASSESSED = "not-assessed"
    WAIVED = "waived"
    FAIL = "fail"
    ERROR = "error"


class CannotTell(Exception):
    """The evidence does not allow a verdict: no access, a missing fact, an unexpected shape."""


class NotAssessed(CannotTell):
    """As `CannotTell`, where the user chose a kind of target that lacks this access."""


class NotApplicable(Exception):
    """The control's question does not arise for this subject; the text says why."""


class Manual(Exception):
    """Only the site can decide; the text lists what was seen and how to declare it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What repairs a finding.

    Attributes:
        command: A shell command for the server's host that makes the finding go away.
        touches: How many objects the command changes (instances that use a profile, say).
        note: What else the operator should know before running it; "" for nothing.
    """

    command: str
    touches: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with one subject, from the control to every report.

    Attributes:
        observed: The wrong value, as a sentence: `security.privileged is true`.
        expected: The right value, as a noun phrase.
        origin: The source of the observed value: the instance, a profile, the server's
            configuration, the kernel, a file of the host.
        repair: The remedy's command.
        touches: The number of objects that the command changes.
        note: What else the operator should know before running it; "" for nothing.
        details: The observations one by one, if there is more than one sentence.
        lasting: What identifies the finding in another run, if `observed` contains volatile
            values; else ().
    """

    observed: str
    expected: str
    origin: str
    repair: str
    touches: int
    note: str
    details: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()

    @property
    def remedy(self) -> Remedy:
        """The remedy: command, number of objects and note."""
        return Remedy(command=self.repair, touches=self.touches, note=self.note)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Passed with what was seen, or failed with a finding."""

    observations: tuple[str, ...]
    finding: Finding | None = field(default=None)

    @property
    def outcome(self) -> Outcome:
        """PASS or FAIL; the other outcomes are raised, not returned."""
        return Outcome.PASS if self.finding is None else Outcome.FAIL


def passed(*observations: str) -> Verdict:
    """Pass, because of these observations.

    Raises:
        CannotTell: no observation is given, so nobody could say why it passed.
    """
    seen = tuple(text for text in observations if text.strip())
    if not seen:
        raise CannotTell("the control passed without naming what it has seen")
    return Verdict(seen)


def failed(  # noqa: PLR0913 - a finding's parts, all by name
    *,
    observed: str,
    expected: str,
    origin: str,
    remedy: Remedy | Callable[[], Remedy],
    details: tuple[str, ...] = (),
    lasting: tuple[str, ...] = (),
) -> Verdict:
    """Fail with one finding.

    Args:
        observed: See `Finding`, as for the others.
        expected: See `Finding`.
        origin: See `Finding`.
        remedy: The remedy, or a function that computes it. A remedy never decides a verdict: if
            the function raises `CannotTell`, the finding stands and gives the reason.
        details: See `Finding`.
        lasting: See `Finding`.
    """
    made = _computed(remedy)
    finding = Finding(
        observed=observed,
        expected=expected,
        origin=origin,
        repair=made.command,
        touches=made.touches,
        note=made.note,
        details=details,
        lasting=lasting,
    )
    return Verdict((observed,), finding)


def _computed(remedy: Remedy | Callable[[], Remedy]) -> Remedy:
    if not callable(remedy):
        return remedy
    try:
        return remedy()
    except CannotTell as reason:
        # A comment, so that a shell that is given it changes nothing.
        return Remedy(command=f"# cannot be computed: {' '.join(str(reason).split())}", touches=0)
