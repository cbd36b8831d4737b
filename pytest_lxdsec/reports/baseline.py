"""The report of an earlier run, to tell what is new from what is known; imports `reports`' data.

Known is what failed then and fails now with nothing more to be seen, by
`reports.finding_identity`, of a control that still asks the same. What was waived then and is no
longer, and what could not be told then, is new.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from ..control import Control as Asked
from ..errors import UserError
from ..guide import sections
from ..verdict import Outcome
from . import finding_identity, report_files
from .document import Control, Document

OPTION = "--lxd-baseline"
TEXT = "in the baseline"


class Baseline:
    """What is known."""

    def __init__(self, document: Document) -> None:
        """Take a report for what is known."""
        self._controls: Mapping[str, Control] = {one.id: one for one in document.controls}
        # By place; a site may run a control several times on one object.
        self._known: dict[tuple[str, str, str], list[finding_identity.Identity]] = {}
        for one in document.results:
            if one.verdict is Outcome.FAIL:
                place = (one.control, one.host, one.subject)
                self._known.setdefault(place, []).append(finding_identity.of_result(one))

    def knows(self, control: Control | Asked, mark: finding_identity.Identity) -> bool:
        """Return whether a control's finding, in the words that reports have for it, is known."""
        before = self._controls.get(control.id)
        if before is None or not asks_the_same(before, control):
            return False
        return any(mark.is_in(one) for one in self._known.get(mark[:3], ()))


def asks_the_same(before: Control, now: Control | Asked) -> bool:
    """Return whether two editions of a control can be compared; another wording is none."""
    return (before.severity, before.level, before.kind, before.section) == (
        now.severity,
        now.level,
        now.kind,
        now.section,
    )


def load(path: str) -> Baseline:
    """Read what `--lxd-baseline` names.

    Raises:
        UserError: it is no report, or one by another edition of the guide, whose findings are not
            known to be about the same.
    """
    document = report_files.read(OPTION, pathlib.Path(path))
    if document.guide.edition != sections.EDITION:
        raise UserError(
            f"{OPTION}: {path!r} is by the guide's edition {document.guide.edition}, this program "
            f"has {sections.EDITION}: make it again with {report_files.OPTION}"
        )
    return Baseline(document)
