"""The probe's answers from inside a container and from the host, found and held together; pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

from ..evidence import guest_script
from ..evidence.model import Evidence
from ..evidence.objects import Instance, Probe
from ..verdict import CannotTell, NotApplicable
from . import containers

FROZEN = "Frozen"
# A control group of liblxc's: the instance by its internal name.
_PAYLOAD = re.compile(r"lxc\.payload\.([A-Za-z0-9_-]+)")


def inside(evidence: Evidence, instance: Instance) -> guest_script.Attempts:
    """Return what was answered inside a container.

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
            "add that member's host with --lxd-host"
        )
    found = _by_key(evidence).get(instance.key)
    if found is None or found.error:
        why = found.error if found else "it was not asked"
        raise CannotTell(f"{instance.key}: no probe ran inside: {why}")
    return _read(found.output, instance.key)


def control(evidence: Evidence) -> guest_script.Attempts:
    """Return what the host's root was answered.

    Raises:
        CannotTell: the control run did not come to its end.
    """
    return _read(evidence.control, "the control run on the host")


@functools.lru_cache(maxsize=containers.KEPT)
def _by_key(evidence: Evidence) -> Mapping[str, Probe]:
    return {probe.key: probe for probe in evidence.probes}


@functools.lru_cache(maxsize=4096)
def _read(output: str, whose: str) -> guest_script.Attempts:
    try:
        return guest_script.parse(output)
    except ValueError as error:
        raise CannotTell(f"{whose}: {error}") from error


def done(
    evidence: Evidence, instance: Instance, groups: Iterable[guest_script.Group]
) -> tuple[str, ...]:
    """Return what somebody inside could do of these, each as a clause; raises as `inside`.

    That needs no control run: what was done was possible.
    """
    found = guest_script.done(groups, inside(evidence, instance))
    return tuple(f"{one.group.what} ({', '.join(one.shown)})" for one in found)


def refused(
    evidence: Evidence, instance: Instance, groups: Iterable[guest_script.Group]
) -> tuple[str, ...]:
    """Return what was refused inside and not on the host, a clause for each group.

    Raises:
        CannotTell: for one of them both were told the same, or it was not tried; or there was
            nothing at all to try, here and there.
    """
    judged = guest_script.judge(groups, inside(evidence, instance), control(evidence))
    unclear = [f"{one.group.what}: {one.unclear}" for one in judged if one.unclear]
    if unclear:
        raise CannotTell(f"whether its root can {'; '.join(unclear)}")
    refused_here = [f"cannot {o.group.what} ({o.shown[0]})" for o in judged if not o.is_empty]
    if not refused_here:
        raise CannotTell("this kernel has nothing to try any of it with: nothing was refused")
    untried = [f"{one.shown[0]}: {one.group.what}" for one in judged if one.is_empty]
    return (*refused_here, *untried)


def others_named(evidence: Evidence, instance: Instance, names: Iterable[str]) -> tuple[str, ...]:
    """Return the other instances whose control groups are among these lines, sorted."""
    seen = {name for line in names for name in _PAYLOAD.findall(line)}
    return tuple(
        sorted(
            other.key
            for other in evidence.instances
            if other.internal_name in seen and other.key != instance.key
        )
    )
