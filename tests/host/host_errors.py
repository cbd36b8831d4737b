"""The errors of hosts for tests."""

from __future__ import annotations


class HostUnavailable(Exception):
    """This machine cannot build or run a host; the text names the missing requirement."""


class HostBroken(Exception):
    """The build or the boot of a host failed; the text is the end of its output."""
