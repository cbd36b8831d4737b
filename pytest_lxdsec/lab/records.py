"""What outlives a killed run: which labs there are, by whose ids they can be ended.

A lab's record says, by process id together with the process' start time, who supervises it and
who is its init, and which control group is its own. So a lab that lost its supervisor is cleaned
by its own ids, and nothing is ever looked for by name. Imports cgroups and faults of this package.
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
    """One process for good: ids are used again, an id with its start time is not.

    Attributes:
        pid: The id, as this machine sees it.
        started: Clock ticks from the machine's boot to the process' start.
    """

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that ended and waits to be reaped does not."""
        return process(self.pid) == self

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end; return whether it ended."""
        return self._settle(timeout, None)

    def end(self, number: signal.Signals, timeout: float) -> bool:
        """Send it the signal, then as `wait`."""
        return self._settle(timeout, number)

    def _settle(self, timeout: float, number: signal.Signals | None) -> bool:
        try:
            file = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            # Asked after the file was opened: from here on the id cannot become another's.
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
    """One lab.

    Attributes:
        id: Its name in `lab:ID`.
        boot: The machine's boot it belongs to; after another one nothing of it is left.
        supervisor: The process outside that tears the lab down.
        init: The lab's PID 1; None until it was forked.
        cgroup: The lab's own control group; "" until it was chosen.
        created: Seconds since the epoch.
        is_lasting: Whether it outlives the run that started it.
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
        """Whether somebody will tear it down when its time comes."""
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
    state, *fields = text.rpartition(")")[2].split()  # The name before may hold spaces.
    return None if state in "ZX" else Process(pid=pid, started=int(fields[18]))


def myself() -> Process:
    """Return this process."""
    me = process(os.getpid())
    if me is None:
        raise lab_errors.LabUnavailable("lab: /proc is not mounted: mount -t proc proc /proc")
    return me


def create(record: Record) -> None:
    """Write the record of a lab that is not there yet; a reader sees all of it or nothing.

    Raises:
        FileExistsError: there is a record of this id.
    """
    draft = _draft(record.id)
    for _ in range(10):
        try:
            DIRECTORY.mkdir(mode=0o700, exist_ok=True)
            draft.write_text(_text(record))
        except OSError:
            if DIRECTORY.is_dir():
                raise
            continue  # Another lab's end removed the empty directory in between.
        try:
            os.link(draft, _path(record.id))
        finally:
            draft.unlink()
        return
    raise lab_errors.LabBroken(
        f"lab: {DIRECTORY} is removed again and again: is a clean-up looping?"
    )


def replace(record: Record) -> None:
    """Write what is known now; a reader sees the old record or the new one."""
    _draft(record.id).write_text(_text(record))
    _draft(record.id).rename(_path(record.id))


def remove(lab: str) -> None:
    """Forget a lab that is gone; and the directory with the last one."""
    _draft(lab).unlink(missing_ok=True)
    _path(lab).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # Other labs are in it.
        DIRECTORY.rmdir()


def read(lab: str) -> Record | None:
    """Return the record of one lab, or None where there is none.

    Raises:
        LabBroken: the file is not a record.
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
            f"lab: {_path(lab)} is no record of a lab: remove it"
        ) from error


def every() -> tuple[Record, ...]:
    """Return all records, oldest first; also of labs that lost their supervisor."""
    found = [read(path.stem) for path in sorted(DIRECTORY.glob("*.json"))]
    present = [record for record in found if record is not None]
    return tuple(sorted(present, key=lambda record: (record.created, record.id)))


def sweep() -> tuple[str, ...]:
    """Remove what labs without a supervisor left; return their ids.

    Raises:
        LabBroken: something of theirs cannot be removed.
    """
    orphans = tuple(record for record in every() if not record.is_supervised)
    for record in orphans:
        clean(record)
    return tuple(record.id for record in orphans)


def clean(record: Record) -> None:
    """End what is left of one lab and forget it; for its supervisor, or when that is dead."""
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
