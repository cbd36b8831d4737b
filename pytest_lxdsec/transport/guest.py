"""Commands inside an instance: a testinfra backend over LXD's exec, by plain API requests.

Over websockets LXD's exec hangs or returns nothing with status 0 when several run side by side,
so the output is recorded by LXD, fetched, and deleted. And since nothing at all may be taken
for an empty answer, our own shell in the instance ends both streams with a mark, which also
brings the exit status: LXD itself makes failures of its own out of 126 and 127.
"""

from __future__ import annotations

import http
import re
import secrets
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import testinfra.host
from testinfra.backend import base

from ..errors import LxdsecError
from . import Api, Request, answers, text

ENCODING = "UTF-8"
COMMAND_SECONDS = 600.0
WAIT_SECONDS = 30
SUCCESS, FAILURE = 200, 400  # LXD's own status codes of operations; others have not ended
# The command is an argument, not a part of this script, so that nothing in it can end it early.
WRAPPER = (
    '/bin/sh -c "$1"; status=$?; '
    """printf '%s:%d:' "$2" "$status"; printf '%s:' "$2" >&2; exit 0"""
)
# Where LXD records the output, under the instance's logs: from 5.21 on, and before.
LAYOUTS = ("exec-output/exec_{identity}.{stream}", "exec_{identity}.{stream}")
# The first whose words are in LXD's reason; "agent" stands first, for it may be "not running".
ADVICE = {
    "agent": ": is lxd-agent running in the virtual machine?",
    "not running": ": start it: {command}",
    "frozen": ": resume it: {command}",
    "command not found": ": it has no /bin/sh",
    "command not executable": ": its /bin/sh cannot be executed",
}


class GuestUnavailable(LxdsecError):
    """No command can be run in an instance, or what it left is not all there."""

    def __init__(self, subject: str, why: str) -> None:
        super().__init__(f"{subject}: {why}")


def connect(
    api: Api,
    *,
    project: str,
    name: str,
    location: str = "",
    seconds: float = 0.0,
) -> testinfra.host.Host:
    """Return testinfra's host for the inside of an instance; nothing is sent yet.

    Its commands raise `GuestUnavailable` where LXD cannot run them and `Unreachable` where LXD
    does not answer.

    Args:
        api: The server, or any member of its cluster: LXD forwards to the right one.
        project: The instance's project.
        name: The instance.
        location: The cluster member that it runs on, for messages.
        seconds: How long one command may take; 0 for `COMMAND_SECONDS`.
    """
    backend = GuestBackend(api, project, name, location, seconds=seconds)
    host = testinfra.host.Host(backend)
    backend.set_host(host)
    return host


class GuestBackend(base.BaseBackend):
    """Runs commands as root in one instance."""

    NAME = "lxd"

    def __init__(
        self,
        api: Api,
        project: str,
        name: str,
        location: str,
        *,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(f"{project}/{name}")
        self._encoding = ENCODING
        self._api = api
        self._seconds = seconds or COMMAND_SECONDS
        self._name = name
        self._project = project
        on_member = f" on {location}" if location not in ("", "none") else ""
        self._subject = f"instance {name} of project {project}{on_member}"

    def run(self, command: str, *args: str, **_options: Any) -> base.CommandResult:  # noqa: ANN401  testinfra's
        """Run `command` through /bin/sh.

        Raises:
            GuestUnavailable: it could not be run, or its result is not all there.
            Unreachable: LXD does not answer.
        """
        line = self.get_command(command, *args)
        mark = secrets.token_hex(8)
        identity = self._start(line, mark)
        try:
            paths = self._outputs(identity, self._wait(identity))
        except (GuestUnavailable, KeyboardInterrupt):
            self._discard(identity)
            raise
        stdout, stderr = self._collect(paths)
        return self._result(line, mark, stdout, stderr)

    def _start(self, line: str, mark: str) -> str:
        body = {
            "command": ["/bin/sh", "-c", WRAPPER, "sh", line, mark],
            "environment": {},
            "interactive": False,
            "record-output": True,
            "wait-for-websocket": False,
        }
        request = Request(method="POST", path=self._path("exec"), body=body)
        answer = answers.decode(self._api.send_many([request])[0], kind="async")
        if answer.error:
            raise self._explained(answer.error)
        identity = answer.metadata.get("id") if isinstance(answer.metadata, dict) else None
        if not isinstance(identity, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", identity):
            raise self._unavailable("LXD started the command without naming its operation")
        return identity

    def _wait(self, identity: str) -> Mapping[str, Any] | None:
        """Return the operation when it has ended well; None where LXD has forgotten it.

        It does five seconds after the end (lxd/operations/operations.go), which a slow road to it
        outlasts.
        """
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            operation = self._ask(identity)
            if operation is None:
                return None
            status = operation.get("status_code")
            if status == SUCCESS:
                return operation
            if not isinstance(status, int) or status >= FAILURE:
                reason = text.one_line(str(operation.get("err") or ""))
                raise self._explained(reason or "its command failed without a reason")
        raise self._unavailable(
            f"the command has not ended after {self._seconds:g} s and runs on: end it by hand"
        )

    def _ask(self, identity: str) -> Mapping[str, Any] | None:
        """Return the operation, when it has ended or after half a minute; None: there is none."""
        path = f"/1.0/operations/{identity}"
        patience = max(1, min(WAIT_SECONDS, round(self._seconds)))
        waited = self._api.get_many([f"{path}/wait?timeout={patience}"])[0]
        # From 5.21 on LXD answers with an error where the operation failed or has not ended.
        answer = self._api.get_many([path])[0] if waited.error else waited
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return None
        if answer.error or not isinstance(answer.metadata, dict):
            raise self._unavailable(f"its command was lost: {waited.error or answer.error}")
        return answer.metadata

    def _collect(self, paths: Sequence[str]) -> tuple[bytes, bytes]:
        """Fetch both streams and delete them, at one go."""
        requests = [Request(method=verb, path=url) for verb in ("GET", "DELETE") for url in paths]
        replies = self._api.send_many(requests)
        for request, reply in zip(requests, replies, strict=True):
            if reply.error or reply.status != http.HTTPStatus.OK:
                why = reply.error or answers.decode(reply).error
                raise self._unavailable(f"{request.method} {request.path}: {why}")
        return replies[0].body, replies[1].body

    def _outputs(self, identity: str, operation: Mapping[str, Any] | None) -> Sequence[str]:
        """Return the paths of standard output and standard error."""
        if operation is None:
            return self._left(identity)
        metadata = operation.get("metadata")
        outputs = metadata.get("output") if isinstance(metadata, dict) else None
        named = [str(outputs.get(n)) for n in ("1", "2")] if isinstance(outputs, dict) else []
        for layout in LAYOUTS:
            paths = self._paths(layout, identity)
            if [path.partition("?")[0] for path in paths] == named:
                return paths
        raise self._unavailable("LXD does not say where the command's output is")

    def _left(self, identity: str) -> Sequence[str]:
        """Find what a forgotten command left: that it is whole, its marks say, not LXD."""
        for layout in LAYOUTS:
            paths = self._paths(layout, identity)
            replies = self._api.send_many([Request(method="GET", path=path) for path in paths])
            if all(reply.status == http.HTTPStatus.OK for reply in replies):
                return paths
        raise self._unavailable("its command was lost: LXD has neither it nor its output")

    def _discard(self, identity: str) -> None:
        """Delete what was recorded, wherever it is; what is not there is no loss."""
        paths = [path for layout in LAYOUTS for path in self._paths(layout, identity)]
        self._api.send_many([Request(method="DELETE", path=path) for path in paths])

    def _paths(self, layout: str, identity: str) -> list[str]:
        return [
            self._path(f"logs/{layout.format(identity=identity, stream=stream)}")
            for stream in ("stdout", "stderr")
        ]

    def _path(self, rest: str) -> str:
        name, project = (urllib.parse.quote(part, safe="") for part in (self._name, self._project))
        return f"/1.0/instances/{name}/{rest}?project={project}"

    def _result(self, line: str, mark: str, stdout: bytes, stderr: bytes) -> base.CommandResult:
        ended = re.search(rb"%b:(\d{1,3}):" % mark.encode(), stdout)
        before, end, after = stderr.partition(b"%b:" % mark.encode())
        if ended is None or not end:
            raise self._unavailable(
                "the end of the output is missing: its shell was killed, or a disk is full"
            )
        # What a command left running in the background may still write follows the mark.
        output = stdout[: ended.start()] + stdout[ended.end() :]
        return self.result(int(ended[1]), self.encode(line), output, before + after)

    def _unavailable(self, why: str) -> GuestUnavailable:
        return GuestUnavailable(self._subject, why)

    def _explained(self, reason: str) -> GuestUnavailable:
        advice = next((words for part, words in ADVICE.items() if part in reason.lower()), "")
        command = f"lxc start {self._name} --project {self._project}"
        return self._unavailable(f"{reason}{advice.format(command=command)}")
