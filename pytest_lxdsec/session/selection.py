"""Which controls and which objects the user wants: the options read, and refused where wrong."""

from __future__ import annotations

import datetime
import difflib
import enum
import fnmatch
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..control import Control, Level, Severity
from ..errors import UserError
from ..guide import sections

Choice = TypeVar("Choice", bound=enum.Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """Objects by glob; an empty tuple means all."""

    instances: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()

    def has_project(self, project: str) -> bool:
        """Return whether to look at this project's objects."""
        return _matches(project, self.projects)

    def has_instance(self, project: str, name: str) -> bool:
        """Return whether to look at this instance."""
        return self.has_project(project) and _matches(name, self.instances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Controls by id, section, severity and level; empty means all."""

    ids: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    min_severity: Severity = Severity.LOW
    levels: tuple[Level, ...] = ()

    def has(self, control: Control) -> bool:
        """Return whether to run this control."""
        return (
            _matches(control.id, self.ids)
            and (not self.sections or control.section in self.sections)
            and control.severity.rank <= self.min_severity.rank
            and (not self.levels or control.level in self.levels)
        )

    def check(self, controls: Iterable[Control]) -> None:
        """Refuse what matches none of these controls.

        Raises:
            UserError: a pattern of `--lxd-control` or a section is unknown.
        """
        known = tuple(controls)
        ids = sorted({control.id for control in known})
        for pattern in self.ids:
            if not fnmatch.filter(ids, pattern):
                raise _unknown("--lxd-control", "control", pattern, ids)
        anchors = {control.section for control in known} | set(sections.BY_ANCHOR)
        for anchor in self.sections:
            if anchor not in anchors:
                raise _unknown("--lxd-section", "section", anchor, sorted(anchors))


def controls(
    *, ids: tuple[str, ...], anchors: tuple[str, ...], severity: str, levels: tuple[str, ...]
) -> Controls:
    """Read the options that choose controls.

    Raises:
        UserError: a severity or a level is none.
    """
    worst = choice("--lxd-min-severity", severity, Severity) if severity else Severity.LOW
    return Controls(
        ids=ids,
        sections=anchors,
        min_severity=worst,
        levels=tuple(choice("--lxd-level", level, Level) for level in levels),
    )


def choice(option: str, text: str, kind: type[Choice]) -> Choice:
    """Return the member of an enumeration that an option names.

    Raises:
        UserError: it names none.
    """
    values = [member.value for member in kind]
    if text not in values:
        raise _unknown(option, kind.__name__.lower(), text, values)
    return kind(text)


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _unknown(option: str, noun: str, text: str, known: Collection[str]) -> UserError:
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
    return UserError(f"{option}: no {noun} {text!r}: {advice}")


def day(option: str, text: str) -> datetime.date | None:
    """Return the day that an option names; None for "".

    Raises:
        UserError: it names none.
    """
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option}: {text!r} is no day: write YYYY-MM-DD") from error
