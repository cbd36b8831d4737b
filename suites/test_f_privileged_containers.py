"""Privileged containers: the walls that are left."""

from __future__ import annotations

from pytest_lxdsec import origins, running, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.hostfacts import ContainerFacts
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "privileged-containers"
RAW_LXC = "raw.lxc"
# include/uapi/linux/capability.h. LXD drops these: lxd/instance/drivers/driver_lxc.go, initLXC.
DROPPED = {16: "SYS_MODULE", 17: "SYS_RAWIO", 25: "SYS_TIME"}
# These only where AppArmor profiles cannot be stacked (same place).
DROPPED_UNSTACKED = {32: "MAC_OVERRIDE", 33: "MAC_ADMIN"}
STACKED = "//&:"  # AppArmor writes a stack of labels so


@control(
    "LXD-PRV-03",
    title="The capabilities that LXD takes from a privileged container are gone",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="With them container root loads modules, sets the clock and writes to hardware.",
)
def test_capabilities_are_dropped(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = running.facts(lxd_evidence, lxd_instance)
    if not running.has_host_user_namespace(lxd_evidence, facts):
        raise NotApplicable(f"{lxd_instance.key} has a user namespace: it runs unprivileged")
    bounding = _bounding_set(facts)
    wanted = DROPPED if STACKED in facts.label else DROPPED | DROPPED_UNSTACKED
    kept = [name for bit, name in wanted.items() if bounding >> bit & 1]
    seen = f"CapBnd {bounding:016x}"
    if not kept:
        return verdict.passed(f"{seen} lacks {', '.join(wanted.values())}")
    return verdict.failed(
        observed=f"{seen} holds {', '.join(kept)}",
        expected=f"a bounding set without {', '.join(wanted.values())}",
        origin=_origin(lxd_evidence, lxd_instance, facts),
        remedy=_remedy(lxd_evidence, lxd_instance),
    )


def _bounding_set(facts: ContainerFacts) -> int:
    try:
        return int(facts.status["CapBnd"], 16)
    except (KeyError, ValueError) as error:
        raise CannotTell(f"{facts.lxc_name}: its capability bounding set was not seen") from error


def _origin(evidence: Evidence, instance: Instance, facts: ContainerFacts) -> str:
    kernel = f"the kernel (/proc/{facts.pid}/status)"
    if RAW_LXC not in instance.expanded_config:
        return kernel
    return f"{kernel}; raw.lxc of {origins.of_config(evidence, instance, RAW_LXC).text}"


def _remedy(evidence: Evidence, instance: Instance) -> Remedy:
    if RAW_LXC in instance.expanded_config:
        return origins.unset(origins.of_config(evidence, instance, RAW_LXC), RAW_LXC)
    return Remedy(command=origins.restart(instance))
