"""Files and commands of the host: the whole text or an error, and always within a bound."""

from __future__ import annotations

import os
import pathlib
import signal
import time

import pytest

from pytest_lxdsec.sweep.common import commands


def test_setting_of_the_kernel_is_read() -> None:
    # The kernel refuses a read of 4 MiB of it with ENOMEM.
    assert commands.read("/proc/sys/kernel/ostype") == "Linux\n"


def test_file_longer_than_a_chunk_is_read_whole(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * (3 * commands.CHUNK + 1))
    assert len(commands.read(str(file))) == 3 * commands.CHUNK + 1


def test_file_that_is_too_long_is_refused_not_cut(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 11)
    monkeypatch.setattr(commands, "LONGEST_FILE", 10)
    with pytest.raises(ValueError, match="file is longer than 10 bytes"):
        commands.read(str(file))


def test_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LONGEST_FILE", 1 << 20)
    with pytest.raises(ValueError, match="longer"):
        commands.read("/dev/zero")


def test_bytes_that_are_not_utf_8_are_escaped(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a\xffb")
    assert commands.read(str(file)) == r"a\xffb"


def test_absent_file_is_none_and_not_an_error(tmp_path: pathlib.Path) -> None:
    assert commands.read_if_there(str(tmp_path / "nothing")) is None


def test_unreadable_file_is_an_error_and_not_absent(tmp_path: pathlib.Path) -> None:
    with pytest.raises(IsADirectoryError):
        commands.read_if_there(str(tmp_path))


def test_command_runs_in_the_c_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert commands.run("sh", "-c", "echo $LC_ALL").output == "C\n"


def test_command_gives_status_and_both_streams() -> None:
    done = commands.run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert done == commands.Done(status=3, output="out\n", errors="err\n")


def test_failure_has_the_last_line_of_the_errors() -> None:
    with pytest.raises(RuntimeError, match=r"^sh: the reason$"):
        commands.succeed("sh", "-c", "echo first >&2; echo the reason >&2; exit 1")


def test_silent_failure_has_the_exit_status() -> None:
    with pytest.raises(RuntimeError, match=r"^false: exit status 1$"):
        commands.succeed("false")


def test_command_that_hangs_is_killed_with_its_children(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "pid"
    # The child outlives the shell and holds the pipes: waiting for their end would never end.
    script = f"sleep 600 & echo $! > {file}; sleep 600"
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^sh did not end within 0\.3 s$"):
        commands.run("sh", "-c", script, seconds=0.3)
    assert time.monotonic() - began < 5
    assert not is_running(int(file.read_text()))


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    for _ in range(500):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return True


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("one\n  two"), "one two"),
        (ValueError(), "ValueError"),
        (FileNotFoundError(2, "No such file or directory", "/x"), "/x: No such file or directory"),
        (OSError("made by hand"), "made by hand"),
    ],
)
def test_reason_is_one_line(error: Exception, reason: str) -> None:
    assert commands.reason(error) == reason


def test_reason_is_bounded() -> None:
    assert len(commands.reason(ValueError("x" * 10_000))) == commands.LONGEST_REASON


def test_lines_end_at_line_feeds_only() -> None:
    assert commands.lines("a\x0bb\u2028c\x85d\r\ne\n") == ("a\x0bb\u2028c\x85d\r", "e")
