"""The records of labs, without a lab."""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import subprocess
from collections.abc import Iterator

import pytest

from pytest_lxdsec.lab import cgroups, lab_errors, records

GONE = records.Process(pid=2**22, started=1)


@pytest.fixture(autouse=True)
def directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(records, "DIRECTORY", tmp_path / "lxdsec")
    return tmp_path / "lxdsec"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def of(child: subprocess.Popen[bytes]) -> records.Process:
    process = records.process(child.pid)
    assert process is not None
    return process


def record(**changes: object) -> records.Record:
    plain = records.Record(
        id="aaa", boot=records.boot(), supervisor=records.myself(), init=GONE, created=1.0
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def test_record_reads_back_as_it_was_written() -> None:
    records.create(record())
    assert records.read("aaa") == record()


def test_record_without_init_reads_back() -> None:
    records.create(record(init=None))
    assert records.read("aaa") == record(init=None)


def test_replaced_record_is_the_new_one() -> None:
    records.create(record())
    records.replace(record(is_lasting=True))
    assert records.every() == (record(is_lasting=True),)


def test_records_of_one_id_do_not_clash() -> None:
    records.create(record())
    with pytest.raises(FileExistsError):
        records.create(record())


def test_directory_is_removed_with_the_last_record(directory: pathlib.Path) -> None:
    records.create(record())
    records.create(record(id="bbb"))
    records.remove("aaa")
    assert directory.exists()
    records.remove("bbb")
    assert not directory.exists()


def test_no_directory_means_no_lab() -> None:
    assert records.every() == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": "aaa"}', '{"supervisor": 1}'])
def test_invalid_record_is_named(directory: pathlib.Path, text: str) -> None:
    directory.mkdir()
    (directory / "aaa.json").write_text(text)
    with pytest.raises(lab_errors.LabBroken, match=r"aaa\.json is not a lab's record: remove it$"):
        records.every()


def test_supervised_lab_is_not_swept() -> None:
    records.create(record())
    assert records.sweep() == ()
    assert records.read("aaa") is not None


def test_lab_without_supervisor_is_swept() -> None:
    records.create(record(supervisor=GONE))
    assert records.sweep() == ("aaa",)
    assert records.read("aaa") is None


def test_sweep_kills_the_recorded_init(child: subprocess.Popen[bytes]) -> None:
    records.create(record(supervisor=GONE, init=of(child)))
    records.sweep()
    assert child.wait(10) == -signal.SIGKILL


def test_sweep_spares_a_process_that_only_has_the_same_id(
    child: subprocess.Popen[bytes],
) -> None:
    another = dataclasses.replace(of(child), started=of(child).started - 1)
    records.create(record(supervisor=GONE, init=another))
    records.sweep()
    assert of(child).is_alive


def test_sweep_after_a_reboot_only_removes_the_record(child: subprocess.Popen[bytes]) -> None:
    records.create(record(boot="another", init=of(child)))
    assert records.sweep() == ("aaa",)
    assert of(child).is_alive


@pytest.mark.parametrize(
    ("group", "removed"),
    [
        ("/sys/fs/cgroup/lxdsec/aaa", ["/sys/fs/cgroup/lxdsec/aaa"]),
        ("/sys/fs/cgroup/lxdsec/bbb", []),
        ("/sys/fs/cgroup/system.slice", []),
        ("", []),
    ],
)
def test_sweep_removes_the_labs_own_control_group_only(
    group: str, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(cgroups, "remove", seen.append)
    records.create(record(supervisor=GONE, cgroup=group))
    records.sweep()
    assert seen == removed


def test_process_that_ended_is_not_alive_before_it_is_reaped(
    child: subprocess.Popen[bytes],
) -> None:
    process = of(child)
    assert process.end(signal.SIGKILL, 10)
    assert not process.is_alive


def test_wait_for_a_running_process_times_out(child: subprocess.Popen[bytes]) -> None:
    assert not of(child).wait(0.01)


def test_end_of_an_ended_process_is_not_an_error() -> None:
    assert GONE.end(signal.SIGKILL, 0)
