"""The probe's answers inside a container, compared with the control run on the host. Pure.

A refusal inside counts only if the host's root was allowed the same: both are runs of one script.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..evidence import guest_script
from ..evidence.guest_script import Answer, Attempt, Attempts
from ..evidence.model import Evidence
from ..evidence.objects import Instance, Probe
from ..verdict import CannotTell, NotApplicable
from . import containers

FROZEN = "Frozen"
# A control group of liblxc's: the instance by its internal name.
_PAYLOAD = re.compile(r"lxc\.payload\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Attempts at the same action; one conclusive attempt is enough.

    Attributes:
        what: The action as findings name it, after "container root can".
        attempts: The names of the attempts.
    """

    what: str
    attempts: tuple[str, ...]


UNPRIVILEGED = (
    Group(
        what="change settings of the host's kernel",
        attempts=tuple(f"write {path}" for path in (*guest_script.SETTINGS, guest_script.CLOCK)),
    ),
    Group(what="make a device node", attempts=("mknod log", "mknod disk")),
    Group(
        what="govern kernel modules",
        attempts=tuple(f"write {path}" for path in guest_script.MODULES),
    ),
    Group(what="mount a disk", attempts=("mount", "write disk")),
)
PRIVILEGED = (
    Group(what="open devices of the host", attempts=("open disk", "open log")),
    Group(what="set the clock", attempts=("clock", f"write {guest_script.CLOCK}")),
    Group(what="unmount by force", attempts=("umount",)),
    Group(
        what="write to /proc/sys",
        attempts=tuple(
            f"write {path}" for path in (*guest_script.SETTINGS, *guest_script.MODULES)
        ),
    ),
)
NAME_LEAKS = tuple(
    Group(what=f"read {path}", attempts=(f"read {path}",))
    for path in (guest_script.SLAB, *guest_script.SCHEDULER)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The result of a group of attempts.

    Attributes:
        group: The group.
        shown: The conclusive attempts, each as a clause; empty if there are none.
        unclear: Why no attempt is conclusive, else "".
        is_empty: Whether neither the container nor the host has a file or device to try it on:
            then nothing was refused.
    """

    group: Group
    shown: tuple[str, ...] = ()
    unclear: str = ""
    is_empty: bool = False


def inside(evidence: Evidence, instance: Instance) -> Attempts:
    """Return the answers from inside a container.

    Raises:
        NotApplicable: it is a virtual machine, or nothing runs in it.
        CannotTell: the probe did not run there, or not to its end.
    """
    if not instance.is_container:
        raise NotApplicable(f"{instance.key} is a virtual machine: it has a kernel of its own")
    if not containers.may_run(evidence, instance):
        raise NotApplicable(f"{instance.key} does not run ({instance.status})")
    if instance.status == FROZEN:
        raise NotApplicable(f"{instance.key} is frozen: nothing in it can try anything")
    if not containers.is_here(evidence, instance):
        raise CannotTell(
            f"{instance.key} runs on cluster member {instance.location}: "
            "name that member's host with --lxd-host"
        )
    found = _by_key(evidence).get(instance.key)
    if found is None or found.error:
        why = found.error if found else "it was not asked"
        raise CannotTell(f"{instance.key}: no probe ran inside: {why}")
    return _read(found.output, instance.key)


def control(evidence: Evidence) -> Attempts:
    """Return the answers to the host's root.

    Raises:
        CannotTell: the control run did not run to its end.
    """
    return _read(evidence.control, "the control run on the host")


@functools.lru_cache(maxsize=containers.KEPT)
def _by_key(evidence: Evidence) -> Mapping[str, Probe]:
    return {probe.key: probe for probe in evidence.probes}


@functools.lru_cache(maxsize=4096)
def _read(output: str, whose: str) -> Attempts:
    try:
        return guest_script.parse(output)
    except ValueError as error:
        raise CannotTell(f"{whose}: {error}") from error


def done(evidence: Evidence, instance: Instance, groups: Iterable[Group]) -> tuple[str, ...]:
    """Return the actions that succeeded inside, each as a clause; raise like `inside`.

    No control run is needed: an attempt that succeeded was possible.
    """
    found = succeeded(groups, inside(evidence, instance))
    return tuple(f"{one.group.what} ({', '.join(one.shown)})" for one in found)


def refused(evidence: Evidence, instance: Instance, groups: Iterable[Group]) -> tuple[str, ...]:
    """Return the actions that were refused inside and not on the host, each as a clause.

    Raises:
        CannotTell: the attempts of a group had the same answer on both sides or were not made, or
            neither side has anything to try any group on.
    """
    judged = compare(groups, inside(evidence, instance), control(evidence))
    unclear = [f"{one.group.what}: {one.unclear}" for one in judged if one.unclear]
    if unclear:
        raise CannotTell(f"whether its root can {'; '.join(unclear)}")
    refused_here = [f"cannot {o.group.what} ({o.shown[0]})" for o in judged if not o.is_empty]
    if not refused_here:
        raise CannotTell(
            "this kernel has no file or device to try any of it on: nothing was refused"
        )
    untried = [f"{one.shown[0]}: {one.group.what}" for one in judged if one.is_empty]
    return (*refused_here, *untried)


def others_named(evidence: Evidence, instance: Instance, names: Iterable[str]) -> tuple[str, ...]:
    """Return the keys of other instances whose control groups these lines name, sorted."""
    seen = {name for line in names for name in _PAYLOAD.findall(line)}
    return tuple(
        sorted(
            other.key
            for other in evidence.instances
            if other.internal_name in seen and other.key != instance.key
        )
    )


def succeeded(groups: Iterable[Group], inside: Attempts) -> tuple[Judged, ...]:
    """Return the groups of which an attempt succeeded inside."""
    found = []
    for group in groups:
        attempts = [_of(inside, name) for name in group.attempts]
        allowed = tuple(_clause(one) for one in attempts if one.answer is Answer.ALLOWED)
        if allowed:
            found.append(Judged(group=group, shown=allowed))
    return tuple(found)


def compare(groups: Iterable[Group], inside: Attempts, control: Attempts) -> tuple[Judged, ...]:
    """Compare groups of which nothing succeeded inside with what the host's root could do."""
    return tuple(_compare(group, inside, control) for group in groups)


def _compare(group: Group, inside: Attempts, control: Attempts) -> Judged:
    pairs = [(_of(inside, name), _of(control, name)) for name in group.attempts]
    shown = tuple(
        _clause(guest)
        for guest, host in pairs
        if guest.answer is Answer.REFUSED and host.answer is Answer.ALLOWED
    )
    if shown:
        return Judged(group=group, shown=shown)
    if all(one.answer is Answer.ABSENT for pair in pairs for one in pair):
        nothing = "this kernel has no file or device to try it on"
        return Judged(group=group, shown=(nothing,), is_empty=True)
    answers = [
        f"{guest.what}: {_answer(guest)} inside, {_answer(host)} on the host"
        for guest, host in pairs
    ]
    return Judged(group=group, unclear="; ".join(answers))


def absent(group: Group, inside: Attempts) -> tuple[str, ...]:
    """Return the attempts of a group that had no file or device inside to be tried on."""
    return tuple(name for name in group.attempts if _of(inside, name).answer is Answer.ABSENT)


def _clause(attempt: Attempt) -> str:
    return f"{attempt.what}: {attempt.message or 'done'}"


def _of(attempts: Attempts, name: str) -> Attempt:
    return attempts.by_name.get(name, Attempt(what=name, answer=Answer.UNCLEAR))


def _answer(attempt: Attempt) -> str:
    return attempt.message or attempt.answer.value
