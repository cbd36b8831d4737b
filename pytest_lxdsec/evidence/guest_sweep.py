"""The probe, run inside every running container by LXD's own exec.

It is the one part with a command for each instance: what happens inside is seen from nowhere else.

LXD's exec applies what confines the container, which entering its namespaces would not. One
container that does not answer is that container's error. Imports `transport` and the evidence's
own types.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import LxdsecError
from ..transport import Api, exec_batch
from ..transport.exec_request import ExecRequest
from . import guest_script

# Side by side, in three exchanges with LXD; more than this gain nothing.
MOST_AT_ONCE = 16
SECONDS_AT_ONCE = 60.0
ALL_SECONDS = 300.0
LONGEST_OUTPUT = 64 * 1024


def ask(api: Api, instances: Iterable[Any], server_name: str) -> list[Mapping[str, Any]]:
    """Run the script in each running container of this server; one entry each, by name."""
    deadline = time.monotonic() + ALL_SECONDS
    wanted = [
        ExecRequest(
            project=str(one.get("project")), name=str(one.get("name")), line=guest_script.SCRIPT
        )
        for one in instances
        if _may_run(one, server_name)
    ]
    for first in range(0, len(wanted), MOST_AT_ONCE):
        _run(api, wanted[first : first + MOST_AT_ONCE], deadline)
    return [_entry(errand) for errand in wanted]


def _may_run(instance: object, server_name: str) -> bool:
    """Return nothing runs in one that is frozen, and a virtual machine has a kernel of its own."""
    return (
        isinstance(instance, dict)
        and instance.get("type") == "container"
        and instance.get("status") == "Running"
        and instance.get("location") in ("", "none", server_name)
    )


def _run(api: Api, some: Sequence[ExecRequest], deadline: float) -> None:
    if time.monotonic() > deadline:
        for errand in some:
            errand.fail(f"its turn did not come within {ALL_SECONDS:g} s")
        return
    try:
        exec_batch.run(api, some, seconds=SECONDS_AT_ONCE)
    except LxdsecError as failed:
        for errand in some:
            errand.fail(str(failed))


def _entry(errand: ExecRequest) -> Mapping[str, Any]:
    if errand.error is None and len(errand.stdout) > LONGEST_OUTPUT:
        errand.fail("the probe's output is too long")
    return {
        "project": errand.project,
        "name": errand.name,
        "output": "" if errand.error else errand.stdout.decode("utf-8", "backslashreplace"),
        "error": str(errand.error or ""),
    }
