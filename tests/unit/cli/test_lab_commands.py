"""What `lxdsec lab` refuses, and in which words."""

from __future__ import annotations

import os

import pytest

from pytest_lxdsec.cli import main
from pytest_lxdsec.lab import launch, records, requirements, status


@pytest.fixture
def one() -> status.Status:
    return status.Status(
        id="abc123", pid=42, age=61.4, is_lasting=True, version="5.0.2", instances=11
    )


@pytest.mark.parametrize("arguments", [[], ["lab"], ["lab", "up", "--instances", "-1"]])
def test_wrong_usage_is_exit_four(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(arguments)
    assert caught.value.code == 4
    assert capsys.readouterr().err != ""


def test_number_of_instances_must_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["lab", "up", "--instances", "many"])
    assert "'many' is not a number of instances: use 0 or more" in capsys.readouterr().err


@pytest.mark.parametrize(("action", "status_"), [("up", 1), ("status", 4), ("down", 4)])
def test_without_root_it_says_so_in_one_line(
    action: str, status_: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main.main(["lab", action]) == status_
    assert capsys.readouterr().err == "lxdsec: lab: needs root: run it as root (sudo)\n"


def test_interrupt_is_exit_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(requirements, "check", interrupt)
    assert main.main(["lab", "up"]) == 130
    assert capsys.readouterr().err == "lxdsec: interrupted\n"


def test_status_is_a_table(
    one: status.Status, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(status, "read", lambda: (one,))
    assert main.main(["lab", "status"]) == 0
    assert capsys.readouterr().out == (
        "ID      AGE   PID  LXD    INSTANCES  ENDS\n"
        "abc123  61 s  42   5.0.2  11         lxdsec lab down\n"
    )


def test_status_without_a_lab_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(status, "read", tuple)
    assert main.main(["lab", "status"]) == 0
    assert capsys.readouterr().out == "no lab is running: lxdsec lab up starts one\n"


def _pretend(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    me = records.Process(pid=1, started=1)
    kept = tuple(
        records.Record(id=name, boot="", supervisor=me, is_lasting=True) for name in names
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(records, "sweep", tuple)
    monkeypatch.setattr(records, "every", lambda: kept)
    monkeypatch.setattr(launch, "running", tuple)


def test_down_without_id_asks_which_of_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pretend(("aaa", "bbb"), monkeypatch)
    assert main.main(["lab", "down"]) == 4
    said = capsys.readouterr().err
    assert said == "lxdsec: lab down: which? aaa, bbb: name one, or use --all\n"


def test_down_where_none_runs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pretend((), monkeypatch)
    assert main.main(["lab", "down"]) == 4
    said = capsys.readouterr().err
    assert said == "lxdsec: lab down: no lasting lab is running: lxdsec lab status\n"
