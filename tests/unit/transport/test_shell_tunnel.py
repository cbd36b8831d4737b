"""The API over a shell command: one command per batch, and no partial answer is an answer."""

from __future__ import annotations

import ast
import base64
import contextlib
import pathlib
import random
import re
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import pytest
import requests

from pytest_lxdsec.errors import Unreachable
from pytest_lxdsec.transport import (
    CONNECT_SECONDS,
    Output,
    Request,
    lxd_api,
    shell_tunnel,
    socket_relay,
)
from tests.support import hostile

Spoil = Callable[[bytes], bytes]


class FakeShell:
    """A shell on this machine; `spoil` changes the output of its commands."""

    target = "lxd1"
    host = None

    def __init__(self, spoil: Spoil = bytes, path: str = "/usr/bin:/bin") -> None:
        self._spoil = spoil
        self._path = path
        self.commands: list[str] = []

    @property
    def round_trips(self) -> int:
        """The number of commands that were run."""
        return len(self.commands)

    def run(self, command: str) -> Output:
        """Run `command` on this machine."""
        self.commands.append(command)
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            env={"PATH": self._path},
            check=False,
        )
        return Output(
            exit_status=done.returncode, stdout=self._spoil(done.stdout), stderr=done.stderr
        )

    def close(self) -> None:
        """Fail the test: the shell belongs to the caller."""
        raise AssertionError("the shell is not the tunnel's to close")


class ForgedShell(FakeShell):
    """A shell whose host answers with a forged payload."""

    def __init__(self, payload: bytes) -> None:
        super().__init__()
        self._payload = base64.b64encode(zlib.compress(payload)).decode()

    def run(self, command: str) -> Output:
        """Return the forged payload without running `command`."""
        batch = zlib.decompress(base64.b64decode(command.rsplit(maxsplit=1)[-1]))
        found = re.search(rb'"marker": "(\w+)"', batch)
        assert found is not None
        marker = found[1].decode()
        text = f"{marker}:begin\n{self._payload}\n{marker}:end\n"
        return Output(exit_status=0, stdout=text.encode(), stderr=b"")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "unix.socket"


@contextlib.contextmanager
def echoing(path: pathlib.Path) -> Iterator[hostile.Served]:
    with hostile.on_unix(path, lambda line: hostile.success([line])) as served:
        yield served


def failure(shell: FakeShell, path: pathlib.Path | str, *requests: Request) -> str:
    lxd = lxd_api.over_shell(shell, str(path), target="lxd1")
    with pytest.raises(Unreachable) as caught:
        lxd.send_many(requests or [Request(method="GET", path="/1.0")])
    assert caught.value.target == "lxd1"
    assert "\n" not in caught.value.cause
    return caught.value.cause


def test_batch_is_one_command_and_one_connection(path: pathlib.Path) -> None:
    shell = FakeShell()
    lxd = lxd_api.over_shell(shell, str(path), target="lxd1")
    with echoing(path) as served:
        answers = lxd.get_many(["/1.0/b?x=1", "/1.0/a", "/1.0"])
    assert [answer.metadata for answer in answers] == [
        ["GET /1.0/b?x=1"],
        ["GET /1.0/a"],
        ["GET /1.0"],
    ]
    assert (len(shell.commands), lxd.round_trips, served.connections) == (1, 1, 1)


def test_nothing_asked_runs_nothing(path: pathlib.Path) -> None:
    shell = FakeShell()
    assert lxd_api.over_shell(shell, str(path), target="lxd1").get_many([]) == ()
    assert shell.commands == []


def test_closing_leaves_the_shell_open(path: pathlib.Path) -> None:
    lxd_api.over_shell(FakeShell(), str(path), target="lxd1").close()


def test_bytes_come_back_unchanged(path: pathlib.Path) -> None:
    data = bytes(range(256)) * 999
    with hostile.on_unix(path, lambda _line: hostile.http(200, data)):
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        (reply,) = lxd.send_many([Request(method="GET", path="/1.0")])
    assert reply.body == data


def test_body_and_verbs_arrive(path: pathlib.Path) -> None:
    with echoing(path) as served:
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        lxd.send_many(
            [
                Request(method="POST", path="/1.0/x", body={"a": "é"}),
                Request(method="DELETE", path="/1.0/x"),
            ]
        )
    assert served.requests == ["POST /1.0/x", "DELETE /1.0/x"]
    assert served.bodies == [b'{"a": "\\u00e9"}', b""]


def test_error_of_lxd_is_an_answer(path: pathlib.Path) -> None:
    body = b'{"type": "error", "error": "not found", "error_code": 404}'
    with hostile.on_unix(path, lambda _line: hostile.http(404, body)):
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        (answer,) = lxd.get_many(["/1.0/x"])
    assert (answer.status, answer.error) == (404, "not found")


def test_threads_get_their_own_answers(path: pathlib.Path) -> None:
    adapter = shell_tunnel.TunnelAdapter(FakeShell(), str(path), "lxd1")
    asked = requests.Request("GET", shell_tunnel.URL).prepare()
    found: list[bytes] = []

    def ask() -> None:
        with adapter.batch([Request(method="GET", path="/1.0/theirs")]):
            found.append(adapter.send(asked).content)

    with echoing(path), adapter.batch([Request(method="GET", path="/1.0/ours")]):
        other = threading.Thread(target=ask)
        other.start()
        other.join()
        found.append(adapter.send(asked).content)
    assert [b"theirs" in found[0], b"ours" in found[1]] == [True, True]


def test_threads_may_share_a_connection(path: pathlib.Path) -> None:
    lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = lxd.get_many([f"/1.0/{number}"])[0].metadata

    with echoing(path):
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {number: [f"GET /1.0/{number}"] for number in range(4)}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda out: b"Welcome!\n** maintenance at noon **\n" + out,
        lambda out: b"no line break" + out,
        lambda out: out + b"logout\n",
        lambda out: out.replace(b"\n", b"\r\n"),
    ],
    ids=["banner", "banner without end", "farewell", "terminal"],
)
def test_noise_around_the_payload_does_no_harm(path: pathlib.Path, spoil: Spoil) -> None:
    with echoing(path):
        lxd = lxd_api.over_shell(FakeShell(spoil), str(path), target="lxd1")
        assert lxd.get_many(["/1.0"])[0].metadata == ["GET /1.0"]


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda _out: b"", "was cut off"),
        (lambda out: out[: len(out) // 2], "was cut off"),
        (lambda out: out.rstrip()[:-3], "was cut off"),
        (lambda out: re.sub(rb":begin\n.*\n", b":begin\n\n", out), "is incomplete"),
        (lambda out: re.sub(rb"(:begin\n\S{20})\S{8}", rb"\1", out), "is damaged"),
        (lambda out: re.sub(rb"(:begin\n\S{20})\S", rb"\1", out), "is damaged"),
        (lambda out: re.sub(rb"(:begin\n\S{20}).*\n", rb"\1\n", out), "is incomplete"),
    ],
    ids=["nothing", "half", "no end", "empty", "a group lost", "a letter lost", "a line cut"],
)
def test_incomplete_payload_is_not_an_answer(path: pathlib.Path, spoil: Spoil, cause: str) -> None:
    with echoing(path):
        assert failure(FakeShell(spoil), path).endswith(cause)


def test_truncated_output_is_not_taken_for_complete() -> None:
    payload = base64.b64encode(zlib.compress(b'{"replies": []}\n'))
    whole = b"Welcome!\nabc:begin\n" + payload + b"\nabc:end\n"
    assert shell_tunnel._payload(Output(exit_status=0, stdout=whole, stderr=b""), "abc")
    for length in range(len(whole) - 1):
        with pytest.raises(shell_tunnel._Lost):
            shell_tunnel._payload(Output(exit_status=0, stdout=whole[:length], stderr=b""), "abc")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"replies": null}\n',
        b'{"replies": []}\n',
        b'{"replies": [1]}\n',
        b'{"replies": [[200, 2]]}\n{}',
        b'{"replies": [["200", 2, ""]]}\n{}',
        b'{"replies": [[200, "2", ""]]}\n{}',
        b'{"replies": [[200, 9, ""]]}\n{}',
        b'{"replies": [[200, -1, ""]]}\n{}',
        b'{"replies": [[200, 2, null]]}\n{}',
        b'{"replies": [[200, 2, ""], [200, 0, ""]]}\n{}',
        b'{"cause": null}\n',
        b"[" * 100_000,
    ],
)
def test_malformed_payload_is_not_an_answer(payload: bytes) -> None:
    text = failure(ForgedShell(payload), "/x")
    assert text == "the command that carries the API returned a malformed payload"


def test_cause_from_the_host_is_one_line() -> None:
    assert failure(ForgedShell(b'{"cause": "a\\n\\u001b[1mb"}\n'), "/x") == "a [1mb"


def test_payload_above_the_limit_is_not_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_tunnel, "PAYLOAD_LIMIT", 1 << 20)
    assert failure(ForgedShell(b" " * (64 << 20)), "/x").endswith("is incomplete")


def test_host_without_python_is_reported(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = failure(FakeShell(path=str(tmp_path)), path)
    assert text.startswith("no python3 on the host, which carries the API: install it (")
    assert "not found" in text


def test_failed_command_is_explained(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2; exit 1\n")
    python.chmod(0o755)
    text = failure(FakeShell(path=str(tmp_path)), path)
    assert text == "the command that carries the API ended with 1: sudo: a password is required"


def test_missing_socket_is_reported(path: pathlib.Path) -> None:
    assert failure(FakeShell(), path) == f"{path}: No such file or directory"


def test_peer_that_does_not_speak_http_is_reported(path: pathlib.Path) -> None:
    with hostile.on_unix(path, lambda _line: b"SSH-2.0-OpenSSH_9.2\r\n"):
        text = failure(FakeShell(), path)
    assert text == f"{path}: the listener does not speak HTTP"


def test_peer_that_hangs_up_gets_one_request(path: pathlib.Path) -> None:
    with hostile.on_unix(path, lambda _line: b"") as served:
        text = failure(FakeShell(), path, Request(method="POST", path="/1.0/x", body={}))
    assert text == f"{path}: the connection was closed without an answer"
    assert served.requests == ["POST /1.0/x"]


def test_silent_peer_is_not_waited_for(path: pathlib.Path) -> None:
    started = time.monotonic()
    with hostile.on_unix(path, lambda _line: None):
        text = failure(FakeShell(), path, Request(method="GET", path="/1.0", patience=0.2))
    assert time.monotonic() - started < CONNECT_SECONDS / 2
    assert text == "no answer to GET /1.0 in 0.2 s"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_answer_cut_short_is_an_error(path: pathlib.Path, answer: bytes) -> None:
    with hostile.on_unix(path, lambda _line: answer):
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        (found,) = lxd.get_many(["/1.0"])
    assert found.error == "the answer was cut short"


def test_huge_answer_is_an_error(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_tunnel, "BODY_LIMIT", 1 << 20)
    huge = hostile.http(200, b" " * (5 << 20))
    with hostile.on_unix(path, lambda line: huge if "huge" in line else hostile.success([line])):
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        spoiled, good = lxd.get_many(["/1.0/huge", "/1.0"])
    assert spoiled.error == "the answer is larger than what is read"
    assert good.metadata == ["GET /1.0"]


def test_limit_is_for_all_answers_of_a_batch(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_tunnel, "BODY_LIMIT", 1 << 20)
    with hostile.on_unix(path, lambda _line: hostile.http(200, b" " * (700 << 10))):
        lxd = lxd_api.over_shell(FakeShell(), str(path), target="lxd1")
        first, second = lxd.send_many([Request(method="GET", path="/1.0")] * 2)
    assert (first.error, second.error) == ("", "the answer is larger than what is read")


def test_request_too_long_for_a_command_is_not_run(path: pathlib.Path) -> None:
    shell = FakeShell()
    noise = random.Random(1).randbytes(150_000).hex()  # noqa: S311  only to defy compression
    text = failure(shell, path, Request(method="POST", path="/1.0/x", body=noise))
    assert text == "the request is too long for a shell command"
    assert shell.commands == []


@pytest.fixture
def candidates(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> list[pathlib.Path]:
    paths = [tmp_path / "snap.socket", tmp_path / "deb.socket"]
    monkeypatch.setattr(socket_relay, "CANDIDATES", tuple(str(path) for path in paths))
    return paths


@pytest.mark.parametrize("number", [0, 1])
def test_socket_is_found(candidates: list[pathlib.Path], number: int) -> None:
    with echoing(candidates[number]):
        lxd = lxd_api.over_shell(FakeShell(), target="lxd1")
        assert lxd.get_many(["/1.0"])[0].is_success


def test_missing_socket_message_names_the_candidates(candidates: list[pathlib.Path]) -> None:
    assert failure(FakeShell(), "") == (
        f"no LXD socket at {candidates[0]} or {candidates[1]}: name the socket: ?socket=/PATH"
    )


def test_two_answering_sockets_are_an_error(candidates: list[pathlib.Path]) -> None:
    with echoing(candidates[0]), echoing(candidates[1]):
        text = failure(FakeShell(), "")
    assert text == (
        f"two LXDs answer, at {candidates[0]} and {candidates[1]}: name the socket: ?socket=/PATH"
    )


def test_relay_is_python_of_old_hosts() -> None:
    source = pathlib.Path(socket_relay.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    imports = {
        name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imports == {"Any", "base64", "http.client", "json", "os.path", "socket", "sys", "zlib"}
