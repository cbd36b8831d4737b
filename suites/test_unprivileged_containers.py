"""Unprivileged containers: root inside is nobody outside."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.unprivileged_containers import (
    configured_idmap,
    host_id_conflicts,
    idmap_overlaps,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.inventory import config_origin, containers, guest_probe, remedies
from pytest_lxdsec.lxd import dangerous_keys, idmap, lxc_commands, versions
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Manual, NotApplicable, Remedy, Verdict

SECTION = "unprivileged-containers"
RAW_IDMAP = "raw.idmap"
RAW_LXC = "raw.lxc"
# Lines of raw.lxc that bring an id map of their own, or a file that may.
RAW_MAPS = ("lxc.idmap", "lxc.id_map", "lxc.include")
# A map of all ids reaches every account: more than this many are counted, not named.
NAMED_AS_REACHED = 6
# Beyond this many the repair is a loop over what LXD lists, not a command for each.
NAMED_IN_REPAIR = 20


@control(
    "LXD-UNP-01",
    title="The container is configured to be unprivileged",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Root in a privileged container is root on the host, and nothing that is safe "
    "against root remains.",
)
def test_container_is_unprivileged(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    if not lxd_instance.is_container:
        raise NotApplicable(f"{lxd_instance.key} is a virtual machine")
    value = lxd_instance.expanded_config.get(containers.PRIVILEGED)
    if not containers.is_configured_privileged(lxd_instance):
        seen = "is not set" if value is None else f"is {value!r}, which LXD reads as false"
        return verdict.passed(f"{containers.PRIVILEGED} {seen}")
    return verdict.failed(
        observed=f"{containers.PRIVILEGED} is {value!r}",
        expected="not set, or false",
        origin=config_origin.source_of_config(lxd_evidence, lxd_instance, containers.PRIVILEGED),
        remedy=lambda: remedies.unset(lxd_evidence, lxd_instance, containers.PRIVILEGED),
    )


@control(
    "LXD-UNP-02",
    title="The running container's ID map includes no host user or group",
    severity=Severity.CRITICAL,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="A host ID in the map has that user's rights to every file and process of the host.",
)
def test_id_map_reaches_nobody(
    lxd_instance: Instance, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    facts = containers.facts(lxd_evidence, lxd_instance)
    if containers.is_configured_privileged(lxd_instance):
        raise NotApplicable("it is configured as privileged: see LXD-UNP-01")
    found = containers.id_map(facts)
    reached = tuple(host_id_conflicts.reaches(lxd_evidence, found))
    if not reached:
        host_id_conflicts.require_full_lists(
            lxd_evidence, found, lxd_policy.trusted_directories or ()
        )
        return verdict.passed(
            f"uids {_ids(found.uids)} and gids {_ids(found.gids)} belong to no account of the host"
        )
    return verdict.failed(
        observed=f"the ID map includes {_named(reached)}, but security.privileged is not set",
        expected="only host IDs that are reserved for containers",
        origin=_map_origin(lxd_evidence, lxd_instance, facts.pid),
        remedy=lambda: _map_remedy(lxd_evidence, lxd_instance, reached),
    )


def _ids(ranges: tuple[idmap.Range, ...]) -> str:
    return ", ".join(f"{one.start}-{one.stop - 1}" for one in ranges)


def _named(reached: tuple[host_id_conflicts.Reach, ...]) -> str:
    named = ", ".join(one.what for one in reached[:NAMED_AS_REACHED])
    more = len(reached) - NAMED_AS_REACHED
    return f"{named} and {more} more" if more > 0 else named


def _map_causes(instance: Instance) -> tuple[str, ...]:
    """Return the keys that bring ids into a map that LXD would not give."""
    raw_lxc = dangerous_keys.directives(instance.expanded_config.get(RAW_LXC, ""))
    brings_map = any(key in RAW_MAPS for key, _ in raw_lxc)
    found = {RAW_IDMAP: RAW_IDMAP in instance.expanded_config, RAW_LXC: brings_map}
    return tuple(key for key, is_cause in found.items() if is_cause)


def _map_origin(evidence: Evidence, instance: Instance, pid: int) -> str:
    places = [
        f"{key} of {config_origin.source_of_config(evidence, instance, key)}"
        for key in _map_causes(instance)
    ]
    return "; ".join([f"the kernel (/proc/{pid}/uid_map and gid_map)", *places])


def _map_remedy(
    evidence: Evidence, instance: Instance, reached: tuple[host_id_conflicts.Reach, ...]
) -> Remedy:
    if causes := _map_causes(instance):
        return remedies.unset_all(evidence, instance, causes)
    repairs = [one.repair for one in reached if one.repair]
    if len(repairs) == len(reached):
        return Remedy(command=" && ".join(dict.fromkeys(repairs)), touches=len(repairs))
    return Remedy(
        command=remedies.restart_command(instance),
        note="the configuration is unprivileged: a restart applies it",
    )


@control(
    "LXD-UNP-03",
    title="The running container's ID map is the configured one",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="A changed configuration protects nothing until the kernel enforces it.",
)
def test_id_map_is_the_configured_one(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.facts(lxd_evidence, lxd_instance)
    found = tuple(configured_idmap.differences(lxd_evidence, lxd_instance, facts))
    if not found:
        return verdict.passed(f"the kernel maps {_map_seen(lxd_evidence, lxd_instance)}")
    is_pending = not configured_idmap.is_recorded(lxd_instance, facts)
    causes = tuple(key for key in _map_causes(lxd_instance) if key == RAW_LXC)
    why = "a restart is pending" if is_pending else "LXD has recorded this map"
    return verdict.failed(
        observed=f"{'; '.join(found)}: {'raw.lxc overrides it' if causes else why}",
        expected="the configured ID map",
        origin=_map_origin(lxd_evidence, lxd_instance, facts.pid),
        remedy=lambda: _bring_into_force(
            lxd_evidence, lxd_instance, causes, is_pending=is_pending
        ),
    )


def _bring_into_force(
    evidence: Evidence, instance: Instance, causes: tuple[str, ...], *, is_pending: bool
) -> Remedy:
    if causes:
        return remedies.unset_all(evidence, instance, causes)
    if is_pending:
        return remedies.restart(instance)
    return remedies.rebuild_map(instance, is_isolated=containers.is_isolated(instance))


def _map_seen(evidence: Evidence, instance: Instance) -> str:
    if containers.is_configured_privileged(instance):
        return "the host's own IDs, as configured (privileged)"
    own = containers.id_map(containers.facts(evidence, instance))
    kind = "isolated" if containers.is_isolated(instance) else "not isolated"
    return f"{configured_idmap.shown(own)}, as configured ({kind}), and as after a restart"


@control(
    "LXD-UNP-04",
    title="The container is configured to have its own ID map",
    severity=Severity.LOW,
    level=Level.CONFIGURED,
    kind=Kind.ADVICE,
    section=SECTION,
    rationale="Containers with the same IDs share the kernel's per-user limits: one can exhaust "
    "another's.",
)
def test_container_is_isolated(
    lxd_instance: Instance, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    if not lxd_instance.is_container:
        raise NotApplicable(f"{lxd_instance.key} is a virtual machine")
    if containers.is_configured_privileged(lxd_instance):
        raise NotApplicable("it is configured as privileged, so it has no ID map")
    if containers.is_isolated(lxd_instance):
        place = config_origin.of_config(lxd_evidence, lxd_instance, containers.ISOLATED)
        return verdict.passed(f"{containers.ISOLATED} is on, by {place.text}")
    groups = [group for group in lxd_policy.groups([lxd_instance.key]) if group]
    if groups:
        return verdict.passed("policy containers.sharing_groups allows it to share its IDs")
    value = lxd_instance.expanded_config.get(containers.ISOLATED)
    said = "is not set" if value is None else f"is {value!r}"
    return verdict.failed(
        observed=f"{containers.ISOLATED} {said}",
        expected="true, or a group in policy containers.sharing_groups",
        origin=_isolated_origin(lxd_evidence, lxd_instance),
        remedy=lambda: remedies.isolate((lxd_instance,)),
    )


def _isolated_origin(evidence: Evidence, instance: Instance) -> str:
    if containers.ISOLATED not in instance.expanded_config:
        return "LXD's default: not set by the instance or a profile"
    return config_origin.source_of_config(evidence, instance, containers.ISOLATED)


@control(
    "LXD-UNP-05",
    title="No other running container uses the same host IDs",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.ADVICE,
    section=SECTION,
    rationale="Containers with the same IDs share the kernel's per-user limits, and each other's "
    "files once one escapes.",
)
def test_host_ids_are_not_shared(
    lxd_instance: Instance, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    own = containers.facts(lxd_evidence, lxd_instance)
    if containers.has_host_user_namespace(lxd_evidence, own):
        raise NotApplicable("it is privileged and uses the host's own IDs: see LXD-UNP-01")
    known = containers.all_id_maps(lxd_evidence)
    overlap = _overlaps(lxd_evidence, lxd_policy).get(lxd_instance.key)
    if overlap is None:
        found = known[lxd_instance.key]
        count = len(known) + len(containers.unlisted_id_maps(lxd_evidence))
        return verdict.passed(f"none of {count} running maps shares uids {_ids(found.uids)}")
    shared = f"{overlap.kind.value}s {overlap.shared.start}-{overlap.shared.stop - 1}"
    more = f" and {overlap.others - 1} more" if overlap.others > 1 else ""
    return verdict.failed(
        observed=f"it shares host {shared} with {overlap.other}{more}",
        expected="its own host IDs, or a group in policy containers.sharing_groups",
        origin=f"the kernel (/proc/{own.pid}/uid_map and gid_map)",
        remedy=lambda: _separate(lxd_evidence, lxd_instance, overlap.other),
        lasting=(f"it shares host {overlap.kind.value}s",),  # with whom, changes as others come
    )


@functools.lru_cache(maxsize=containers.KEPT)
def _overlaps(evidence: Evidence, policy: Policy) -> Mapping[str, idmap_overlaps.Overlap]:
    known = containers.all_id_maps(evidence)
    everybody = {**known, **containers.unlisted_id_maps(evidence)}
    return idmap_overlaps.find(everybody, groups=policy.groups(sorted(known)))


def _separate(evidence: Evidence, instance: Instance, other: str) -> Remedy:
    """LXD maps its whole range for a container that is not isolated, and so one meets all."""
    known = containers.all_id_maps(evidence)
    shared = tuple(
        other
        for other in evidence.instances
        if other.key in known and not containers.is_isolated(other)
    )
    if not shared:
        return _move(evidence, instance, other)
    if len(shared) <= NAMED_IN_REPAIR:
        return remedies.isolate(shared)
    return lxc_commands.remedy(lxc_commands.isolate_all_running(), touches=len(shared))


def _move(evidence: Evidence, instance: Instance, other: str) -> Remedy:
    """Move an isolated container that shares its range with another isolated one.

    LXD takes instances of one name in two projects for one (lxd/instance/drivers/driver_lxc.go,
    findIdmap, 5.0.2 to 6.9; measured), and of other daemons' containers it knows nothing.
    """
    known = containers.all_id_maps(evidence)
    everybody = (*known.values(), *containers.unlisted_id_maps(evidence).values())
    try:
        base = host_id_conflicts.free_base(evidence, known[instance.key], everybody)
    except CannotTell as reason:
        if other in known:
            raise
        pid = containers.unlisted(evidence)[other].pid
        note = f"{reason}: give {other} other subordinate IDs, where it was started"
        return Remedy(command=f"grep . /proc/{pid}/uid_map /proc/{pid}/gid_map", note=note)
    return remedies.set_base(instance, base)


@control(
    "LXD-UNP-06",
    title="No configuration key weakens the user namespace",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="The user namespace is what makes an unprivileged container safe.",
)
def test_no_key_undoes_the_user_namespace(
    lxd_instance: Instance, lxd_evidence: Evidence, lxd_policy: Policy
) -> Verdict:
    if not lxd_instance.is_container:
        raise NotApplicable(f"{lxd_instance.key} is a virtual machine")
    if containers.is_configured_privileged(lxd_instance):
        raise NotApplicable("it is configured as privileged: see LXD-UNP-01")
    config = lxd_instance.expanded_config
    found = dict(_mapped(lxd_evidence, lxd_instance))
    for one in dangerous_keys.of(config, dangerous_keys.Boundary.IDS, _version(lxd_evidence)):
        found[one.key] = "; ".join(part for part in (found.get(one.key), one.text) if part)
    if found:
        places = (config_origin.source_of_config(lxd_evidence, lxd_instance, key) for key in found)
        return verdict.failed(
            observed="; ".join(found.values()),
            expected="none of these keys",
            origin="; ".join(dict.fromkeys(places)),
            remedy=lambda: remedies.unset_all(lxd_evidence, lxd_instance, tuple(found)),
        )
    unknown = dangerous_keys.unknown(config)
    if unknown:
        raise CannotTell(f"raw.lxc has {', '.join(unknown)}, whose effect is not known")
    if judgement := dangerous_keys.to_judge(config):
        raise Manual(judgement)
    if configured_idmap.RAW in config:
        raw = configured_idmap.raw(lxd_instance)
        host_id_conflicts.require_full_lists(
            lxd_evidence, raw, lxd_policy.trusted_directories or ()
        )
    return verdict.passed(f"none of its {len(config)} keys weakens the user namespace")


def _mapped(evidence: Evidence, instance: Instance) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with `raw.idmap`.

    Whom of the host it reaches, and who is root inside.
    """
    raw = configured_idmap.raw(instance)
    if not raw.uids and not raw.gids:
        return
    reached = tuple(host_id_conflicts.reaches(evidence, raw))
    if reached:
        yield RAW_IDMAP, f"raw.idmap includes {_named(reached)}"
        return
    for kind in idmap.Kind:
        root = raw.host_id(kind, 0)
        if root is not None:
            yield RAW_IDMAP, f"raw.idmap makes its root host {kind.value} {root}"
            return


@control(
    "LXD-UNP-07",
    title="Container root cannot do what only the host's root may do",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Only an attempt shows that the configuration and the kernel have the intended "
    "effect.",
)
def test_root_inside_is_refused(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    if lxd_instance.is_container and containers.is_configured_privileged(lxd_instance):
        raise NotApplicable("it is configured as privileged: see LXD-PRV-07")
    done = guest_probe.done(lxd_evidence, lxd_instance, guest_probe.UNPRIVILEGED)
    if not done:
        return verdict.passed(
            *guest_probe.refused(lxd_evidence, lxd_instance, guest_probe.UNPRIVILEGED)
        )
    version = _version(lxd_evidence)
    found = dangerous_keys.of(lxd_instance.expanded_config, dangerous_keys.Boundary.IDS, version)
    causes = [one.key for one in found]
    causes += [RAW_IDMAP] if RAW_IDMAP in lxd_instance.expanded_config else []
    return verdict.failed(
        observed=f"its root can {'; '.join(done)}",
        expected="permission denied",
        origin="the kernel, tried inside the container through LXD's exec",
        remedy=lambda: (
            remedies.unset_all(lxd_evidence, lxd_instance, dict.fromkeys(causes))
            if causes
            else remedies.restart(lxd_instance)
        ),
    )


def _version(evidence: Evidence) -> versions.Version:
    try:
        return versions.parse(evidence.server.environment.server_version)
    except ValueError as error:
        raise CannotTell(str(error)) from error
