"""Privileged containers: the walls that are left."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.privileged_containers import (
    device_cgroup,
    host_mounts,
    seccomp,
    shared_namespaces,
)
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.container_facts import ContainerFacts
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.inventory import config_origin, containers, guest_probe, remedies
from pytest_lxdsec.lxd import apparmor_label, dangerous_keys, versions
from pytest_lxdsec.verdict import CannotTell, Manual, NotApplicable, Remedy, Verdict

SECTION = "privileged-containers"
RAW_LXC = "raw.lxc"
RAW_IDMAP = "raw.idmap"  # by which an unprivileged container may have the host's root
# include/uapi/linux/capability.h. LXD drops these: lxd/instance/drivers/driver_lxc.go, initLXC.
DROPPED = {16: "SYS_MODULE", 17: "SYS_RAWIO", 25: "SYS_TIME"}
# These only where AppArmor profiles cannot be stacked (same place).
DROPPED_UNSTACKED = {32: "MAC_OVERRIDE", 33: "MAC_ADMIN"}
FILTER = "2"  # SECCOMP_MODE_FILTER, linux/seccomp.h
SECCOMP_KEYS = (
    "raw.seccomp",
    "security.syscalls.allow",
    "security.syscalls.whitelist",
    "security.syscalls.deny_default",
    "security.syscalls.blacklist_default",
)


@control(
    "LXD-PRV-01",
    title="LXD's AppArmor profile confines the container",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Without it, container root can remount read-only file systems and write kernel "
    "settings.",
)
def test_profile_confines(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.privileged_facts(lxd_evidence, lxd_instance)
    directory = lxd_evidence.view.directory
    fault = apparmor_label.fault(facts.label, lxd_instance.internal_name, directory)
    if not fault:
        return verdict.passed(f"the label of its init process is {facts.label!r}")
    wanted = apparmor_label.profile_of(lxd_instance.internal_name, directory)
    return verdict.failed(
        observed=fault,
        expected=f"{wanted} in enforce mode",
        origin=_origin(lxd_evidence, lxd_instance, f"/proc/{facts.pid}/attr/current"),
        remedy=lambda: _confine(lxd_evidence, lxd_instance, facts.label),
    )


def _confine(evidence: Evidence, instance: Instance, label: str) -> Remedy:
    if label or _raw_lxc_has(instance, "lxc.apparmor", "lxc.aa_", "lxc.selinux", "lxc.se_"):
        return _remedy(evidence, instance)
    if containers.PRIVILEGED not in instance.expanded_config:
        return _remedy(evidence, instance)
    note = "the host's kernel runs without AppArmor: boot it with lsm=...,apparmor, install "
    note += "apparmor and restart LXD; until then only an unprivileged container is confined"
    return remedies.unset(evidence, instance, containers.PRIVILEGED, note=note)


@control(
    "LXD-PRV-02",
    title="LXD's seccomp policy or a stricter one is in force",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="It prevents container root from loading a kernel and from opening the host's files "
    "by their handles.",
)
def test_seccomp_policy_is_in_force(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.privileged_facts(lxd_evidence, lxd_instance)
    fault = _seccomp_fault(lxd_evidence, lxd_instance, facts)
    if not fault:
        return verdict.passed(
            f"its init process runs with a filter (Seccomp {FILTER}) from LXD's policy file",
            f"which refuses {', '.join(seccomp.default(_version(lxd_evidence)))}",
        )
    return verdict.failed(
        observed=fault + _pending(lxd_instance, SECCOMP_KEYS, "lxc.seccomp"),
        expected="a filter with at least the rules of LXD's default policy",
        origin=_origin(lxd_evidence, lxd_instance, f"/proc/{facts.pid}/status", *SECCOMP_KEYS),
        remedy=lambda: _remedy(lxd_evidence, lxd_instance, SECCOMP_KEYS, "lxc.seccomp"),
    )


def _seccomp_fault(evidence: Evidence, instance: Instance, facts: ContainerFacts) -> str:
    """Return what is wrong with the filter in force; "" for nothing."""
    mode = facts.status.get("Seccomp")
    if mode is None:
        raise CannotTell(f"{facts.lxc_name}: the kernel does not show its seccomp mode")
    if mode != FILTER:
        return f"its init process runs without a seccomp filter (Seccomp {mode})"
    confined = containers.confinement(evidence, instance)
    told = containers.told_liblxc(confined, "lxc.seccomp.profile")
    own = f"{evidence.view.directory}/security/seccomp/{instance.internal_name}"
    if told != own:
        return f"its filter is from {told or 'no file'}, not from LXD's {own}"
    if confined.seccomp_policy is None or confined.seccomp_policy.error:
        raise CannotTell(f"{instance.key}: LXD's seccomp policy file was not read")
    try:
        missing = seccomp.missing(confined.seccomp_policy.text, _version(evidence))
    except ValueError as error:
        raise CannotTell(f"{own}: {error}") from error
    return f"its filter lets {', '.join(missing)} through" if missing else ""


def _version(evidence: Evidence) -> versions.Version:
    try:
        return versions.parse(evidence.server.environment.server_version)
    except ValueError as error:
        raise CannotTell(str(error)) from error


@control(
    "LXD-PRV-03",
    title="The container lacks the capabilities that LXD drops",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="With these capabilities, container root can load modules, set the clock and "
    "access hardware.",
)
def test_capabilities_are_dropped(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.facts(lxd_evidence, lxd_instance)
    if not containers.has_host_user_namespace(lxd_evidence, facts):
        raise NotApplicable(f"{lxd_instance.key} has a user namespace: it runs unprivileged")
    bounding = _bounding_set(facts)
    wanted = DROPPED if apparmor_label.is_stacked(facts.label) else DROPPED | DROPPED_UNSTACKED
    kept = [name for bit, name in wanted.items() if bounding >> bit & 1]
    seen = f"CapBnd {bounding:016x}"
    if not kept:
        return verdict.passed(f"{seen} lacks {', '.join(wanted.values())}")
    return verdict.failed(
        observed=f"{seen} holds {', '.join(kept)}",
        expected=f"a bounding set without {', '.join(wanted.values())}",
        origin=_origin(lxd_evidence, lxd_instance, f"/proc/{facts.pid}/status"),
        remedy=lambda: _remedy(lxd_evidence, lxd_instance),
    )


def _bounding_set(facts: ContainerFacts) -> int:
    try:
        return int(facts.status["CapBnd"], 16)
    except (KeyError, ValueError) as error:
        raise CannotTell(
            f"{facts.lxc_name}: its capability bounding set could not be read"
        ) from error


@control(
    "LXD-PRV-04",
    title="The container's namespaces are its own",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Root in a shared namespace acts on the host or on another container, not only on "
    "that one.",
)
def test_namespaces_are_its_own(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.privileged_facts(lxd_evidence, lxd_instance)
    found = tuple(shared_namespaces.shared(lxd_evidence, facts))
    if not found:
        kinds = ", ".join(f"{kind} {facts.namespaces[kind]}" for kind in shared_namespaces.KINDS)
        strangers = len(containers.unlisted(lxd_evidence))
        others = len(containers.all_here(lxd_evidence)) - 1 + strangers
        return verdict.passed(f"{kinds}: not the daemon's, the host's or one of {others} others'")
    return verdict.failed(
        observed="; ".join(one.text for one in found),
        expected=f"{', '.join(shared_namespaces.KINDS)} namespaces of its own",
        origin=_origin(lxd_evidence, lxd_instance, f"/proc/{facts.pid}/ns"),
        remedy=lambda: _remedy(lxd_evidence, lxd_instance),
    )


@control(
    "LXD-PRV-05",
    title="No configuration key weakens the container's confinement",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A privileged container has no other confinement.",
)
def test_no_key_loosens_the_walls(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    _require_privileged(lxd_evidence, lxd_instance)
    config = lxd_instance.expanded_config
    found = tuple(
        dangerous_keys.of(config, dangerous_keys.Boundary.CONFINEMENT, _version(lxd_evidence))
    )
    if found:
        keys = tuple(dict.fromkeys(one.key for one in found))
        places = (config_origin.source_of_config(lxd_evidence, lxd_instance, key) for key in keys)
        return verdict.failed(
            observed="; ".join(one.text for one in found),
            expected="none of these keys",
            origin="; ".join(dict.fromkeys(places)),
            remedy=lambda: remedies.unset_all(lxd_evidence, lxd_instance, keys),
        )
    unknown = dangerous_keys.unknown(config)
    if unknown:
        raise CannotTell(f"raw.lxc has {', '.join(unknown)}, whose effect is not known")
    if judgement := dangerous_keys.to_judge(config):
        raise Manual(judgement)
    return verdict.passed(f"none of its {len(config)} keys weakens the confinement")


def _require_privileged(evidence: Evidence, instance: Instance) -> None:
    """Of a stopped one the configuration alone can tell."""
    if not instance.is_container:
        raise NotApplicable(f"{instance.key} is a virtual machine")
    if containers.is_configured_privileged(instance):
        return
    if not containers.may_run(evidence, instance):
        raise NotApplicable(f"{instance.key} is configured to be unprivileged")
    containers.privileged_facts(evidence, instance)


@control(
    "LXD-PRV-06",
    title="The devices cgroup limits the container; no host device is passed in",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Root with access to the host's disks or files has escaped already.",
)
def test_devices_are_limited(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    facts = containers.privileged_facts(lxd_evidence, lxd_instance)
    confined = containers.confinement(lxd_evidence, lxd_instance)
    limit = device_cgroup.limit(confined)
    found = tuple(host_mounts.of(lxd_evidence, lxd_instance, confined))
    if limit and not found:
        return verdict.passed(limit, "no mount or device node of the host is in the container")
    passed_in = [one.text for one in found]
    unlimited = [] if limit else ["no devices cgroup limits the devices that it can open"]
    return verdict.failed(
        observed="; ".join([*unlimited, *passed_in]),
        expected="a device list (v1) or program (v2), and no path or device of the host",
        origin=_origin(lxd_evidence, lxd_instance, f"/proc/{facts.pid}/mountinfo and cgroup"),
        remedy=lambda: host_mounts.remedy(lxd_evidence, lxd_instance, found),
    )


@control(
    "LXD-PRV-07",
    title="Container root cannot do what a privileged container must not do",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.GUARANTEE,
    section=SECTION,
    rationale="Only an attempt shows that the configuration and the kernel have the intended "
    "effect.",
)
def test_privileged_root_is_refused(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    if lxd_instance.is_container and containers.may_run(lxd_evidence, lxd_instance):
        containers.privileged_facts(lxd_evidence, lxd_instance)
    done = guest_probe.done(lxd_evidence, lxd_instance, guest_probe.PRIVILEGED)
    if not done:
        return verdict.passed(
            *guest_probe.refused(lxd_evidence, lxd_instance, guest_probe.PRIVILEGED)
        )
    config, version = lxd_instance.expanded_config, _version(lxd_evidence)
    found = [
        one.key for one in dangerous_keys.of(config, dangerous_keys.Boundary.CONFINEMENT, version)
    ]
    causes = dict.fromkeys([*found, *(key for key in (RAW_IDMAP,) if key in config)])
    return verdict.failed(
        observed=f"its root can {'; '.join(done)}",
        expected="permission denied",
        origin="the kernel, tried inside the container through LXD's exec",
        remedy=lambda: (
            remedies.unset_all(lxd_evidence, lxd_instance, causes)
            if causes
            else remedies.restart(lxd_instance)
        ),
    )


def _origin(evidence: Evidence, instance: Instance, where: str, *keys: str) -> str:
    """Return the kernel, and whoever sets what may be the cause."""
    places = [
        f"{key} of {config_origin.source_of_config(evidence, instance, key)}"
        for key in (*keys, RAW_LXC)
        if key in instance.expanded_config
    ]
    return "; ".join([f"the kernel ({where})", *places])


def _pending(instance: Instance, keys: Iterable[str], *directives: str) -> str:
    """Return what a finding adds where the configuration does not explain what runs."""
    if any(key in instance.expanded_config for key in keys) or _raw_lxc_has(instance, *directives):
        return ""
    return "; LXD's policy is configured: a restart is pending, or the filter was changed by hand"


def _raw_lxc_has(instance: Instance, *beginnings: str) -> bool:
    raw = instance.expanded_config.get(RAW_LXC, "")
    return any(key.startswith(beginnings) for key, _ in dangerous_keys.directives(raw))


def _remedy(
    evidence: Evidence, instance: Instance, keys: Iterable[str] = (), *directives: str
) -> Remedy:
    """Take away what may be the cause; a restart where nothing of the configuration is."""
    raw = (RAW_LXC,) if not directives or _raw_lxc_has(instance, *directives) else ()
    found = [key for key in (*keys, *raw) if key in instance.expanded_config]
    if found:
        return remedies.unset_all(evidence, instance, found)
    return remedies.restart(instance)
