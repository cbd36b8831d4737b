"""The process outside a lab that tears the lab down when its run has ended.

It reads a pipe, the lifeline, whose other end only the run holds. The pipe's end means that the
run has ended, however it ended. The text `KEEP` means that the lab lasts until this process gets
SIGTERM. While the lab starts, standard error carries the reason of a failure to the run, or
`pid1.READY`.
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


def run(lab: str, lifeline: int) -> None:
    """Start the lab, watch it, and remove all of it.

    Args:
        lab: The lab's id.
        lifeline: The file descriptor of the pipe from the run.
    """
    if os.fork():
        os._exit(0)  # The run waits for this process; the supervisor must not be its child.
    try:
        _supervise(lab, lifeline)
    except (errors.LxdsecError, OSError) as error:
        sys.exit(str(error))


def _supervise(lab: str, lifeline: int) -> None:
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
        syscalls.detach_streams()
        _watch(record, lifeline, wakeup)
    finally:
        _tear_down(record)


def _wake_on_termination() -> int:
    """Return a file descriptor that SIGTERM makes readable; ignore the terminal's signals.

    The run handles the terminal's signals.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reading


def _start_init(record: records.Record) -> records.Record:
    """Fork PID 1 of the lab, which waits until the record on disk names it."""
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
    os.read(armed_read, 1)  # From here on it dies with this process.
    cgroups.move(record.cgroup, pid)
    record = dataclasses.replace(record, init=records.process(pid))
    records.replace(record)
    os.write(go_write, b"1")
    os.close(armed_read)
    os.close(go_write)
    return record


def _watch(record: records.Record, lifeline: int, wakeup: int) -> None:
    """Return when the run or the lab's init has ended, or on SIGTERM."""
    if record.init is None:
        return
    ended = os.pidfd_open(record.init.pid)
    watched = [lifeline, wakeup, ended]
    while True:
        ready = select.select(watched, [], [])[0]
        if ready != [lifeline]:
            return
        if os.read(lifeline, len(KEEP)) != KEEP:
            return
        records.replace(dataclasses.replace(record, is_lasting=True))
        watched.remove(lifeline)


def _tear_down(record: records.Record) -> None:
    try:
        records.clean(record)
    finally:
        if record.init is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(record.init.pid, 0)
