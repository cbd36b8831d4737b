"""Starts, finds and ends labs.

A lab is tied to its run by a pipe, the lifeline: the run's end of it closes when the run ends,
however it ends.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from .. import errors
from . import (
    build,
    handle,
    lab_errors,
    lxd_client,
    pid1,
    records,
    requirements,
    scenario,
    supervisor,
)

_SOCKET = "/var/lib/lxd/unix.socket"
_PATIENCE = 60.0  # Seconds for a lab's end; the kernel needs one or two, and more under load.
_PACKAGES = str(pathlib.Path(__file__).parents[2])
_SUPERVISE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from pytest_lxdsec.lab import supervisor; supervisor.run(sys.argv[2], int(sys.argv[3]))"
)


class _Lifeline:
    """The pipes that tie one lab to this run until the lab is kept or released."""

    def __init__(self) -> None:
        self.lab = secrets.token_hex(3)
        self._is_kept = False
        self._read_end, self._write_end = os.pipe()
        self._report_read, self._report_write = os.pipe()

    def supervise(self) -> str:
        """Start the supervisor; return the output of it and the lab's init until the lab is up."""
        arguments = [_PACKAGES, self.lab, str(self._read_end)]
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SUPERVISE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._report_write,
            stderr=self._report_write,
            pass_fds=(self._read_end,),
            start_new_session=True,
            cwd="/",
        ):
            self._close_supervisor_ends()
        return self._read_report()

    def keep(self) -> None:
        """Let the lab outlive this run; return when its record is marked as lasting.

        Raises:
            LabBroken: The lab has ended.
        """
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write_end, supervisor.KEEP)
        record = records.read(self.lab)
        while record is not None and record.is_supervised:
            if record.is_lasting:
                self._is_kept = True
                return
            time.sleep(0.005)
            record = records.read(self.lab)
        raise lab_errors.LabBroken(f"lab: {self.lab} has ended by itself")

    def release(self) -> None:
        """Close the pipes; return when the lab has ended, or at once if it is kept."""
        self._close_supervisor_ends()
        os.close(self._write_end)
        self._read_report()  # At its end the lab's record exists, or never will.
        os.close(self._report_read)
        if not self._is_kept:
            _await_end(self.lab)

    def _close_supervisor_ends(self) -> None:
        for number in {self._read_end, self._report_write} - {-1}:
            os.close(number)
        self._read_end = self._report_write = -1

    def _read_report(self) -> str:
        with open(self._report_read, "rb", closefd=False) as report:
            return report.read().decode(errors="replace")


@contextlib.contextmanager
def throw_away(plan: scenario.Scenario) -> Iterator[handle.Lab]:
    """Run a lab for the length of a `with` block; see `lab.throw_away`."""
    with _tied(plan) as (here, _):
        yield here


def start(plan: scenario.Scenario) -> handle.Lab:
    """Start a lab that outlives this run; see `lab.start`."""
    with _tied(plan) as (here, lifeline):
        lifeline.keep()
    return here


def stop(here: handle.Lab) -> None:
    """End a lab; see `lab.stop`."""
    record = records.read(here.id)
    if record is None:
        return
    if record.is_supervised:
        record.supervisor.end(signal.SIGTERM, _PATIENCE)
    _await_end(here.id)


def running() -> tuple[handle.Lab, ...]:
    """Return all running labs; see `lab.running`."""
    return tuple(
        _lab(record.id, record.init.pid)
        for record in records.every()
        if record.init is not None and record.is_supervised
    )


def find(name: str) -> handle.Lab:
    """Return the running lab with this id; see `lab.find`."""
    labs = {here.id: here for here in running()}
    if name in labs:
        return labs[name]
    if not labs:
        raise errors.UserError(f"lab: no lab {name!r}: no lab is running: use lxdsec lab up")
    near = difflib.get_close_matches(name, labs, n=1)
    advice = f"did you mean {near[0]}?" if near else f"running: {', '.join(sorted(labs))}"
    raise errors.UserError(f"lab: no lab {name!r}: {advice}")


@contextlib.contextmanager
def _tied(plan: scenario.Scenario) -> Iterator[tuple[handle.Lab, _Lifeline]]:
    requirements.check()
    records.sweep()
    lifeline = _Lifeline()
    try:
        yield _bring_up(lifeline, plan), lifeline
    finally:
        lifeline.release()


def _bring_up(lifeline: _Lifeline, plan: scenario.Scenario) -> handle.Lab:
    report = lifeline.supervise()
    record = records.read(lifeline.lab)
    if report != pid1.READY.decode() or record is None or record.init is None:
        reason = (report.strip() or "lab: its processes were killed").splitlines()[-1]
        raise lab_errors.LabUnavailable(reason)
    here = _lab(lifeline.lab, record.init.pid)
    lxd = lxd_client.Client(here.socket)
    build.wait_until_ready(lxd, f"/proc/{here.pid}/root")
    build.build(lxd, plan)
    return here


def _lab(name: str, pid: int) -> handle.Lab:
    return handle.Lab(id=name, pid=pid, socket=f"/proc/{pid}/root{_SOCKET}")


def _await_end(name: str) -> None:
    record = records.read(name)
    if record is None:
        return
    if record.is_supervised and not record.supervisor.wait(_PATIENCE):
        raise lab_errors.LabBroken(
            f"lab: {name} does not end: see process {record.supervisor.pid}"
        )
    if records.read(name) is not None:  # Its supervisor was killed, or failed.
        records.clean(record)
