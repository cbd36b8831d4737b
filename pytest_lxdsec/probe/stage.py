"""Our throw-away project and instances, made and removed over LXD's API.

Nothing that is not ours is ever changed: every path names our project, and a project without our
mark is left alone.
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
# Networks and images are those of the default project; all else is the project's own.
FEATURES = {
    "features.images": "false",
    "features.networks": "false",
    "features.profiles": "true",
    "features.storage.volumes": "true",
}
# Nothing starts with the host, and nobody inside is told anything.
INSTANCE = {"boot.autostart": "false", "security.devlxd": "false"}


class ProbeFailed(LxdsecError):
    """Something could not be tried; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What instances are made of.

    Attributes:
        image: A container image of the default project, by fingerprint.
        pool: A storage pool.
        member: The cluster member to be on; "" where there is no cluster.
    """

    image: str
    pool: str
    member: str = ""


class Stage:
    """Our project, while it is there; a context manager that removes it, whatever happens."""

    def __init__(self, api: Api, materials: Materials, interrupted: threading.Event) -> None:
        self._api = api
        self._materials = materials
        self._interrupted = interrupted
        self._mark = probe_project.made_now()

    def __enter__(self) -> Self:
        """Remove what a killed run left, and make the project.

        Raises:
            ProbeFailed: another run is under way, or the project is somebody else's.
        """
        remove_leftovers(self._api)
        config = {**FEATURES, probe_project.KEY: self._mark}
        body = {"name": probe_project.PROJECT, "description": "of pytest-lxdsec", "config": config}
        self._change("POST", "/1.0/projects", body)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the project and all that is in it."""
        remove(self._api)

    def launch(self, name: str, nic: Mapping[str, str]) -> int:
        """Make and start an instance with one NIC; give the process id of its init.

        Raises:
            ProbeFailed: LXD refuses, or the run was interrupted.
        """
        self._go_on()
        root = {"type": "disk", "path": "/", "pool": self._materials.pool}
        member = f"&target={self._materials.member}" if self._materials.member else ""
        body = {
            "name": name,
            "type": "container",
            "source": {"type": "image", "fingerprint": self._materials.image},
            "profiles": [],
            "config": {**INSTANCE, probe_project.KEY: self._mark},
            "devices": {"root": root, "eth0": dict(nic)},
        }
        self._change("POST", f"/1.0/instances?{QUERY}{member}", body)
        self._go_on()
        start = {"action": "start", "timeout": WAIT_SECONDS}
        self._change("PUT", _instance(name, "/state"), start)
        answer = self._api.get_many([_instance(name, "/state")])[0]
        pid = answer.metadata.get("pid") if isinstance(answer.metadata, dict) else None
        if not isinstance(pid, int) or pid <= 1:
            raise ProbeFailed(f"{name} was started and does not run: {answer.error or pid}")
        return pid

    def discard(self, name: str) -> None:
        """Stop and remove an instance; raises `ProbeFailed`."""
        discard(self._api, name)

    def _go_on(self) -> None:
        if self._interrupted.is_set():
            raise ProbeFailed("the run was interrupted")

    def _change(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        change(self._api, Request(method=method, path=path, body=body))


def remove_leftovers(api: Api) -> None:
    """Remove what a run left that was killed.

    Raises:
        ProbeFailed: it may still be under way, or the project is none of ours.
    """
    answer = api.get_many(["/1.0/projects?recursion=1"])[0]
    found = answer.metadata if isinstance(answer.metadata, list) else []
    if answer.error:
        raise ProbeFailed(f"the projects cannot be listed: {answer.error}")
    named = [p for p in found if isinstance(p, dict) and p.get("name") == probe_project.PROJECT]
    for project in named:
        made = probe_project.of(project)
        if not made:
            raise ProbeFailed(
                f"there is a project {probe_project.PROJECT} that is not ours: rename it"
            )
        if probe_project.is_in_use(made):
            raise ProbeFailed("another run probes this server")
        remove(api)


def remove(api: Api) -> None:
    """Remove our project and what is in it.

    Raises:
        ProbeFailed: something of it stays.
    """
    answer = api.get_many([f"/1.0/instances?recursion=1&{QUERY}"])[0]
    found = answer.metadata if isinstance(answer.metadata, list) else []
    for instance in found:
        if isinstance(instance, dict) and instance.get("name") in probe_project.INSTANCES:
            discard(api, str(instance["name"]))
    change(api, Request(method="DELETE", path=PROJECT_PATH), may_be_gone=True)


def discard(api: Api, name: str) -> None:
    """Stop and remove one of our instances.

    Raises:
        ProbeFailed: it stays.
    """
    stop = {"action": "stop", "force": True, "timeout": WAIT_SECONDS}
    path = _instance(name, "/state")
    reply = api.send_many([Request(method="PUT", path=path, body=stop)])[0]
    if identity := lxd_response.operation(reply):
        _wait(api, identity)  # that it does not run is not an error here
    change(api, Request(method="DELETE", path=_instance(name)), may_be_gone=True)


def change(api: Api, request: Request, *, may_be_gone: bool = False) -> None:
    """Send one request, and wait until what it begins has ended.

    Raises:
        ProbeFailed: LXD refused, or it failed.
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
    """Wait for an operation; why it failed, "" where it did not."""
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


def materials(api: Api, pools: Sequence[str], member: str) -> Materials:
    """Choose an image and a pool.

    Args:
        api: The server.
        pools: The pools that its instances use, the one to prefer first.
        member: The cluster member to be on.

    Raises:
        ProbeFailed: there is none.
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
            "the default project has no image of a container for this machine: "
            "copy one there with lxc image copy"
        )
    if not pools:
        raise ProbeFailed("no instance and no profile names a storage pool")
    smallest = min(fit, key=lambda i: (int(i.get("size") or 0), str(i.get("fingerprint"))))
    return Materials(image=str(smallest["fingerprint"]), pool=pools[0], member=member)
