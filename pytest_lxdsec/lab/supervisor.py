"""Who stays outside a lab, and tears it down when its run is gone.

It reads a pipe whose other end only the run holds. The pipe's end means that the run is gone,
however it went; the word of `KEEP` on it means that the lab is to last until somebody ends this
process. Until the lab stands, standard error tells the run why it does not, or the word of
`pid1.READY`. Imports this package and the error tree.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import sys
import time

from .. import errors
from . import cgroups, pid1, records, syscalls

KEEP = b"keep"


def run(lab: str, leash: int) -> None:
    """Start the lab, watch it, and leave nothing of it.

    Args:
        lab: its id.
        leash: the file descriptor of the pipe to the run.
    """
    if os.fork():
        os._exit(0)  # The run waits for us; the supervisor shall be nobody's child.
    try:
        _supervise(lab, leash)
    except (errors.LxdsecError, OSError) as error:
        sys.exit(str(error))


def _supervise(lab: str, leash: int) -> None:
    wakeup = _wake_on_termination()
    record = records.Record(
        id=lab,
        boot=records.boot(),
        supervisor=records.myself(),
        cgroup=cgroups.path_for(lab),
        created=time.time(),
    )
    records.create(record)
    try:
        cgroups.create(record.cgroup)
        record = _start_init(record)
        _quiet()
        _watch(record, leash, wakeup)
    finally:
        _tear_down(record)


def _wake_on_termination() -> int:
    """Turn SIGTERM into something to read; a terminal's signals are the run's business."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reading


def _start_init(record: records.Record) -> records.Record:
    """Fork PID 1 of the lab; it does nothing before the record on disk can name it."""
    syscalls.unshare(syscalls.CLONE_NEWPID)
    armed_read, armed_write = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(armed_read)
        os.close(go_write)
        pid1.main(armed=armed_write, go=go_read)
    os.close(armed_write)
    os.close(go_read)
    os.read(armed_read, 1)  # From here on it dies with us.
    cgroups.move(record.cgroup, pid)
    record = dataclasses.replace(record, init=records.process(pid))
    records.replace(record)
    os.write(go_write, b"1")
    os.close(armed_read)
    os.close(go_write)
    return record


def _quiet() -> None:
    """Let go of the run's streams: whoever reads them shall not wait for this process."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.close(null)


def _watch(record: records.Record, leash: int, wakeup: int) -> None:
    """Return when the run is gone, when the lab's init is, or on SIGTERM."""
    if record.init is None:
        return
    ended = os.pidfd_open(record.init.pid)
    watched = [leash, wakeup, ended]
    while True:
        ready = select.select(watched, [], [])[0]
        if ready != [leash]:
            return
        if os.read(leash, len(KEEP)) != KEEP:
            return
        records.replace(dataclasses.replace(record, is_lasting=True))
        watched.remove(leash)


def _tear_down(record: records.Record) -> None:
    try:
        records.clean(record)
    finally:
        if record.init is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(record.init.pid, 0)
