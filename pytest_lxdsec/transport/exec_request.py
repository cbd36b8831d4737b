"""One command in one instance through LXD's exec: requests to send and answers to read. Pure.

Over websockets LXD's exec hangs, or returns nothing with status 0, when several commands run in
parallel. So LXD records the output, which is then fetched and deleted. A lost output must not look
like an empty one: the wrapper shell in the instance ends both streams with a marker. The marker
also carries the exit status, because LXD turns 126 and 127 into failures of its own.
"""

from __future__ import annotations

import http
import re
import secrets
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import LxdsecError
from . import Answer, Reply, Request, lxd_response, one_line

SUCCESS, FAILURE = 200, 400  # LXD's status codes of operations; below FAILURE others go on
# The command is an argument, not part of this script, so that it cannot end the script early.
WRAPPER = (
    '/bin/sh -c "$1"; status=$?; '
    """printf '%s:%d:' "$2" "$status"; printf '%s:' "$2" >&2; exit 0"""
)
# The paths of the recorded output under the instance's logs: from 5.21 on, and before.
LAYOUTS = ("exec-output/exec_{identity}.{stream}", "exec_{identity}.{stream}")
# The first entry found in LXD's reason is used; "agent" is first, since it may be "not running".
ADVICE = {
    "agent": ": is lxd-agent running in the virtual machine?",
    "not running": ": start it: {command}",
    "frozen": ": resume it: {command}",
    "command not found": ": it has no /bin/sh",
    "command not executable": ": its /bin/sh cannot be executed",
}


class GuestUnavailable(LxdsecError):
    """A command in an instance could not be run, or its output is incomplete."""

    def __init__(self, subject: str, why: str) -> None:
        super().__init__(f"{subject}: {why}")


@dataclass(slots=True, kw_only=True, eq=False)
class ExecRequest:
    """One command in one instance, and its result.

    Attributes:
        project: The instance's project.
        name: The instance's name.
        line: The command, a line for the instance's /bin/sh.
        location: The cluster member that the instance runs on, for messages; "" if unknown.
        error: The reason why there is no result; None if there is one or the command runs on.
        status: The command's exit status; -1 before it has ended.
        stdout: The command's output.
        stderr: The command's error output.
        identity: The id of LXD's operation; "" before the start.
        paths: The paths of both recorded streams, once the command has ended.
        marker: The random text that ends both streams.
    """

    project: str
    name: str
    line: str
    location: str = ""
    error: GuestUnavailable | None = None
    status: int = -1
    stdout: bytes = b""
    stderr: bytes = b""
    identity: str = ""
    paths: Sequence[str] = ()
    marker: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def is_waiting(self) -> bool:
        """Return True if the command was started and has not ended."""
        return bool(self.identity) and not self.paths and self.error is None

    @property
    def operation(self) -> str:
        """The path of LXD's operation."""
        return f"/1.0/operations/{self.identity}"

    def start_request(self) -> Request:
        """Return the request that starts the command."""
        body = {
            "command": ["/bin/sh", "-c", WRAPPER, "sh", self.line, self.marker],
            "environment": {},
            "interactive": False,
            "record-output": True,
            "wait-for-websocket": False,
        }
        return Request(method="POST", path=self._path("exec"), body=body)

    def read_start(self, reply: Reply) -> None:
        """Read LXD's reply to `start_request`."""
        answer = lxd_response.decode(reply, kind="async")
        identity = answer.metadata.get("id") if isinstance(answer.metadata, dict) else None
        if answer.error:
            self.fail_with_advice(answer.error)
        elif not isinstance(identity, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", identity):
            self.fail("LXD started the command without naming its operation")
        else:
            self.identity = identity

    def read_operation(self, answer: Answer) -> None:
        """Read the state of LXD's operation, which may not have ended."""
        operation = answer.metadata
        if answer.error or not isinstance(operation, dict):
            self.fail(f"its command was lost: {answer.error}")
            return
        status = operation.get("status_code")
        if status == SUCCESS:
            self._find_output(operation)
        elif not isinstance(status, int) or status >= FAILURE:
            reason = one_line.one_line(str(operation.get("err") or ""))
            self.fail_with_advice(reason or "its command failed without a reason")

    def output_paths(self) -> Sequence[Sequence[str]]:
        """Return the paths of both streams in every layout."""
        return [
            [
                self._path(f"logs/{layout.format(identity=self.identity, stream=stream)}")
                for stream in ("stdout", "stderr")
            ]
            for layout in LAYOUTS
        ]

    def read_streams(self, replies: Sequence[Reply], requests: Sequence[Request]) -> None:
        """Read both streams; check that LXD has deleted them.

        Args:
            replies: The replies to `requests`, those with the streams first.
            requests: A GET of each stream, then a DELETE of each.
        """
        for request, reply in zip(requests, replies, strict=True):
            if reply.error or reply.status != http.HTTPStatus.OK:
                why = reply.error or lxd_response.decode(reply).error
                self.fail(f"{request.method} {request.path}: {why}")
                return
        self._split_streams(replies[0].body, replies[1].body)

    def fail(self, why: str) -> None:
        """Set the error to this reason."""
        on_member = f" on {self.location}" if self.location not in ("", "none") else ""
        subject = f"instance {self.name} of project {self.project}{on_member}"
        self.error = GuestUnavailable(subject, why)

    def fail_with_advice(self, reason: str) -> None:
        """Set the error to LXD's reason and the matching advice."""
        advice = next((words for part, words in ADVICE.items() if part in reason.lower()), "")
        command = f"lxc start {self.name} --project {self.project}"
        self.fail(f"{reason}{advice.format(command=command)}")

    def _find_output(self, operation: Mapping[str, Any]) -> None:
        metadata = operation.get("metadata")
        outputs = metadata.get("output") if isinstance(metadata, dict) else None
        named = [str(outputs.get(n)) for n in ("1", "2")] if isinstance(outputs, dict) else []
        for paths in self.output_paths():
            if [path.partition("?")[0] for path in paths] == named:
                self.paths = paths
                return
        self.fail("LXD does not name the recorded output of the command")

    def _split_streams(self, stdout: bytes, stderr: bytes) -> None:
        ended = re.search(rb"%b:(\d{1,3}):" % self.marker.encode(), stdout)
        before, end, after = stderr.partition(b"%b:" % self.marker.encode())
        if ended is None or not end:
            self.fail("the end of the output is missing: its shell was killed, or a disk is full")
            return
        # A process that the command left in the background may write after the marker.
        self.stdout, self.stderr = stdout[: ended.start()] + stdout[ended.end() :], before + after
        self.status = int(ended[1])

    def _path(self, rest: str) -> str:
        name, project = (urllib.parse.quote(part, safe="") for part in (self.name, self.project))
        return f"/1.0/instances/{name}/{rest}?project={project}"
