"""How a lab can fail to be; imports the error tree and nothing else."""

from __future__ import annotations

from .. import errors


class LabUnavailable(errors.LxdsecError):
    """This machine cannot carry a lab; the text names what is missing and what brings it."""


class LabBroken(errors.LxdsecError):
    """A lab that could be had here did not come up, or one that was asked for is not there."""
