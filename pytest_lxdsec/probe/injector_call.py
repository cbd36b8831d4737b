"""Runs the injector on the host and returns its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..evidence import host_sweep
from ..transport import Shell
from .lxd_project import ProbeFailed

INJECTOR = "pytest_lxdsec.injector"
SECONDS = 90  # after this time the injector ends itself


def do(shell: Shell, kind: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Run one trial of the injector on the host and return its answer.

    Args:
        shell: A shell on the host.
        kind: The kind of the trial: `bridged`, `names` or `routed`.
        order: The arguments of the injector's module of that name.

    Raises:
        ProbeFailed: The trial could not be run.
        Unreachable: The host does not answer.
    """
    command = host_sweep.wrap(INJECTOR, {"kind": kind, "seconds": SECONDS, **order})
    if len(command) > host_sweep.LONGEST_COMMAND:
        raise ProbeFailed(f"{len(command)} bytes are too long for one command")
    try:
        document = host_sweep.document(shell.run(command))
    except host_sweep.SweepError as error:
        raise ProbeFailed(str(error).replace("the sweep", "the injector")) from error
    if "error" in document:
        raise ProbeFailed(str(document["error"]))
    value: Mapping[str, Any] = document["value"]
    return value
