"""The probe: the script in real shells, and what its answers mean."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from pytest_lxdsec.evidence import guest_script
from pytest_lxdsec.evidence.guest_script import Answer
from tests.support import evidence_sweep

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
    groups = (*guest_script.UNPRIVILEGED, *guest_script.PRIVILEGED, *guest_script.NAMES_TOLD)
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
    "words",
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
def test_refusals_of_all_tools_are_understood(words: str) -> None:
    assert answer(f"mount: no: {words}") is Answer.REFUSED


@pytest.mark.parametrize(
    "words",
    [
        "No such file or directory",
        "Block device required",  # busybox mount
        "/dev/null is not a block device.",  # util-linux mount
        "no mount point specified.",
        "Invalid argument",
    ],
)
def test_what_failed_for_lack_of_an_object_was_not_refused(words: str) -> None:
    assert answer(f"umount: no: {words}") is Answer.ALLOWED


@pytest.mark.parametrize("line", ["mount: untried", "mount: no: Erlaubnis verweigert"])
def test_what_nobody_knows_is_unclear(line: str) -> None:
    assert answer(line) is Answer.UNCLEAR


@pytest.mark.parametrize("output", ["", "mount: ok\n", "end", "mount: ok\nend", "sh: oops\nend\n"])
def test_output_that_is_not_all_there_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match="probe"):
        guest_script.parse(output)


def run(output: str) -> guest_script.Attempts:
    return guest_script.parse(output)


def test_refused_inside_and_allowed_outside_is_shown() -> None:
    inside, control = run(evidence_sweep.probe()), run(evidence_sweep.control())
    assert all(one.shown for one in guest_script.judge(guest_script.UNPRIVILEGED, inside, control))
    assert guest_script.done(guest_script.UNPRIVILEGED, inside) == ()


def test_same_answer_on_both_tells_nothing() -> None:
    inside = run(evidence_sweep.probe())
    assert all(
        one.unclear for one in guest_script.judge(guest_script.UNPRIVILEGED, inside, inside)
    )


def test_what_neither_kernel_has_nobody_can_do() -> None:
    group = guest_script.Group(what="govern modules", attempts=("write a", "write b"))
    none = run("write a: absent\nwrite b: absent\nend\n")
    (judged,) = guest_script.judge([group], none, none)
    assert judged.shown == ("this kernel has nothing to do it with",)


def test_what_was_done_inside_needs_no_control() -> None:
    group = guest_script.Group(what="mount", attempts=("mount",))
    (done,) = guest_script.done([group], run("mount: no: Block device required\nend\n"))
    assert done.shown == ("mount: Block device required",)
