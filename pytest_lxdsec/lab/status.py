"""The status of labs for `lxdsec lab status`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from . import lab_errors, launch, lxd_client, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One running lab.

    Attributes:
        id: The lab's name in `lab:ID`.
        pid: The process id of the lab's PID 1 on this machine.
        age: Seconds since the lab was started.
        is_lasting: True if the lab outlives the run that started it.
        version: LXD's version; "" while LXD does not answer.
        instances: The number of instances in all projects.
    """

    id: str
    pid: int
    age: float
    is_lasting: bool
    version: str = ""
    instances: int = 0


def read() -> tuple[Status, ...]:
    """Return the status of every running lab, oldest first."""
    found = {record.id: record for record in records.every()}
    return tuple(
        _status(found[here.id], here.pid, lxd_client.Client(here.socket))
        for here in launch.running()
        if here.id in found
    )


def _status(record: records.Record, pid: int, lxd: lxd_client.Client) -> Status:
    try:
        version = lxd.get("/1.0")["environment"]["server_version"]
        instances = len(lxd.get("/1.0/instances?all-projects=true"))
    except lab_errors.LabBroken:  # The lab is starting, or its daemon was stopped.
        version, instances = "", 0
    return Status(
        id=record.id,
        pid=pid,
        age=time.time() - record.created,
        is_lasting=record.is_lasting,
        version=version,
        instances=instances,
    )
