"""One order to the injector on the host, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..evidence import host_sweep
from ..transport import Shell
from .stage import ProbeFailed

INJECTOR = "pytest_lxdsec.injector"
SECONDS = 90  # it ends itself then, whatever hangs


def do(shell: Shell, kind: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have an order done.

    Args:
        shell: The host.
        kind: `bridged`, `names` or `routed`.
        order: What the injector's module of that name asks for.

    Raises:
        ProbeFailed: it could not be done.
        Unreachable: the host does not answer.
    """
    command = host_sweep.carry(INJECTOR, {"kind": kind, "seconds": SECONDS, **order})
    if len(command) > host_sweep.LONGEST_COMMAND:
        raise ProbeFailed(f"{len(command)} bytes are more than one command carries")
    try:
        told = host_sweep.document(shell.run(command))
    except host_sweep.SweepError as error:
        raise ProbeFailed(str(error).replace("the sweep", "the injector")) from error
    if "error" in told:
        raise ProbeFailed(str(told["error"]))
    found: Mapping[str, Any] = told["value"]
    return found
