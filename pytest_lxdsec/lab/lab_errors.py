"""The errors of labs."""

from __future__ import annotations

from .. import errors


class LabUnavailable(errors.LxdsecError):
    """This machine cannot run a lab; the text names the missing requirement and its remedy."""


class LabBroken(errors.LxdsecError):
    """A lab failed on a machine that can run labs, or the requested lab does not exist."""
