"""A throw-away real LXD on this machine.

    with lab.throw_away() as here:
        here.shell("lxc list")

A lab is a tree of processes in namespaces of their own (PID, mount, network, control groups, IPC,
host name) whose root is an overlay of this machine: real packages, real accounts, a real LXD at
its real paths. All changes in a lab are lost with it. A lab ends with the run that made it,
however that run ends; `start` makes a lasting one.
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
    """Run a lab for the length of a `with` block.

    Args:
        scenario: The projects, networks, profiles and instances to create.

    Raises:
        LabUnavailable: This machine cannot run a lab; the text names the missing requirement.
        LabBroken: The lab did not come up, or LXD refused the scenario.
    """
    from . import launch  # noqa: PLC0415  # 30 ms; only when a lab is wanted

    return launch.throw_away(scenario)


def start(*, scenario: scenarios.Scenario = scenarios.DEFAULT) -> Lab:
    """Start a lab that outlives this run.

    Args:
        scenario: The projects, networks, profiles and instances to create.

    Raises:
        LabUnavailable: This machine cannot run a lab; the text names the missing requirement.
        LabBroken: The lab did not come up, or LXD refused the scenario.
    """
    from . import launch  # noqa: PLC0415  # likewise

    return launch.start(scenario)


def stop(lab: Lab) -> None:
    """End a lab, of this run or another; return when all of it is removed.

    Raises:
        LabBroken: A process or control group of the lab cannot be removed.
    """
    from . import launch  # noqa: PLC0415  # likewise

    launch.stop(lab)


def find(name: str) -> Lab:
    """Return the running lab with this id.

    Raises:
        UserError: No running lab has this id; the text names the nearest id.
    """
    from . import launch  # noqa: PLC0415  # likewise

    return launch.find(name)


def running() -> tuple[Lab, ...]:
    """Return all labs that run on this machine, oldest first."""
    from . import launch  # noqa: PLC0415  # likewise

    return launch.running()
