"""What an audit no longer looks at, of that which an earlier one had an answer for. Pure.

That nothing new was found says little where nothing was looked at. An object may be gone for good
reasons; a host, a control or the end of a run that is missing is a loss.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..verdict import Outcome
from . import wording
from .document import Document, Result

ANSWERS = (Outcome.PASS, Outcome.FAIL, Outcome.WAIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Something that had an answer, and has no result now; a loss unless its object is gone."""

    text: str
    is_loss: bool


def lost(old: Document, new: Document) -> Iterator[str]:
    """Yield why one of the audits is not whole, and which hosts are missing in the new one."""
    for name, whole in (("old", old), ("new", new)):
        if not whole.complete:
            yield f"the {name} audit {wording.MISSING}"
    now = {host.name: host for host in new.hosts}
    for before in old.hosts:
        if before.error:
            continue
        if before.name not in now:
            yield f"not audited now: {before.name}"
        elif error := now[before.name].error:
            yield f"not reached: {error}"
    known = {host.name for host in old.hosts}
    yield from (f"not reached: {h.error}" for h in new.hosts if h.error and h.name not in known)


def unseen(old: Document, new: Document) -> Iterator[Unseen]:
    """Yield what is missing on the hosts that were reached now: controls, then objects."""
    reached = {host.name for host in new.hosts if not host.error}
    answered = [one for one in old.results if one.host in reached and one.verdict in ANSWERS]
    run = {(one.control, one.host) for one in new.results}
    yield from _controls([one for one in answered if (one.control, one.host) not in run])
    seen = {(one.control, one.host, one.subject) for one in new.results}
    yield from _objects(
        [
            one
            for one in answered
            if one.verdict is Outcome.PASS
            and (one.control, one.host) in run
            and (one.control, one.host, one.subject) not in seen
        ]
    )


def _controls(gone: list[Result]) -> Iterator[Unseen]:
    counted = collections.Counter((one.control, one.host) for one in gone)
    for (control, host), number in counted.items():
        had = f"{wording.count(number, 'object')} had an answer before"
        yield Unseen(text=f"{control} {host}: not run now; {had}", is_loss=True)


def _objects(gone: list[Result]) -> Iterator[Unseen]:
    counted: Mapping[tuple[str, str], int]
    counted = collections.Counter((one.host, one.subject) for one in gone)
    for (host, subject), number in counted.items():
        had = f"{wording.count(number, 'control')} passed on it before"
        yield Unseen(text=f"{host} {subject}: gone, or not looked at; {had}", is_loss=False)
