"""Why there is no host; imports nothing of ours."""

from __future__ import annotations


class HostUnavailable(Exception):
    """This machine cannot build or run one; the text is one line that says what it lacks."""


class HostBroken(Exception):
    """One was begun and did not come to what it should; the text is what it said last."""
