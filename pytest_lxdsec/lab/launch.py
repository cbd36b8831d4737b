"""Starting, finding and ending labs; imports this package and the error tree.

A run holds its lab on a leash: one end of a pipe that closes when the run does, however it ends.
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
_PATIENCE = 60.0  # Seconds for a lab's end; the kernel needs one or two, or more under load.
_PACKAGES = str(pathlib.Path(__file__).parents[2])
_SUPERVISE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from pytest_lxdsec.lab import supervisor; supervisor.run(sys.argv[2], int(sys.argv[3]))"
)


class _Leash:
    """What ties one lab to this run until it is kept or let go."""

    def __init__(self) -> None:
        self.lab = secrets.token_hex(3)
        self._is_kept = False
        self._end, self._held = os.pipe()
        self._report, self._telling = os.pipe()

    def supervise(self) -> str:
        """Start the supervisor; return all it and the lab's init say until the lab stands."""
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SUPERVISE, _PACKAGES, self.lab, str(self._end)],
            stdin=subprocess.DEVNULL,
            stdout=self._telling,
            stderr=self._telling,
            pass_fds=(self._end,),
            start_new_session=True,
            cwd="/",
        ):
            self._forget_theirs()
        return self._listen()

    def keep(self) -> None:
        """Let the lab outlive this run; return when its record says so.

        Raises:
            LabBroken: it has ended.
        """
        with contextlib.suppress(BrokenPipeError):
            os.write(self._held, supervisor.KEEP)
        record = records.read(self.lab)
        while record is not None and record.is_supervised:
            if record.is_lasting:
                self._is_kept = True
                return
            time.sleep(0.005)
            record = records.read(self.lab)
        raise lab_errors.LabBroken(f"lab: {self.lab} has ended by itself")

    def release(self) -> None:
        """Let go; return when nothing of the lab is left, or when it is kept."""
        self._forget_theirs()
        os.close(self._held)
        self._listen()  # Its end means: there is a record by now, or there never will be one.
        os.close(self._report)
        if not self._is_kept:
            _await_end(self.lab)

    def _forget_theirs(self) -> None:
        for number in {self._end, self._telling} - {-1}:
            os.close(number)
        self._end = self._telling = -1

    def _listen(self) -> str:
        with open(self._report, "rb", closefd=False) as report:
            return report.read().decode(errors="replace")


@contextlib.contextmanager
def throw_away(plan: scenario.Scenario) -> Iterator[handle.Lab]:
    """As `lab.throw_away`."""
    with _leashed(plan) as (here, _):
        yield here


def start(plan: scenario.Scenario) -> handle.Lab:
    """As `lab.start`."""
    with _leashed(plan) as (here, leash):
        leash.keep()
    return here


def stop(here: handle.Lab) -> None:
    """As `lab.stop`."""
    record = records.read(here.id)
    if record is None:
        return
    if record.is_supervised:
        record.supervisor.end(signal.SIGTERM, _PATIENCE)
    _await_end(here.id)


def running() -> tuple[handle.Lab, ...]:
    """As `lab.running`."""
    return tuple(
        _lab(record.id, record.init.pid)
        for record in records.every()
        if record.init is not None and record.is_supervised
    )


def find(name: str) -> handle.Lab:
    """As `lab.find`."""
    labs = {here.id: here for here in running()}
    if name in labs:
        return labs[name]
    if not labs:
        raise errors.UserError(f"lab: no lab {name!r}: none is running: use lxdsec lab up")
    near = difflib.get_close_matches(name, labs, n=1)
    advice = f"did you mean {near[0]}?" if near else f"running: {', '.join(sorted(labs))}"
    raise errors.UserError(f"lab: no lab {name!r}: {advice}")


@contextlib.contextmanager
def _leashed(plan: scenario.Scenario) -> Iterator[tuple[handle.Lab, _Leash]]:
    requirements.check()
    records.sweep()
    leash = _Leash()
    try:
        yield _bring_up(leash, plan), leash
    finally:
        leash.release()


def _bring_up(leash: _Leash, plan: scenario.Scenario) -> handle.Lab:
    said = leash.supervise()
    record = records.read(leash.lab)
    if said != pid1.READY.decode() or record is None or record.init is None:
        reason = (said.strip() or "lab: its processes were killed").splitlines()[-1]
        raise lab_errors.LabUnavailable(reason)
    here = _lab(leash.lab, record.init.pid)
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
