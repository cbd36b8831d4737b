"""One command in one instance through LXD's exec, as requests to send and answers to read; pure.

Over websockets LXD's exec hangs or returns nothing with status 0 when several run side by side,
so the output is recorded by LXD, fetched, and deleted. And since nothing at all may be taken
for an empty answer, our own shell in the instance ends both streams with a mark, which also
brings the exit status: LXD itself makes failures of its own out of 126 and 127.
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


@dataclass(slots=True, kw_only=True, eq=False)
class Errand:
    """One command in one instance, and what came of it.

    Attributes:
        project: The instance's project.
        name: The instance.
        line: The command, for its /bin/sh.
        location: The cluster member that it runs on, for messages.
        error: Why there is no result; None where there is one, or none yet.
        status: The command's own exit status.
        stdout: Its output.
        stderr: Its error output.
    """

    project: str
    name: str
    line: str
    location: str = ""
    error: GuestUnavailable | None = None
    status: int = -1
    stdout: bytes = b""
    stderr: bytes = b""
    identity: str = ""  # of LXD's operation
    paths: Sequence[str] = ()  # of both recorded streams, once it has ended
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def is_waiting(self) -> bool:
        """Whether it was begun and has not ended."""
        return bool(self.identity) and not self.paths and self.error is None

    @property
    def operation(self) -> str:
        """The path of LXD's operation."""
        return f"/1.0/operations/{self.identity}"

    def start(self) -> Request:
        """The request that begins it."""
        body = {
            "command": ["/bin/sh", "-c", WRAPPER, "sh", self.line, self.mark],
            "environment": {},
            "interactive": False,
            "record-output": True,
            "wait-for-websocket": False,
        }
        return Request(method="POST", path=self._path("exec"), body=body)

    def started(self, reply: Reply) -> None:
        """Hear what LXD said to `start`."""
        answer = lxd_response.decode(reply, kind="async")
        identity = answer.metadata.get("id") if isinstance(answer.metadata, dict) else None
        if answer.error:
            self.explain(answer.error)
        elif not isinstance(identity, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,64}", identity):
            self.fail("LXD started the command without naming its operation")
        else:
            self.identity = identity

    def hear(self, answer: Answer) -> None:
        """Hear what LXD says of the operation, which may not have ended."""
        operation = answer.metadata
        if answer.error or not isinstance(operation, dict):
            self.fail(f"its command was lost: {answer.error}")
            return
        status = operation.get("status_code")
        if status == SUCCESS:
            self._ended(operation)
        elif not isinstance(status, int) or status >= FAILURE:
            reason = one_line.one_line(str(operation.get("err") or ""))
            self.explain(reason or "its command failed without a reason")

    def outputs(self) -> Sequence[Sequence[str]]:
        """The paths of both streams, by every layout."""
        return [
            [
                self._path(f"logs/{layout.format(identity=self.identity, stream=stream)}")
                for stream in ("stdout", "stderr")
            ]
            for layout in LAYOUTS
        ]

    def collected(self, replies: Sequence[Reply], requests: Sequence[Request]) -> None:
        """Hear both streams, and that they are deleted."""
        for request, reply in zip(requests, replies, strict=True):
            if reply.error or reply.status != http.HTTPStatus.OK:
                why = reply.error or lxd_response.decode(reply).error
                self.fail(f"{request.method} {request.path}: {why}")
                return
        self._read(replies[0].body, replies[1].body)

    def fail(self, why: str) -> None:
        """Give it up."""
        on_member = f" on {self.location}" if self.location not in ("", "none") else ""
        subject = f"instance {self.name} of project {self.project}{on_member}"
        self.error = GuestUnavailable(subject, why)

    def explain(self, reason: str) -> None:
        """Give it up for LXD's reason, with what to do about it."""
        advice = next((words for part, words in ADVICE.items() if part in reason.lower()), "")
        command = f"lxc start {self.name} --project {self.project}"
        self.fail(f"{reason}{advice.format(command=command)}")

    def _ended(self, operation: Mapping[str, Any]) -> None:
        metadata = operation.get("metadata")
        outputs = metadata.get("output") if isinstance(metadata, dict) else None
        named = [str(outputs.get(n)) for n in ("1", "2")] if isinstance(outputs, dict) else []
        for paths in self.outputs():
            if [path.partition("?")[0] for path in paths] == named:
                self.paths = paths
                return
        self.fail("LXD does not say where the command's output is")

    def _read(self, stdout: bytes, stderr: bytes) -> None:
        ended = re.search(rb"%b:(\d{1,3}):" % self.mark.encode(), stdout)
        before, end, after = stderr.partition(b"%b:" % self.mark.encode())
        if ended is None or not end:
            self.fail("the end of the output is missing: its shell was killed, or a disk is full")
            return
        # What a command left running in the background may still write follows the mark.
        self.stdout, self.stderr = stdout[: ended.start()] + stdout[ended.end() :], before + after
        self.status = int(ended[1])

    def _path(self, rest: str) -> str:
        name, project = (urllib.parse.quote(part, safe="") for part in (self.name, self.project))
        return f"/1.0/instances/{name}/{rest}?project={project}"
