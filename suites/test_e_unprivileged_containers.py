"""Unprivileged containers: root inside is nobody outside."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from pytest_lxdsec import idmap, maps, origins, overlaps, running, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, NotApplicable, Remedy, Verdict

SECTION = "unprivileged-containers"
RAW_IDMAP = "raw.idmap"
# Beyond this many the repair is a loop over what LXD lists, not a command for each.
NAMED_IN_REPAIR = 20


@control(
    "LXD-UNP-01",
    title="The container is configured to be unprivileged",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Root in a privileged container is root of the host, and no root-safe wall is left.",
)
def test_container_is_unprivileged(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    if not lxd_instance.is_container:
        raise NotApplicable(f"{lxd_instance.key} is a virtual machine")
    value = lxd_instance.expanded_config.get(running.PRIVILEGED)
    if not running.is_configured_privileged(lxd_instance):
        seen = "is not set" if value is None else f"is {value!r}, which is false for LXD"
        return verdict.passed(f"{running.PRIVILEGED} {seen}")
    origin = origins.of_config(lxd_evidence, lxd_instance, running.PRIVILEGED)
    return verdict.failed(
        observed=f"{running.PRIVILEGED} is {value!r}",
        expected="not set, or false",
        origin=origin.text,
        remedy=origins.unset(origin, running.PRIVILEGED),
    )


@control(
    "LXD-UNP-02",
    title="The running container's id map reaches nobody of the host",
    severity=Severity.CRITICAL,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="An id of the host in the map is that user, for every file and process of the host.",
)
def test_id_map_reaches_nobody(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = running.facts(lxd_evidence, lxd_instance)
    if running.is_configured_privileged(lxd_instance):
        raise NotApplicable("it is configured to be privileged, which LXD-UNP-01 judges")
    found = running.id_map(facts)
    reached = tuple(maps.reaches(lxd_evidence, found))
    if not reached:
        return verdict.passed(
            f"uids {_ids(found.uids)} and gids {_ids(found.gids)} are no account's of the host"
        )
    return verdict.failed(
        observed=f"its map reaches {', '.join(one.what for one in reached)}; "
        "the configuration does not say privileged",
        expected="only ids that LXD has for containers",
        origin=_map_origin(lxd_evidence, lxd_instance, facts.pid),
        remedy=_map_remedy(lxd_evidence, lxd_instance, reached),
    )


def _ids(ranges: tuple[idmap.Range, ...]) -> str:
    return ", ".join(f"{one.start}-{one.stop - 1}" for one in ranges)


def _map_origin(evidence: Evidence, instance: Instance, pid: int) -> str:
    kernel = f"the kernel (/proc/{pid}/uid_map and gid_map)"
    if RAW_IDMAP not in instance.expanded_config:
        return kernel
    return f"{kernel}; raw.idmap of {origins.of_config(evidence, instance, RAW_IDMAP).text}"


def _map_remedy(evidence: Evidence, instance: Instance, reached: tuple[maps.Reach, ...]) -> Remedy:
    if RAW_IDMAP in instance.expanded_config:
        return origins.unset(origins.of_config(evidence, instance, RAW_IDMAP), RAW_IDMAP)
    repairs = [one.repair for one in reached if one.repair]
    if len(repairs) == len(reached):
        return Remedy(command=" && ".join(dict.fromkeys(repairs)), touches=len(repairs))
    return Remedy(
        command=origins.restart(instance),
        note="the configuration is unprivileged: a restart brings it into force",
    )


@control(
    "LXD-UNP-05",
    title="No other running container has the same host ids",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.ADVICE,
    section=SECTION,
    rationale="Containers that share ids share the kernel's per-user limits, and each other's "
    "files once one escapes.",
)
def test_host_ids_are_not_shared(
    lxd_instance: Instance, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    own = running.facts(lxd_evidence, lxd_instance)
    if running.has_host_user_namespace(lxd_evidence, own):
        raise NotApplicable("it is privileged: its ids are the host's, which LXD-UNP-01 judges")
    known = running.all_id_maps(lxd_evidence)
    overlap = _overlaps(lxd_evidence, lxd_policy).get(lxd_instance.key)
    if overlap is None:
        found = known[lxd_instance.key]
        return verdict.passed(f"none of {len(known)} running maps shares uids {_ids(found.uids)}")
    shared = f"{overlap.kind.value}s {overlap.shared.start}-{overlap.shared.stop - 1}"
    more = f" and {overlap.others - 1} more" if overlap.others > 1 else ""
    return verdict.failed(
        observed=f"it shares host {shared} with {overlap.other}{more}",
        expected="host ids of its own, or a group in policy containers.sharing_groups",
        origin=f"the kernel (/proc/{own.pid}/uid_map and gid_map)",
        remedy=_separate(lxd_evidence, lxd_instance, known),
    )


@functools.lru_cache(maxsize=running.KEPT)
def _overlaps(evidence: Evidence, policy: Policy) -> Mapping[str, overlaps.Overlap]:
    known = running.all_id_maps(evidence)
    return overlaps.find(known, groups=policy.groups(sorted(known)))


def _separate(evidence: Evidence, instance: Instance, known: Mapping[str, idmap.IdMap]) -> Remedy:
    """LXD maps its whole range for a container that is not isolated, and so one meets all."""
    shared = tuple(
        other
        for other in evidence.instances
        if other.key in known and not running.is_isolated(other)
    )
    if not shared:
        return _move(evidence, instance, known)
    if len(shared) <= NAMED_IN_REPAIR:
        return origins.isolate(shared)
    return Remedy(
        command="lxc list --all-projects --format csv --columns ne type=container status=running"
        " | while IFS=, read -r name project; do"
        ' lxc config set "$name" security.idmap.isolated=true --project "$project" &&'
        ' lxc restart "$name" --project "$project" < /dev/null; done',
        touches=len(shared),
    )


def _move(evidence: Evidence, instance: Instance, known: Mapping[str, idmap.IdMap]) -> Remedy:
    """All are isolated, and LXD gave two the same range: it takes instances of one name in two
    projects for one (lxd/instance/drivers/driver_lxc.go, findIdmap, 5.0.2 to 6.9; measured)."""
    try:
        base = maps.free_base(evidence, known[instance.key], known.values())
    except ValueError as error:
        raise CannotTell(str(error)) from error
    return origins.set_base(instance, base)
