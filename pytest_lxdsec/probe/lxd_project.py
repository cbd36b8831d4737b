"""The probe's throw-away project and instances, made and removed over LXD's API.

No other object is ever changed: every path names the probe's project, and a project without the
probe's marker is left alone.
"""

from __future__ import annotations

import http
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..errors import LxdsecError
from ..evidence import probe_project
from ..transport import Api, Request, lxd_response

WAIT_SECONDS = 30
START_SECONDS = 60.0
SUCCESS, FAILURE = 200, 400  # LXD's own status codes of operations
QUERY = f"project={probe_project.PROJECT}"
PROJECT_PATH = f"/1.0/projects/{probe_project.PROJECT}"
# The project uses the default project's networks and images; all else is its own.
FEATURES = {
    "features.images": "false",
    "features.networks": "false",
    "features.profiles": "true",
    "features.storage.volumes": "true",
}
# The instances do not start with the host, and processes inside learn nothing from LXD.
INSTANCE = {"boot.autostart": "false", "security.devlxd": "false"}


class ProbeFailed(LxdsecError):
    """A trial could not be run; the text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeImage:
    """The image of the probe's instances, and where to place them.

    Attributes:
        fingerprint: The fingerprint of a container image of the default project.
        pool: The storage pool for the root disks.
        member: The cluster member to run on; "" without a cluster.
    """

    fingerprint: str
    pool: str
    member: str = ""


class ProbeProject:
    """The probe's project: a context manager that makes it and always removes it."""

    def __init__(self, api: Api, image: ProbeImage, interrupted: threading.Event) -> None:
        self._api = api
        self._image = image
        self._interrupted = interrupted
        self._marker = probe_project.made_now()

    def __enter__(self) -> Self:
        """Remove the leftovers of a killed run, and make the project.

        Raises:
            ProbeFailed: Another run is under way, the project is not a probe's, or LXD refuses.
        """
        remove_leftovers(self._api)
        config = {**FEATURES, probe_project.KEY: self._marker}
        body = {"name": probe_project.PROJECT, "description": "of pytest-lxdsec", "config": config}
        self._change("POST", "/1.0/projects", body)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the project and its instances."""
        remove(self._api)

    def launch(self, name: str, nic: Mapping[str, str]) -> int:
        """Make and start an instance with one NIC; return the process id of its init.

        Args:
            name: The instance's name, one of `probe_project.INSTANCES`.
            nic: The device configuration of the NIC.

        Raises:
            ProbeFailed: LXD refuses, or the run was interrupted.
        """
        self._go_on()
        root = {"type": "disk", "path": "/", "pool": self._image.pool}
        member = f"&target={self._image.member}" if self._image.member else ""
        body = {
            "name": name,
            "type": "container",
            "source": {"type": "image", "fingerprint": self._image.fingerprint},
            "profiles": [],
            "config": {**INSTANCE, probe_project.KEY: self._marker},
            "devices": {"root": root, "eth0": dict(nic)},
        }
        self._change("POST", f"/1.0/instances?{QUERY}{member}", body)
        self._go_on()
        start = {"action": "start", "timeout": WAIT_SECONDS}
        self._change("PUT", _instance(name, "/state"), start)
        answer = self._api.get_many([_instance(name, "/state")])[0]
        pid = answer.metadata.get("pid") if isinstance(answer.metadata, dict) else None
        if not isinstance(pid, int) or pid <= 1:
            raise ProbeFailed(f"{name} was started but does not run: {answer.error or pid}")
        return pid

    def discard(self, name: str) -> None:
        """Stop and remove an instance.

        Raises:
            ProbeFailed: The instance could not be removed.
        """
        discard(self._api, name)

    def _go_on(self) -> None:
        if self._interrupted.is_set():
            raise ProbeFailed("the run was interrupted")

    def _change(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        change(self._api, Request(method=method, path=path, body=body))


def remove_leftovers(api: Api) -> None:
    """Remove the project and instances of a killed run.

    Raises:
        ProbeFailed: The run may still be under way, or the project is not a probe's.
    """
    answer = api.get_many(["/1.0/projects?recursion=1"])[0]
    found = answer.metadata if isinstance(answer.metadata, list) else []
    if answer.error:
        raise ProbeFailed(f"the projects cannot be listed: {answer.error}")
    named = [p for p in found if isinstance(p, dict) and p.get("name") == probe_project.PROJECT]
    for project in named:
        marker = probe_project.of(project)
        if not marker:
            raise ProbeFailed(
                f"the project {probe_project.PROJECT} was not made by a probe: rename it"
            )
        if probe_project.is_in_use(marker):
            raise ProbeFailed("another run is probing this server: wait for its end")
        remove(api)


def remove(api: Api) -> None:
    """Remove the probe's project and its instances.

    Raises:
        ProbeFailed: The project or an instance could not be removed.
    """
    answer = api.get_many([f"/1.0/instances?recursion=1&{QUERY}"])[0]
    found = answer.metadata if isinstance(answer.metadata, list) else []
    for instance in found:
        if isinstance(instance, dict) and instance.get("name") in probe_project.INSTANCES:
            discard(api, str(instance["name"]))
    change(api, Request(method="DELETE", path=PROJECT_PATH), may_be_gone=True)


def discard(api: Api, name: str) -> None:
    """Stop and remove one of the probe's instances.

    Raises:
        ProbeFailed: The instance could not be removed.
    """
    stop = {"action": "stop", "force": True, "timeout": WAIT_SECONDS}
    path = _instance(name, "/state")
    reply = api.send_many([Request(method="PUT", path=path, body=stop)])[0]
    if identity := lxd_response.operation(reply):
        _wait(api, identity)  # an instance that does not run is not an error here
    change(api, Request(method="DELETE", path=_instance(name)), may_be_gone=True)


def change(api: Api, request: Request, *, may_be_gone: bool = False) -> None:
    """Send one request, and wait for the operation that it starts.

    Args:
        api: The server.
        request: The request to send.
        may_be_gone: Accept "not found" as success.

    Raises:
        ProbeFailed: LXD refused the request, or the operation failed.
    """
    reply = api.send_many([request])[0]
    if may_be_gone and reply.status == http.HTTPStatus.NOT_FOUND:
        return
    what = f"{request.method} {request.path.partition('?')[0]}"
    if refused := lxd_response.refusal(reply):
        raise ProbeFailed(f"{what}: {refused}")
    if identity := lxd_response.operation(reply):
        error = _wait(api, identity)
        if error:
            raise ProbeFailed(f"{what}: {error}")


def _wait(api: Api, identity: str) -> str:
    """Wait for an operation; return the reason of its failure, or ""."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        answer = api.get_many([f"/1.0/operations/{identity}/wait?timeout={WAIT_SECONDS}"])[0]
        if answer.error or not isinstance(answer.metadata, dict):
            return answer.error or "its operation was lost"
        status = answer.metadata.get("status_code")
        if status == SUCCESS:
            return ""
        if not isinstance(status, int) or status >= FAILURE:
            return str(answer.metadata.get("err") or "it failed without a reason")
    return f"it had not ended after {START_SECONDS:g} s"


def _instance(name: str, rest: str = "") -> str:
    return f"/1.0/instances/{name}{rest}?{QUERY}"


def choose_image(api: Api, pools: Sequence[str], member: str) -> ProbeImage:
    """Choose the smallest container image for the server's architecture, and a storage pool.

    Args:
        api: The server.
        pools: The pools that its instances use, the preferred one first.
        member: The cluster member to run on; "" without a cluster.

    Raises:
        ProbeFailed: There is no such image, or no pool.
    """
    listed, server = api.get_many(["/1.0/images?recursion=1&project=default", "/1.0"])
    images = listed.metadata if isinstance(listed.metadata, list) else []
    environment = (server.metadata or {}).get("environment") or {}
    own = environment.get("architectures") or []
    fit = [
        image
        for image in images
        if isinstance(image, dict)
        and image.get("type") == "container"
        and image.get("architecture") in own[:1]
    ]
    if not fit:
        raise ProbeFailed(
            "the default project has no container image for this machine: "
            "copy one there with lxc image copy"
        )
    if not pools:
        raise ProbeFailed("no instance and no profile names a storage pool")
    smallest = min(fit, key=lambda i: (int(i.get("size") or 0), str(i.get("fingerprint"))))
    return ProbeImage(fingerprint=str(smallest["fingerprint"]), pool=pools[0], member=member)
