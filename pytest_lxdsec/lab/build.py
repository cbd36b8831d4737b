"""Builds a scenario on an empty LXD."""

from __future__ import annotations

import concurrent.futures
import pathlib
import time
import urllib.parse

from . import image, lab_errors, lxd_client, pid1, scenario

_CONCURRENCY = 4  # Three or four starts keep two cores busy; more only queue in LXD.
_PATIENCE = 30.0  # Seconds for the daemon's first answer, including the generation of its key.


def wait_until_ready(lxd: lxd_client.Client, root: str) -> None:
    """Return when LXD answers.

    Args:
        lxd: The client of the lab's LXD.
        root: The lab's root directory, which holds the daemon's process id and output.

    Raises:
        LabBroken: The daemon does not answer in time, or has ended; the text is the last line of
            its output.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and _is_running(root):
        try:
            lxd.get("/1.0")
        except lab_errors.LabBroken:  # The socket is missing, or the daemon does not listen yet.
            time.sleep(0.02)
        else:
            return
    lines = _read(root + pid1.OUTPUT).splitlines() or ["it printed nothing"]
    raise lab_errors.LabBroken(f"lab: LXD does not answer: {lines[-1]}")


def _is_running(root: str) -> bool:
    pid = _read(root + pid1.DAEMON_PID)
    return bool(pid) and pathlib.Path(f"{root}/proc/{pid}").exists()


def _read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(errors="replace").strip()
    except OSError:  # The lab is gone, and its files with it.
        return ""


def build(lxd: lxd_client.Client, plan: scenario.Scenario) -> None:
    """Create all objects of the scenario, and bring every instance into its state.

    Args:
        lxd: The client of an empty LXD.
        plan: The scenario.

    Raises:
        LabBroken: LXD refuses a request; the text names the request and LXD's reason.
    """
    for request in plan.requests:
        lxd.request(request.method, request.path, request.body)
    _import_image(lxd, plan.image_projects)
    _make_all(lxd, plan.instances)


def _import_image(lxd: lxd_client.Client, projects: tuple[str, ...]) -> None:
    architecture = lxd.get("/1.0")["environment"]["architectures"][0]
    content = image.build(architecture)
    for project in projects:
        operation = lxd.request("POST", f"/1.0/images?project={project}", content)
        target = operation["metadata"]["fingerprint"]
        alias = {"name": image.ALIAS, "target": target, "type": "container"}
        lxd.request("POST", f"/1.0/images/aliases?project={project}", alias)


def _make_all(lxd: lxd_client.Client, instances: tuple[scenario.Instance, ...]) -> None:
    pool = concurrent.futures.ThreadPoolExecutor(_CONCURRENCY)
    try:
        begun = [pool.submit(_make, lxd, instance) for instance in instances]
        for future in concurrent.futures.as_completed(begun):
            future.result()
    finally:  # After a failure or Ctrl-C the other instances are not needed any more.
        pool.shutdown(wait=False, cancel_futures=True)


def _make(lxd: lxd_client.Client, instance: scenario.Instance) -> None:
    query = urllib.parse.urlencode({"project": instance.project})
    document = {
        "name": instance.name,
        "type": "container",
        "profiles": instance.profiles,
        "config": instance.config,
        "devices": instance.devices,
        "source": {"type": "image", "alias": image.ALIAS},
    }
    lxd.request("POST", f"/1.0/instances?{query}", document)
    for action in _ACTIONS[instance.state]:
        path = f"/1.0/instances/{instance.name}/state?{query}"
        lxd.request("PUT", path, {"action": action, "timeout": 30})


_ACTIONS = {
    scenario.State.RUNNING: ("start",),
    scenario.State.STOPPED: (),
    scenario.State.FROZEN: ("start", "freeze"),
}
