"""Container name leakage: kernel files that list control groups."""

from __future__ import annotations

import shlex

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.container_name_leakage import boot_permissions
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence import guest_script
from pytest_lxdsec.evidence.host_facts import File
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.inventory import containers, guest_probe, mountinfo, remedies
from pytest_lxdsec.lxd import apparmor_label, config_values
from pytest_lxdsec.verdict import CannotTell, Remedy, Verdict

SECTION = "container-name-leakage"
SLAB = "/sys/kernel/slab"
# Where the scheduler tells of every task and control group: before Linux 5.13, and since.
SCHEDULER = "/proc/sched_debug"
DEBUGFS = "/sys/kernel/debug"
SCHEDULER_DEBUGFS = f"{DEBUGFS}/sched/debug"
CLOSED = 0o700
CLOSED_FILE = 0o600


@control(
    "LXD-NAM-01",
    title="Only root can read /sys/kernel/slab",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Its entries contain control group names, which include the names of other "
    "containers.",
)
def test_slab_is_closed(lxd_evidence: Evidence) -> Verdict:
    slab = _file(lxd_evidence, SLAB)
    if not slab.exists:
        return verdict.passed(f"this kernel has no {SLAB}")
    if _is_closed(slab, CLOSED):
        return verdict.passed(_seen(slab))
    return verdict.failed(
        observed=f"{SLAB} belongs to uid {slab.uid}, mode {slab.mode:04o}",
        expected="owner root, mode 0700",
        origin="the host's kernel (sysfs)",
        remedy=lambda: Remedy(
            command=f"chown root {SLAB} && chmod 0700 {SLAB}",
            note="a reboot reverts this: see LXD-NAM-04",
        ),
    )


@control(
    "LXD-NAM-02",
    title="Only root can read the scheduler's debug file",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="It lists every task of the host with its control group, which names the container.",
)
def test_scheduler_is_closed(lxd_evidence: Evidence) -> Verdict:
    old, new = _file(lxd_evidence, SCHEDULER), _file(lxd_evidence, SCHEDULER_DEBUGFS)
    debugfs = _file(lxd_evidence, DEBUGFS)
    if old.exists and not _is_closed(old, CLOSED_FILE):
        return _open_file(old, SCHEDULER, "0400")
    if not new.exists:
        wide = None if old.exists else _debugfs_elsewhere(lxd_evidence)
        return _wide_mount(*wide) if wide else verdict.passed(_seen(old), _seen(new))
    if _is_closed(debugfs, CLOSED):
        return verdict.passed(_seen(old), f"{SCHEDULER_DEBUGFS} is in {DEBUGFS}", _seen(debugfs))
    if _is_closed(new, CLOSED_FILE):
        return verdict.passed(_seen(old), _seen(new))
    return _open_file(new, DEBUGFS, "0700")


def _debugfs_elsewhere(evidence: Evidence) -> tuple[str, str] | None:
    """Return a mount point at which debugfs is open to all users, and its mode.

    Raises:
        CannotTell: it is elsewhere, and nobody has looked at its mode there.
    """
    try:
        found = mountinfo.parse(evidence.view.mountinfo)
    except ValueError as error:
        raise CannotTell(f"the daemon's mounts: {error}") from error
    mounts = [mount for mount in found if mount.kind == "debugfs"]
    if not mounts or any(mount.point == DEBUGFS for mount in mounts):
        return None  # no such file system, or the kernel has no such file in it
    for mount in mounts:
        # The mode that it was mounted with; none is 0700 (fs/debugfs/inode.c).
        mode = next((one[5:] for one in mount.settings if one.startswith("mode=")), "700")
        if int(mode, 8) & ~CLOSED:
            return mount.point, mode
    raise CannotTell(f"debugfs is mounted at {mounts[0].point}, where its mode was not read")


def _wide_mount(point: str, mode: str) -> Verdict:
    return verdict.failed(
        observed=f"debugfs is mounted at {point} with mode {mode}",
        expected=f"{point} owner root, mode 0700",
        origin="the host's kernel",
        remedy=lambda: Remedy(
            command=f"chown root {shlex.quote(point)} && mount -o remount,mode=0700 "
            f"{shlex.quote(point)}",
            note="a reboot reverts this: see LXD-NAM-04",
        ),
    )


def _open_file(file: File, close: str, mode: str) -> Verdict:
    return verdict.failed(
        observed=f"{file.path} belongs to uid {file.uid}, mode {file.mode:04o}, "
        "and no directory above it is closed",
        expected=f"{close} with owner root, mode {mode}",
        origin="the host's kernel",
        remedy=lambda: Remedy(
            command=f"chown root {close} && chmod {mode} {close}",
            note="a reboot reverts this: see LXD-NAM-04",
        ),
    )


@control(
    "LXD-NAM-03",
    title="Files that leak container names are not readable in the container",
    severity=Severity.MEDIUM,
    level=Level.PROBED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="File modes are the means; the goal is that a container cannot learn its "
    "neighbours' names.",
)
def test_names_cannot_be_read_inside(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    inside = guest_probe.inside(lxd_evidence, lxd_instance)
    readable = [
        one.attempts[0] for one in guest_probe.NAME_LEAKS if guest_probe.succeeded([one], inside)
    ]
    if not readable:
        return verdict.passed(*_unreadable(lxd_evidence, lxd_instance, inside))
    paths = [what.removeprefix("read ") for what in readable]
    others = guest_probe.others_named(lxd_evidence, lxd_instance, inside.names)
    names = f"they contain {', '.join(others)}" if others else "they contain no other instance"
    return verdict.failed(
        observed=f"its root can read {' and '.join(paths)}; {names}",
        expected="permission denied",
        origin="the kernel, tried inside the container through LXD's exec",
        remedy=lambda: _close(lxd_evidence, lxd_instance, paths),
        lasting=tuple(readable),  # the neighbours come and go
    )


def _unreadable(
    evidence: Evidence, instance: Instance, inside: guest_script.Attempts
) -> tuple[str, ...]:
    """Return why none is readable, each as a clause.

    Raises:
        CannotTell: one is refused to the host's root as well, was not tried, or is there outside
            and not inside: what root inside has unmounted it can mount again.
    """
    judged = guest_probe.compare(guest_probe.NAME_LEAKS, inside, guest_probe.control(evidence))
    told = []
    for one in judged:
        what = one.group.attempts[0]
        hidden = ""
        if guest_probe.absent(one.group, inside) and what == f"read {SCHEDULER_DEBUGFS}":
            hidden = _hidden(evidence, instance)
        if one.unclear and not hidden:
            raise CannotTell(f"whether its root can {one.group.what}: {one.unclear}")
        hidden = "neither it nor the host has it" if one.is_empty else hidden
        told.append(f"{what}: {hidden}" if one.unclear or one.is_empty else one.shown[0])
    return tuple(told)


def _hidden(evidence: Evidence, instance: Instance) -> str:
    """Return why debugfs is hidden from root inside, as a clause; "" if it may not be.

    LXD shows the host's debugfs in every container; nobody in a user namespace can mount it.
    """
    facts = containers.facts(evidence, instance)
    if containers.is_root_of_host(evidence, facts):
        directory = evidence.view.directory
        fault = apparmor_label.fault(facts.label, instance.internal_name, directory)
        has_own_rules = bool(config_values.string(instance.expanded_config, "raw.apparmor"))
        return "" if fault or has_own_rules else "LXD's AppArmor profile denies it"
    try:
        mounted = mountinfo.parse(containers.confinement(evidence, instance).mountinfo)
    except ValueError as error:
        raise CannotTell(f"{instance.key}: {error}") from error
    if all(mount.kind != "debugfs" for mount in mounted):
        return "debugfs is not mounted inside, and only the host's root can mount it"
    debugfs = _file(evidence, DEBUGFS)
    return f"what holds it is closed: {_seen(debugfs)}" if _is_closed(debugfs, CLOSED) else ""


def _close(evidence: Evidence, instance: Instance, paths: list[str]) -> Remedy:
    """Close the files; to a root that is the host's no mode closes anything."""
    facts = containers.facts(evidence, instance)
    if containers.is_root_of_host(evidence, facts) and containers.is_configured_privileged(
        instance
    ):
        note = "file modes do not restrict a privileged container, whose root is the host's"
        return remedies.unset(evidence, instance, containers.PRIVILEGED, note=note)
    modes = {SLAB: (SLAB, "0700"), SCHEDULER: (SCHEDULER, "0400")}
    closed = [modes.get(path, (DEBUGFS, "0700")) for path in paths]
    command = " && ".join(f"chmod {mode} {path}" for path, mode in closed)
    return Remedy(command=command, note="a reboot reverts this: see LXD-NAM-04")


@control(
    "LXD-NAM-04",
    title="Files that leak container names are closed at boot, before LXD starts",
    severity=Severity.LOW,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="The kernel creates them with open modes at every boot, and a file that a "
    "container opened "
    "before they are closed stays open to it.",
)
def test_modes_come_back(lxd_evidence: Evidence) -> Verdict:
    files = ((_file(lxd_evidence, SLAB), CLOSED), (_file(lxd_evidence, SCHEDULER), 0o400))
    needed = [(file, mode) for file, mode in files if file.exists]
    if not needed:
        return verdict.passed(f"this kernel has neither {SLAB} nor {SCHEDULER}")
    boot = lxd_evidence.at_boot
    found = {file.path: boot_permissions.source(boot, file.path, mode) for file, mode in needed}
    if all(found.values()):
        return verdict.passed(*found.values())
    opened = [path for path, source in found.items() if not source]
    return verdict.failed(
        observed=f"nothing closes {' and '.join(opened)} at boot before LXD starts",
        expected="a tmpfiles.d line, or an enabled unit that is ordered before LXD",
        origin="the host's tmpfiles.d and units",
        remedy=lambda: boot_permissions.remedy((file.path, mode) for file, mode in needed),
    )


def _is_closed(file: File, closed: int) -> bool:
    return file.uid == 0 and not file.mode & ~closed


def _seen(file: File) -> str:
    if not file.exists:
        return f"this host has no {file.path}"
    return f"{file.path} has owner root, mode {file.mode:04o}"


def _file(evidence: Evidence, path: str) -> File:
    for file in evidence.kernel_files:
        if file.path == path:
            if file.error:
                raise CannotTell(f"{path}: {file.error}")
            return file
    raise CannotTell(f"{path} was not read")
