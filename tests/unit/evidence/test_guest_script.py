"""The probe: the script in real shells, and the meaning of its answers."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from pytest_lxdsec.evidence import guest_script
from pytest_lxdsec.evidence.guest_script import Answer
from pytest_lxdsec.inventory import guest_probe

SHELLS = (("sh",), ("bash", "--posix"), ("dash",), ("busybox", "sh"))


def answer(line: str) -> Answer:
    (found,) = guest_script.parse(f"{line}\nend\n").by_name.values()
    return found.answer


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_every_shell_answers_every_attempt(shell: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    done = subprocess.run(
        [*shell, "-c", guest_script.SCRIPT, "sh", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found = guest_script.parse(done.stdout)
    groups = (*guest_probe.UNPRIVILEGED, *guest_probe.PRIVILEGED, *guest_probe.NAME_LEAKS)
    assert {what for group in groups for what in group.attempts} <= set(found.by_name)
    assert list(tmp_path.iterdir()) == []


def test_shell_without_tools_still_answers(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", guest_script.SCRIPT, "sh", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": "/nowhere"},
    )
    found = guest_script.parse(done.stdout)
    assert found.by_name["mount"].answer is Answer.UNCLEAR
    assert found.by_name[f"write {guest_script.SETTINGS[0]}"].answer is not Answer.UNCLEAR


@pytest.mark.parametrize(
    "message",
    [
        "Permission denied",
        "Operation not permitted",
        "Read-only file system",
        "permission denied (are you root?)",  # busybox mount
        "block devices are not permitted on filesystem.",  # util-linux umount, EACCES
        "cannot mount /dev/null read-only.",  # util-linux mount, EACCES
        "must be superuser to unmount.",
    ],
)
def test_refusals_of_all_tools_are_understood(message: str) -> None:
    assert answer(f"mount: no: {message}") is Answer.REFUSED


@pytest.mark.parametrize(
    "message",
    [
        "No such file or directory",
        "Block device required",  # busybox mount
        "/dev/null is not a block device.",  # util-linux mount
        "no mount point specified.",
        "Invalid argument",
    ],
)
def test_failure_for_lack_of_an_object_is_not_a_refusal(message: str) -> None:
    assert answer(f"umount: no: {message}") is Answer.ALLOWED


@pytest.mark.parametrize("line", ["mount: untried", "mount: no: Erlaubnis verweigert"])
def test_unknown_answer_is_unclear(line: str) -> None:
    assert answer(line) is Answer.UNCLEAR


@pytest.mark.parametrize("output", ["", "mount: ok\n", "end", "mount: ok\nend", "sh: oops\nend\n"])
def test_output_that_is_not_all_there_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="probe"):
        guest_script.parse(output)
