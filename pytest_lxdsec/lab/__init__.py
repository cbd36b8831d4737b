"""A throw-away real LXD on this machine.

    with lab.throw_away() as here:
        here.shell("lxc list")

A lab is a tree of processes in namespaces of their own (PID, mount, network, control groups, IPC,
host name) whose root is an overlay of this machine: real packages, real accounts, a real LXD with
its real paths, and whatever is changed in it is gone with it. It ends with the run that made it,
however that run ends; `start` makes a lasting one. Imports the error tree and its own package.
"""

from __future__ import annotations

import contextlib

from . import scenario as scenarios
from .handle import Lab
from .lab_errors import LabBroken, LabUnavailable

__all__ = [
    "Lab",
    "LabBroken",
    "LabUnavailable",
    "find",
    "running",
    "scenarios",
    "start",
    "stop",
    "throw_away",
]


def throw_away(
    *, scenario: scenarios.Scenario = scenarios.DEFAULT
) -> contextlib.AbstractContextManager[Lab]:
    """Have a lab for the length of a `with` block.

    Raises:
        LabUnavailable: this machine cannot carry one; the text says what it needs.
        LabBroken: it did not come up, or LXD refused the scenario.
    """
    from . import launch  # noqa: PLC0415  # 30 ms; only when a lab is wanted

    return launch.throw_away(scenario)


def start(*, scenario: scenarios.Scenario = scenarios.DEFAULT) -> Lab:
    """Start a lab that outlives this run; raises as `throw_away`."""
    from . import launch  # noqa: PLC0415  # as above

    return launch.start(scenario)


def stop(lab: Lab) -> None:
    """End a lab, whoever started it; return when nothing of it is left.

    Raises:
        LabBroken: something of it cannot be ended.
    """
    from . import launch  # noqa: PLC0415  # as above

    launch.stop(lab)


def find(name: str) -> Lab:
    """Return the running lab with this id.

    Raises:
        UserError: there is none; the text names the nearest.
    """
    from . import launch  # noqa: PLC0415  # as above

    return launch.find(name)


def running() -> tuple[Lab, ...]:
    """Return all labs that run on this machine, oldest first."""
    from . import launch  # noqa: PLC0415  # as above

    return launch.running()
