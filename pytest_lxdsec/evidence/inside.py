"""The probe, run inside every running container by LXD's own exec.

It is the one part with a command for each instance: what happens inside is seen from nowhere else.

LXD's exec applies what confines the container, which entering its namespaces would not. One
container that does not answer is that container's error. Imports `transport` and the evidence's
own types.
"""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterable, Mapping
from typing import Any

from .. import attempts
from ..errors import LxdsecError
from ..transport import Api

# LXD's recorded exec is right at any number side by side; more than this gain nothing.
MOST_AT_ONCE = 8
GUEST_SECONDS = 20.0
ALL_SECONDS = 300.0
LONGEST_OUTPUT = 64 * 1024


def ask(api: Api, instances: Iterable[Any], server_name: str) -> list[Mapping[str, Any]]:
    """Run the script in each running container of this server; one entry each, by name."""
    deadline = time.monotonic() + ALL_SECONDS
    wanted = [one for one in instances if _may_run(one, server_name)]
    with concurrent.futures.ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return list(pool.map(lambda one: _entry(api, one, deadline), wanted))


def _may_run(instance: object, server_name: str) -> bool:
    """Nothing runs in one that is frozen, and a virtual machine has a kernel of its own."""
    return (
        isinstance(instance, dict)
        and instance.get("type") == "container"
        and instance.get("status") == "Running"
        and instance.get("location") in ("", "none", server_name)
    )


def _entry(api: Api, instance: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
    name, project = str(instance.get("name")), str(instance.get("project"))
    output, error = "", ""
    if time.monotonic() > deadline:
        error = f"its turn did not come within {ALL_SECONDS:g} s"
    else:
        try:
            output = _run(api, project, name)
        except LxdsecError as failed:
            error = str(failed)
    return {"project": project, "name": name, "output": output, "error": error}


def _run(api: Api, project: str, name: str) -> str:
    from ..transport import guest  # noqa: PLC0415 - testinfra; where nothing runs it is not needed

    host = guest.connect(api, project=project, name=name, seconds=GUEST_SECONDS)
    output: bytes = host.run(attempts.SCRIPT).stdout_bytes
    if len(output) > LONGEST_OUTPUT:
        raise guest.GuestUnavailable(f"instance {name}", "the probe's output is too long")
    return output.decode("utf-8", "backslashreplace")
