"""Commands in instances over LXD's exec: exact results, or a clear reason for the lack of one.

The LXD here is a fake, but it really runs the commands, on this machine.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_lxdsec.errors import Unreachable
from pytest_lxdsec.transport import Answer, Reply, Request, instance_backend, lxd_response

ID = "0e8d6b1a-4b7c-4b0a-9c51-d3a4e1a8c0de"
LOGS_50 = f"/1.0/instances/web1/logs/exec_{ID}"
LOGS_521 = f"/1.0/instances/web1/logs/exec-output/exec_{ID}"


def sync(metadata: object, status: int = 200) -> tuple[int, bytes]:
    return status, json.dumps({"type": "sync", "metadata": metadata}).encode()


def error(text: str, status: int) -> tuple[int, bytes]:
    return status, json.dumps({"type": "error", "error": text}).encode()


@dataclasses.dataclass(slots=True, kw_only=True)
class FakeLxd:
    """A fake LXD that records output under `logs`; the other fields make it fail."""

    logs: str = LOGS_50
    refusal: str = ""  # LXD's answer to the exec itself
    operation: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # replaced fields
    wait_error: str = ""  # LXD's error from 5.21 on if an operation failed
    keeps_operation: bool = True
    cut: Mapping[str, int] = dataclasses.field(default_factory=dict)  # bytes left of a stream
    deletes: bool = True
    loses: str = ""  # the stream whose file is missing
    waits: int = 0  # the number of waits before the command ends
    identity: object = ID
    gone: bool = False
    target: str = "lxd1"
    round_trips: int = 0
    requests: list[Request] = dataclasses.field(default_factory=list)
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        """Implement `Api`."""
        requests = [Request(method="GET", path=path) for path in paths]
        return tuple(lxd_response.decode(reply) for reply in self.send_many(requests))

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Implement `Api`."""
        if self.gone:
            raise Unreachable(self.target, "gone")
        self.requests += requests
        made = [self._answer(request) for request in requests]
        return tuple(
            Reply(path=request.path, status=status, body=body)
            for request, (status, body) in zip(requests, made, strict=True)
        )

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _answer(self, request: Request) -> tuple[int, bytes]:
        path = urllib.parse.urlsplit(request.path).path
        match request.method, path:
            case "POST", "/1.0/instances/web1/exec":
                return self._exec(request.body)
            case "GET", p if p == f"/1.0/operations/{ID}/wait" and self.wait_error:
                return error(self.wait_error, 200)
            case "GET", p if p.startswith(f"/1.0/operations/{ID}") and self.keeps_operation:
                return sync(self._operation())
            case "GET", p if p in self.files:
                return 200, self.files[p]
            case "DELETE", p if p in self.files:
                return self._delete(p)
        return error("not found", 404)

    def _exec(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        if self.refusal:
            return error(self.refusal, 400)
        done = subprocess.run(body["command"], capture_output=True, check=False)
        for stream, data in (("stdout", done.stdout), ("stderr", done.stderr)):
            self.files[f"{self.logs}.{stream}"] = data[: self.cut.get(stream)]
        self.files.pop(f"{self.logs}.{self.loses}", None)
        return 202, json.dumps({"type": "async", "metadata": {"id": self.identity}}).encode()

    def _operation(self) -> Mapping[str, Any]:
        output = {"1": f"{self.logs}.stdout", "2": f"{self.logs}.stderr"}
        metadata = {"return": 0, "output": output}
        if self.waits:
            self.waits -= 1
            return {"id": ID, "status_code": 103, "err": "", "metadata": None}
        return {"id": ID, "status_code": 200, "err": "", "metadata": metadata, **self.operation}

    def _delete(self, path: str) -> tuple[int, bytes]:
        if not self.deletes:
            return error("read-only file system", 500)
        del self.files[path]
        return sync({})


def instance(lxd: FakeLxd, *, location: str = "") -> Any:
    return instance_backend.connect(lxd, project="tenants", name="web1", location=location)


def failure(lxd: FakeLxd, command: str = "true") -> str:
    with pytest.raises(instance_backend.GuestUnavailable) as caught:
        instance(lxd).run(command)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("instance web1 of project tenants: ")
    return text.removeprefix("instance web1 of project tenants: ")


@pytest.mark.parametrize("logs", [LOGS_50, LOGS_521], ids=["5.0", "5.21"])
def test_result_is_exact_and_nothing_is_left(logs: str) -> None:
    lxd = FakeLxd(logs=logs)
    result = instance(lxd).run(r"printf 'a\000\377'; printf '\n\n' >&2; exit 7")
    assert (result.rc, result.stdout_bytes, result.stderr_bytes) == (7, b"a\0\xff", b"\n\n")
    assert lxd.files == {}


def test_arguments_are_quoted() -> None:
    assert instance(FakeLxd()).run("echo %s", "a 'b' $c").stdout == "a 'b' $c\n"


@pytest.mark.parametrize("status", [0, 1, 126, 127, 255])
def test_exit_status_is_that_of_the_command(status: int) -> None:
    assert instance(FakeLxd()).run(f"exit {status}").rc == status


def test_signal_is_128_and_its_number() -> None:
    assert instance(FakeLxd()).run("kill -9 $$").rc == 137


@pytest.mark.parametrize("command", ["exec true", "exit 0; }", "cat <<E\nx\nE", "# comment"])
def test_command_cannot_end_the_script_around_it(command: str) -> None:
    assert isinstance(instance(FakeLxd()).run(command).rc, int)


def test_text_is_utf_8_without_asking() -> None:
    lxd = FakeLxd()
    assert instance(lxd).check_output("echo grün") == "grün"
    assert len([request for request in lxd.requests if request.method == "POST"]) == 1


def test_late_output_of_a_background_job_is_kept() -> None:
    lxd = FakeLxd()
    command = "exec 3>&1; (sleep 0.2; echo late >&3) & echo early"
    assert instance(lxd).run(command).stdout == "early\nlate\n"


def test_project_is_part_of_every_request_for_the_instance() -> None:
    lxd = FakeLxd()
    instance(lxd).run("true")
    paths = [request.path for request in lxd.requests if "/instances/" in request.path]
    assert len(paths) == 5
    assert all(path.endswith("?project=tenants") for path in paths)


def test_names_are_quoted_in_paths() -> None:
    lxd = FakeLxd()
    with pytest.raises(instance_backend.GuestUnavailable):
        instance_backend.connect(lxd, project="a&b", name="../x").run("true")
    assert lxd.requests[0].path == "/1.0/instances/..%2Fx/exec?project=a%26b"


def test_command_costs_three_exchanges() -> None:
    lxd = FakeLxd()
    instance(lxd).run("true")
    assert [request.method for request in lxd.requests] == [
        "POST",
        "GET",
        "GET",
        "GET",
        "DELETE",
        "DELETE",
    ]


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (
            "Instance is not running",
            "Instance is not running: start it: lxc start web1 --project tenants",
        ),
        (
            "Instance is frozen",
            "Instance is frozen: resume it: lxc start web1 --project tenants",
        ),
        ("Instance not found", "Instance not found"),
    ],
)
def test_refusal_carries_advice(refusal: str, text: str) -> None:
    assert failure(FakeLxd(refusal=refusal)) == text


def test_location_is_named() -> None:
    with pytest.raises(instance_backend.GuestUnavailable, match="of project tenants on member2: "):
        instance(FakeLxd(refusal="Instance is frozen"), location="member2").run("true")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("LXD VM agent isn't currently running", ": is lxd-agent running in the virtual machine?"),
        (
            "LXD VM agent is not currently running",
            ": is lxd-agent running in the virtual machine?",
        ),
        ("Command not found", ": it has no /bin/sh"),
    ],
)
@pytest.mark.parametrize("version", ["5.0", "5.21"])
def test_failed_operation_is_explained_and_leaves_nothing(
    reason: str, advice: str, version: str
) -> None:
    lxd = FakeLxd(operation={"status_code": 400, "err": reason, "metadata": None})
    if version == "5.21":
        lxd.logs, lxd.wait_error = LOGS_521, reason
    assert failure(lxd) == f"{reason}{advice}"
    assert lxd.files == {}


@pytest.mark.parametrize("logs", [LOGS_50, LOGS_521], ids=["5.0", "5.21"])
def test_output_of_an_expired_operation_is_found(logs: str) -> None:
    lxd = FakeLxd(keeps_operation=False, logs=logs)
    result = instance(lxd).run("echo x; exit 3")
    assert (result.rc, result.stdout) == (3, "x\n")
    assert lxd.files == {}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_operation_that_is_lost_with_its_output_is_an_error(stream: str) -> None:
    lxd = FakeLxd(keeps_operation=False, loses=stream)
    assert failure(lxd).startswith("its command was lost: ")
    assert lxd.files == {}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_part_of_the_output_of_an_expired_operation_is_no_result(stream: str) -> None:
    """Detect an incomplete output by its missing marker: the shell was killed, or runs on."""
    lxd = FakeLxd(keeps_operation=False, cut={stream: -1})
    assert failure(lxd).startswith("the end of the output is missing")


@pytest.mark.parametrize("wait_error", ["", "context deadline exceeded"], ids=["5.0", "5.21"])
def test_command_that_does_not_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, wait_error: str
) -> None:
    monkeypatch.setattr(instance_backend, "COMMAND_SECONDS", 0.05)
    lxd = FakeLxd(operation={"status_code": 103, "metadata": None}, wait_error=wait_error)
    assert failure(lxd).startswith("the command has not ended after 0.05 s and runs on")
    assert lxd.files == {}


def test_slow_command_is_waited_for() -> None:
    assert instance(FakeLxd(waits=3)).run("echo x").stdout == "x\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("cut", [0, 1, 5, 22, -1])
def test_output_cut_short_is_an_error(cut: int, stream: str) -> None:
    lxd = FakeLxd(cut={stream: cut})
    assert failure(lxd, "echo hello; echo hello >&2").startswith(
        "the end of the output is missing"
    )
    assert lxd.files == {}


def test_shell_that_was_killed_is_an_error() -> None:
    assert failure(FakeLxd(), "kill -9 $PPID").startswith("the end of the output is missing")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_lost_log_is_an_error(stream: str) -> None:
    lxd = FakeLxd(loses=stream)
    path = f"{LOGS_50}.{stream}?project=tenants"
    assert failure(lxd) == f"GET {path}: not found"
    assert lxd.files == {}


def test_output_that_cannot_be_deleted_is_an_error() -> None:
    lxd = FakeLxd(deletes=False)
    text = failure(lxd)
    assert text == f"DELETE {LOGS_50}.stdout?project=tenants: read-only file system"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"output": None},
        {"output": {"1": f"{LOGS_50}.stdout"}},
        {"output": {"1": "/1.0/certificates", "2": "/1.0/certificates"}},
        {"output": {"1": f"{LOGS_50}.stdout", "2": f"{LOGS_521}.stderr"}},
        {"output": {"1": ["x"], "2": 2}},
    ],
    ids=str,
)
def test_output_elsewhere_is_not_fetched(metadata: object) -> None:
    lxd = FakeLxd(operation={"metadata": metadata})
    assert failure(lxd) == "LXD does not name the recorded output of the command"
    assert lxd.files == {}


@pytest.mark.parametrize("status", [None, "200", 401, [200]], ids=str)
def test_operation_of_unknown_status_is_an_error(status: object) -> None:
    text = failure(FakeLxd(operation={"status_code": status}))
    assert text == "its command failed without a reason"


@pytest.mark.parametrize("identity", [None, "", 1, "../../certificates", "a?b"], ids=repr)
def test_operation_without_a_sound_name_is_an_error(identity: object) -> None:
    text = failure(FakeLxd(identity=identity))
    assert text == "LXD started the command without naming its operation"


def test_lost_connection_is_not_the_instances_fault() -> None:
    lxd = FakeLxd(gone=True)
    with pytest.raises(Unreachable):
        instance(lxd).run("true")


def test_modules_of_testinfra_work() -> None:
    host = instance(FakeLxd())
    assert host.file("/etc/passwd").exists
    assert host.file("/etc/passwd").is_file
    assert host.user("root").uid == 0
    assert not host.file("/no such").exists
    assert repr(host) == "<testinfra.host.Host lxd://tenants/web1>"
