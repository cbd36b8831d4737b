"""The records of labs on disk, by which labs can be ended even after their run was killed.

A lab's record names its supervisor and its init, each by process id and start time, and its
control group. So a lab that lost its supervisor is removed by its own ids, never by a name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
from dataclasses import dataclass

from . import cgroups, lab_errors

DIRECTORY = pathlib.Path("/run/lxdsec")
_BOOT = pathlib.Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, identified for ever: the kernel reuses ids, but not with the same start time.

    Attributes:
        pid: The process id on this machine.
        started: Clock ticks from the machine's boot to the start of the process.
    """

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        """Return True if the process runs; a zombie does not."""
        return process(self.pid) == self

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end of the process; return True if it ended."""
        return self._settle(timeout, None)

    def end(self, number: signal.Signals, timeout: float) -> bool:
        """Send the signal to the process, then wait; return True if it ended (see `wait`)."""
        return self._settle(timeout, number)

    def _settle(self, timeout: float, number: signal.Signals | None) -> bool:
        try:
            file = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            # Checked after the file was opened: the file stays with this process.
            if not self.is_alive:
                return True
            if number is not None:
                signal.pidfd_send_signal(file, number)
            return bool(select.select([file], [], [], timeout)[0])
        except ProcessLookupError:
            return True
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one lab.

    Attributes:
        id: The lab's name in `lab:ID`.
        boot: The id of the machine's boot in which the lab started; a reboot ends all labs.
        supervisor: The process outside the lab that tears it down.
        init: The lab's PID 1; None until it is forked.
        cgroup: The path of the lab's control group; "" until it is chosen.
        created: The time of the start, in seconds since the epoch.
        is_lasting: True if the lab outlives the run that started it.
    """

    id: str
    boot: str
    supervisor: Process
    init: Process | None = None
    cgroup: str = ""
    created: float = 0.0
    is_lasting: bool = False

    @property
    def is_supervised(self) -> bool:
        """Return True if the lab has a running supervisor, which will tear it down."""
        return self.boot == boot() and self.supervisor.is_alive


def boot() -> str:
    """Return the id of the machine's boot."""
    return _BOOT.read_text().strip()


def process(pid: int) -> Process | None:
    """Return the running process with this id, or None."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = text.rpartition(")")[2].split()  # The name before it may contain spaces.
    return None if state in "ZX" else Process(pid=pid, started=int(fields[18]))


def myself() -> Process:
    """Return this process.

    Raises:
        LabUnavailable: /proc is not mounted.
    """
    me = process(os.getpid())
    if me is None:
        raise lab_errors.LabUnavailable("lab: /proc is not mounted: mount -t proc proc /proc")
    return me


def create(record: Record) -> None:
    """Write the record of a new lab atomically.

    Raises:
        FileExistsError: A record with this id exists.
        LabBroken: Another process removes the directory again and again.
    """
    draft = _draft(record.id)
    for _ in range(10):
        try:
            DIRECTORY.mkdir(mode=0o700, exist_ok=True)
            draft.write_text(_text(record))
        except OSError:
            if DIRECTORY.is_dir():
                raise
            continue  # The end of another lab removed the empty directory in between.
        try:
            os.link(draft, _path(record.id))
        finally:
            draft.unlink()
        return
    raise lab_errors.LabBroken(
        f"lab: {DIRECTORY} is removed again and again: is a clean-up looping?"
    )


def replace(record: Record) -> None:
    """Replace the record of a lab atomically."""
    _draft(record.id).write_text(_text(record))
    _draft(record.id).rename(_path(record.id))


def remove(lab: str) -> None:
    """Remove the record of a lab that has ended, and the directory with the last record."""
    _draft(lab).unlink(missing_ok=True)
    _path(lab).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # The records of other labs are in it.
        DIRECTORY.rmdir()


def read(lab: str) -> Record | None:
    """Return the record of one lab, or None if it does not exist.

    Raises:
        LabBroken: The file is not a record.
    """
    try:
        text = _path(lab).read_text()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        supervisor, init = document.pop("supervisor"), document.pop("init")
        return Record(
            supervisor=Process(**supervisor),
            init=Process(**init) if init is not None else None,
            **document,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise lab_errors.LabBroken(
            f"lab: {_path(lab)} is not a lab's record: remove it"
        ) from error


def every() -> tuple[Record, ...]:
    """Return all records, oldest first, including those of labs that lost their supervisor."""
    found = [read(path.stem) for path in sorted(DIRECTORY.glob("*.json"))]
    present = [record for record in found if record is not None]
    return tuple(sorted(present, key=lambda record: (record.created, record.id)))


def sweep() -> tuple[str, ...]:
    """Remove all labs that lost their supervisor; return their ids.

    Raises:
        LabBroken: A process or control group of such a lab cannot be removed.
    """
    orphans = tuple(record for record in every() if not record.is_supervised)
    for record in orphans:
        clean(record)
    return tuple(record.id for record in orphans)


def clean(record: Record) -> None:
    """End the processes of one lab, and remove its control group and its record.

    Only the lab's supervisor may call it, or another process if the supervisor is dead.

    Raises:
        LabBroken: The lab's init or its control group cannot be removed.
    """
    if record.boot == boot():
        if record.init is not None and not record.init.end(signal.SIGKILL, 10):
            raise lab_errors.LabBroken(
                f"lab: {record.id}: process {record.init.pid} cannot be killed"
            )
        if pathlib.Path(record.cgroup).parts[-2:] == (cgroups.FAMILY, record.id):
            cgroups.remove(record.cgroup)
    remove(record.id)


def _path(lab: str) -> pathlib.Path:
    return DIRECTORY / f"{lab}.json"


def _draft(lab: str) -> pathlib.Path:
    return DIRECTORY / f"{lab}.new"


def _text(record: Record) -> str:
    return json.dumps(dataclasses.asdict(record), sort_keys=True) + "\n"
