"""A person at a terminal sees who is waited for; a pipe, CI and the quiet see nothing."""

from __future__ import annotations

import os
import pathlib
import pty
import select
import subprocess
import sys

import pytest

from pytest_lxdsec.session import progress
from tests import conftest
from tests.support import evidence_documents

SECONDS = 60
WAITING = "1 gathered, waiting for evidence:"


@pytest.fixture
def evidence(tmp_path: pathlib.Path) -> pathlib.Path:
    return evidence_documents.write(evidence_documents.baseline(), tmp_path / "good.json")


def command(evidence: pathlib.Path, *arguments: str) -> list[str]:
    base = [sys.executable, "-m", "pytest", f"--lxd-host=evidence:{evidence}"]
    return [*base, "--lxd-control=LXD-NAM-01", "-p", "no:cacheprovider", *arguments]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in (*conftest.LEAKS, "CI")}
    return {**kept, "TERM": "xterm", **more}


def at_terminal(evidence: pathlib.Path, *arguments: str, **more: str) -> str:
    """Return what a session writes to a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(evidence, *arguments),
        cwd=evidence.parent,
        env=environment(**more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        text = _all_of(ours)
    os.close(ours)
    return text


def _all_of(terminal: int) -> str:
    found = b""
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        found += part
    return found.decode(errors="replace")


def test_terminal_shows_who_is_waited_for(evidence: pathlib.Path) -> None:
    assert f"\rlxd: 0 of {WAITING}" in at_terminal(evidence)


def test_line_is_gone_when_all_are_gathered(evidence: pathlib.Path) -> None:
    text = at_terminal(evidence)
    assert text.partition("= test session starts")[0].rpartition("\r")[0].endswith(" ")


class Screen:
    """What a terminal reporter is asked to write over its line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def rewrite(self, line: str, *, erase: bool = False) -> None:
        assert erase or not line
        self.lines.append(line)


def test_line_says_what_a_host_is_busy_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    screen = Screen()
    line = progress.Progress(screen, ["ssh://a", "ssh://b\x1b[2J"])  # type: ignore[arg-type]  # all that is asked of it
    line.does("ssh://a", "probe 2 of 9")
    line.does("ssh://b\x1b[2J", "x\x07")
    assert screen.lines[-1] == (
        "lxd: 0 of 2 gathered, waiting for ssh://a (probe 2 of 9), ssh://b\\x1b[2J (x\\x07)"
    )
    line.gathered("ssh://a")
    assert screen.lines[-1].startswith("lxd: 1 of 2 gathered, waiting for ssh://b")


@pytest.mark.parametrize(("arguments", "more"), [(("-q",), {}), ((), {"CI": "true"})])
def test_quiet_and_ci_show_nothing(
    evidence: pathlib.Path, arguments: tuple[str, ...], more: dict[str, str]
) -> None:
    assert WAITING not in at_terminal(evidence, *arguments, **more)


def test_pipe_shows_nothing(evidence: pathlib.Path) -> None:
    done = subprocess.run(
        command(evidence),
        cwd=evidence.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert "waiting for" not in done.stdout
