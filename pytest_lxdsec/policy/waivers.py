"""Accepted risks: which finding is waived, by whom, why and until when.

A waiver ends: without a last day it would outlive the people who remember its reason. No clock
is read here, the day to judge for is a parameter.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from .. import toml_reader

KEYS = ("control", "subject", "host", "reason", "owner", "expires", "max_subjects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One `[[waiver]]` of a policy file.

    Attributes:
        control: The control's id.
        subject: A glob of subject ids, such as `instance/default/web*`.
        host: A glob of target names; `*` where the file names none.
        reason: Why the risk is taken.
        owner: Who answers for it.
        expires: The last day on which it holds.
        max_subjects: How many subjects it may match before it says less than it does.
        source: Where it stands: `policy.toml:12`.
    """

    control: str
    subject: str
    host: str = "*"
    reason: str
    owner: str
    expires: datetime.date
    max_subjects: int | None = None
    source: str

    def is_live(self, on: datetime.date) -> bool:
        """Return whether it holds on that day."""
        return on <= self.expires

    def covers(self, *, control: str, subject: str, host: str) -> bool:
        """Return whether it speaks of this control, subject and host, on whatever day."""
        return (
            self.control == control
            and fnmatch.fnmatchcase(subject, self.subject)
            and fnmatch.fnmatchcase(host, self.host)
        )

    def text(self) -> str:
        """Return what reports say: `waived until 2027-01-01 (owner): reason`."""
        return f"waived until {self.expires} ({self.owner}): {self.reason}"


def match(
    waivers: Iterable[Waiver], *, control: str, subject: str, host: str, on: datetime.date
) -> Waiver | None:
    """Return the first waiver in the file's order that covers this and is live on that day."""
    for waiver in waivers:
        if waiver.is_live(on) and waiver.covers(control=control, subject=subject, host=host):
            return waiver
    return None


def expired(waivers: Iterable[Waiver], on: datetime.date) -> tuple[Waiver, ...]:
    """Return those that no longer hold on that day, in the file's order."""
    return tuple(waiver for waiver in waivers if not waiver.is_live(on))


def read(policy: toml_reader.Table) -> tuple[Waiver, ...]:
    """Read the `[[waiver]]` entries of a policy; control ids are not looked up here.

    Raises:
        UserError: an entry lacks a key, has one too many, or one of a wrong type.
    """
    return tuple(_waiver(table) for table in policy.tables("waiver"))


def _waiver(table: toml_reader.Table) -> Waiver:
    table.allow(*KEYS)
    return Waiver(
        control=table.text("control"),
        subject=table.text("subject"),
        host=table.text("host") if "host" in table.values else "*",
        reason=table.text("reason"),
        owner=table.text("owner"),
        expires=table.date("expires"),
        max_subjects=table.number("max_subjects"),
        source=table.document.place(table.path),
    )
