"""From what a session has seen to its document: the records of results, the hosts, the waivers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from .. import printable
from ..evidence import gather, model
from ..policy.waiver_audit import Judged
from ..reports import document, finding_identity
from ..reports.baseline import Baseline
from .hosts import Host
from .record import Record

NAME = "pytest-lxdsec"
LISTINGS = ("instances", "profiles", "networks", "certificates", "images")


def compose(  # noqa: PLR0913 - one argument for each thing that a session has seen
    records: Iterable[Record],
    hosts: Sequence[Host],
    waivers: Iterable[Judged] = (),
    *,
    others: Iterable[document.Other] = (),
    complete: bool = True,
    baseline: Baseline | None = None,
) -> document.Document:
    """Make the document of a session.

    Args:
        records: What came of each test, in any order.
        hosts: All that were named, reached or not.
        waivers: The policy's, audited.
        others: The tests that are no controls.
        complete: Whether the run came to its end.
        baseline: What is known from an earlier run.
    """
    asked = [record for record in records if record.control is not None]
    controls = {one.control.id: one.control for one in asked if one.control is not None}
    results = (record.result for record in asked)
    return document.make(
        tool=document.Tool(name=NAME, version=gather.TOOL),
        complete=complete,
        hosts=[_host(host) for host in hosts],
        controls=controls.values(),
        results=[_compared(one, controls[one.control], baseline) for one in results],
        waivers=[_waiver(judged) for judged in waivers],
        others=others,
    )


def name_of(host: Host) -> str:
    """Return what results call a host.

    Evidence brings the name along under which it was gathered.
    """
    return printable.printable(host.evidence.header.target if host.evidence else host.name)


def _host(host: Host) -> document.Host:
    evidence = host.evidence
    if evidence is None:
        error = printable.printable(host.error)
        return document.Host(name=name_of(host), error=error, round_trips={}, objects={})
    system = None if evidence.absent("host.os") else evidence.operating_system
    return document.Host(
        name=name_of(host),
        lxd=_version(evidence),
        system=printable.printable(system.title) if system else "",
        kernel=printable.printable(system.kernel) if system else "",
        taken=evidence.header.taken,
        evidence=printable.printable(host.kept),
        seconds=round(evidence.header.seconds, 3),
        round_trips=dict(sorted(evidence.header.round_trips.items())),
        objects={
            name: len(getattr(evidence, name).objects)
            for name in LISTINGS
            if not evidence.absent(name)
        },
    )


def _version(evidence: model.Evidence) -> str:
    if evidence.absent("server"):
        return ""
    return printable.printable(evidence.server.environment.server_version)


def _compared(
    result: document.Result, control: document.Control, baseline: Baseline | None
) -> document.Result:
    """Return a result that says whether its finding is in the baseline."""
    if result.finding is None or baseline is None:
        return result
    is_known = baseline.knows(control, finding_identity.of_result(result))
    state = document.Baseline.UNCHANGED if is_known else document.Baseline.NEW
    return dataclasses.replace(result, baseline=state)


def _waiver(judged: Judged) -> document.Waiver:
    waiver = judged.waiver
    return document.Waiver(
        control=waiver.control,
        subject=printable.printable(waiver.subject),
        host=printable.printable(waiver.host),
        reason=printable.printable(waiver.reason),
        owner=printable.printable(waiver.owner),
        expires=waiver.expires,
        max_subjects=waiver.max_subjects,
        source=printable.printable(waiver.source),
        state=judged.state,
        text=printable.printable(judged.text),
        objects=judged.objects,
    )
