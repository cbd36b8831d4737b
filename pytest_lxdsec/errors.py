"""What can go wrong outside of a verdict; imports nothing of ours.

Three audiences: the user's mistake is `UserError` (pytest's exit code 4, one line that says
what, the value and the fix); a host that cannot be reached or read is `Unreachable`; our own
bugs are not caught at all.
"""

from __future__ import annotations


class LxdsecError(Exception):
    """The root of this tree; its text is one line fit for a person."""


class UserError(LxdsecError):
    """An option, a policy, a waiver or an evidence file that the user must correct."""


class Unreachable(LxdsecError):
    """A target that could not be reached, did not trust us, or answered nonsense."""

    def __init__(self, target: str, cause: str) -> None:
        super().__init__(f"{target}: {cause}")
        self.target = target
        self.cause = cause
