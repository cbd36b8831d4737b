"""The plan: sections fail alone, end in time, and return values for JSON."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator

import pytest

from pytest_lxdsec.evidence import host_sweep
from pytest_lxdsec.sweep import main
from pytest_lxdsec.sweep.common import context, files, jsonable
from pytest_lxdsec.transport import Output

QUESTION = context.Question(server_pid=1)


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """An event that a section may wait for; it is set after the test."""
    event = threading.Event()
    yield event
    event.set()


def document(*sections: main.Section, seconds: float = 10) -> dict[str, dict[str, object]]:
    sweep = main.Sweep(QUESTION, seconds=seconds)
    sweep.run(sections, ())
    return sweep.document


def failing(_: context.Context) -> object:
    raise OSError("it broke")


def test_section_that_fails_fails_alone() -> None:
    assert document(("a", failing), ("b", lambda _facts: 1)) == {
        "a": {"error": "it broke"},
        "b": {"value": 1},
    }


def test_section_gets_the_value_of_an_earlier_one() -> None:
    found = document(("a", lambda _facts: [1]), ("b", lambda facts: [*facts.require("a"), 2]))
    assert found["b"] == {"value": [1, 2]}


def test_section_that_needs_a_failed_one_fails_with_its_reason() -> None:
    found = document(
        ("a", failing),
        ("b", lambda facts: facts.require("a")),
        ("c", lambda facts: facts.require("b")),
        ("d", lambda facts: facts.require("z")),
    )
    reason = "it needs host.a, which is missing: it broke"
    assert found["b"] == {"error": reason}
    assert found["c"] == {"error": f"it needs host.b, which is missing: {reason}"}
    assert found["d"] == {"error": "it needs host.z, which is missing: it was not gathered"}


def test_section_that_hangs_is_abandoned(hung: threading.Event) -> None:
    began = time.monotonic()
    sweep = main.Sweep(QUESTION, seconds=0.3)
    has_ended = sweep.run((("a", lambda _facts: hung.wait()), ("b", lambda _facts: 2)), ())
    assert not has_ended
    reason = "it had not ended when the sweep's 0.3 s were over"
    assert sweep.document["a"] == {"error": reason}
    assert time.monotonic() - began < 3


def test_section_that_hangs_does_not_take_the_time_of_the_next(
    hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "SECTION_SECONDS", 0.2)
    found = document(("a", lambda _facts: hung.wait()), ("b", lambda _facts: 2))
    assert found == {"a": {"error": "it did not end within 0.2 s"}, "b": {"value": 2}}


def test_section_beside_the_others_is_waited_for_last() -> None:
    done = threading.Event()
    sweep = main.Sweep(QUESTION)
    assert sweep.run((("a", lambda _facts: done.set()),), (("b", lambda _facts: done.wait(10)),))
    assert sweep.document["b"] == {"value": True}


def test_value_that_json_cannot_hold_is_an_error() -> None:
    assert document(("a", lambda _facts: {1, 2})) == {
        "a": {"error": "set is not a value for JSON"}
    }


def test_every_section_has_one_place() -> None:
    names = [name for name, _ in (*main.BESIDE, *main.SECTIONS)]
    assert len(names) == len(set(names))


def test_sweep_ends_before_the_promised_time() -> None:
    assert main.SWEEP_SECONDS < 150
    assert main.SECTION_SECONDS < main.SWEEP_SECONDS


def test_data_class_becomes_an_object() -> None:
    file = files.File(path="/a", exists=False)
    assert jsonable.encode((file,)) == [dataclasses.asdict(file)]


@pytest.mark.parametrize("text", ["a\udc80", "\ud800", "\udcff\u2028"])
def test_text_is_utf_8_whatever_the_host_calls_its_files(text: str) -> None:
    json.dumps(jsonable.encode({text: [text]}), ensure_ascii=False).encode()


def test_text_in_other_scripts_stays() -> None:
    assert jsonable.encode("größe 漢 😀") == "größe 漢 😀"


HANGING = """\
import sys
from pytest_lxdsec.sweep import main
from pytest_lxdsec.sweep.common import commands
hang = ("a", lambda _: commands.run("sleep", sys.argv[2]))
main.Sweep.run.__defaults__ = ((hang,), ())
main.Sweep.__init__.__kwdefaults__ = {"seconds": 0.5}
main.main()
"""


def test_sweep_ends_without_what_hangs_and_leaves_no_command_behind() -> None:
    question = base64.b64encode(zlib.compress(b'{"server_pid": 0}')).decode()
    word = f"600.{os.getpid()}"
    done = subprocess.run(
        [sys.executable, "-c", HANGING, question, word],
        capture_output=True,
        check=True,
        timeout=30,
    )
    parts = host_sweep.read(Output(exit_status=0, stdout=done.stdout, stderr=done.stderr))
    reason = "it had not ended when the sweep's 0.5 s were over"
    assert parts == {"host.a": {"missing": reason}}
    assert subprocess.run(["pgrep", "-f", f"^sleep {word}"], check=False).returncode == 1
