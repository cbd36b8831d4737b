"""Local access to the LXD daemon: who opens its socket is root."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator

from pytest_lxdsec import verdict
from pytest_lxdsec.checks.local_access import group_members, socket_devices, socket_mounts
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.access_facts import ApiSocket, DataDirectory, GroupProcess
from pytest_lxdsec.evidence.host_facts import File
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.inventory import config_origin, remedies
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Manual, Remedy, Verdict

SECTION = "local-access-to-the-lxd-daemon"
OTHERS = 0o007
WRITERS = 0o022
PRIVATE = 0o077
STICKY = 0o1000
SETGID = 0o2010  # set, and executable by the group: else it has no effect


@control(
    "LXD-LOC-01",
    title="Only root and the admin group can open the LXD socket",
    severity=Severity.CRITICAL,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A user who can open the socket can attach the host's disks to a container.",
)
def test_socket_is_closed(lxd_evidence: Evidence) -> Verdict:
    sockets = lxd_evidence.sockets
    if not sockets:
        raise CannotTell("no LXD daemon of this host listens on a unix socket")
    found = [fault for socket in sockets for fault in _faults(lxd_evidence, socket)]
    if not found:
        return verdict.passed(*(_seen(lxd_evidence, socket) for socket in sockets))
    return verdict.failed(
        observed="; ".join(text for text, _ in found),
        expected="owner root, mode 0660 or stricter, the daemon's admin group, "
        "in directories that only root can write to",
        origin="the host's file system",
        remedy=lambda: Remedy(
            command=" && ".join(dict.fromkeys(repair for _, repair in found)), touches=len(found)
        ),
    )


def _faults(evidence: Evidence, socket: ApiSocket) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a socket, each with its repair."""
    file, path = socket.file, shlex.quote(socket.file.path)
    if file.error or not file.exists:
        raise CannotTell(f"{file.path}: {file.error or 'the socket is not where it listens'}")
    if file.uid != 0:
        yield f"{file.path} belongs to uid {file.uid}", f"chown root {path}"
    if file.mode & OTHERS:
        yield f"{file.path} has mode {file.mode:04o}", f"chmod 0660 {path}"
    if file.acl:
        yield f"{file.path} has an access control list (ACL)", f"setfacl --remove-all {path}"
    expected = _admin_group(evidence, socket)
    if _group_name(evidence, file.gid) != expected:
        observed = f"{file.path} belongs to group {_group_name(evidence, file.gid)}"
        yield f"{observed}, not {expected}", f"chgrp {shlex.quote(expected)} {path}"
    yield from _directory_faults(socket.directories)


def _directory_faults(directories: tuple[File, ...]) -> Iterator[tuple[str, str]]:
    for directory in directories:
        path = shlex.quote(directory.path)
        if directory.error or not directory.exists:
            raise CannotTell(f"{directory.path}: {directory.error or 'it is gone'}")
        if directory.uid != 0:
            yield f"{directory.path} belongs to uid {directory.uid}", f"chown root {path}"
        # In a sticky directory nobody can replace another's entry.
        if directory.mode & WRITERS and not directory.mode & STICKY:
            yield f"{directory.path} has mode {directory.mode:04o}", f"chmod go-w {path}"
        if directory.acl:
            yield (
                f"{directory.path} has an access control list (ACL)",
                f"setfacl --remove-all {path}",
            )


def _admin_group(evidence: Evidence, socket: ApiSocket) -> str:
    for group in evidence.admin_groups:
        if group.daemon == socket.daemon:
            return group.name
    raise CannotTell(f"which group the daemon of {socket.file.path} serves is not known")


def _group_name(evidence: Evidence, gid: int) -> str:
    names = [group.name for group in evidence.accounts.groups if group.gid == gid]
    return names[0] if names else str(gid)


def _seen(evidence: Evidence, socket: ApiSocket) -> str:
    file = socket.file
    return f"{file.path} is root:{_group_name(evidence, file.gid)} {file.mode:04o}"


@control(
    "LXD-LOC-02",
    title="Only root can read LXD's private keys and database",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="The server's key allows anyone to impersonate it; the database holds every secret.",
)
def test_data_is_closed(lxd_evidence: Evidence) -> Verdict:
    directories = lxd_evidence.data_directories
    if not directories:
        raise CannotTell("no LXD daemon of this host was found")
    found = [fault for directory in directories for fault in _data_faults(directory)]
    if not found:
        files = [file for one in directories for file in (one.directory, one.database, *one.keys)]
        return verdict.passed(
            *(f"{file.path} has owner root, mode {file.mode:04o}" for file in files)
        )
    return verdict.failed(
        observed="; ".join(text for text, _ in found),
        expected="keys of root (0600) and database of root (0700), in a directory that only root "
        "can write to",
        origin="the host's file system",
        remedy=lambda: Remedy(
            command=" && ".join(dict.fromkeys(repair for _, repair in found)), touches=len(found)
        ),
    )


def _data_faults(found: DataDirectory) -> Iterator[tuple[str, str]]:
    if not found.keys:
        raise CannotTell(f"{found.directory.path} contains no *.key, but every server has one")
    yield from _directory_faults((found.directory,))
    for file, mode in ((found.database, "0700"), *((key, "0600") for key in found.keys)):
        yield from _private_faults(file, mode)


def _private_faults(file: File, mode: str) -> Iterator[tuple[str, str]]:
    """Yield what lets others at a file that is root's alone, each with its repair."""
    path = shlex.quote(file.path)
    if file.error or not file.exists:
        raise CannotTell(f"{file.path}: {file.error or 'it is gone'}")
    if file.uid != 0:
        yield f"{file.path} belongs to uid {file.uid}", f"chown root {path}"
    if file.mode & PRIVATE:
        yield f"{file.path} has mode {file.mode:04o}", f"chmod {mode} {path}"
    if file.acl:
        yield f"{file.path} has an access control list (ACL)", f"setfacl --remove-all {path}"


@control(
    "LXD-LOC-03",
    title="All members of the socket's group are trusted as root",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Membership of the group is equivalent to root, without sudo and without a log.",
)
def test_group_members_are_trusted(lxd_evidence: Evidence, lxd_policy: Policy) -> Verdict:
    accounts, sockets = lxd_evidence.accounts, lxd_evidence.sockets
    if not sockets:
        raise CannotTell("no LXD daemon of this host listens on a unix socket")
    members = [
        member
        for gid in sorted({socket.file.gid for socket in sockets} - {0})
        for member in group_members.of(accounts, lxd_evidence.group_holders, gid)
    ]
    trusted = lxd_policy.trusted_users

    strangers = [
        member
        for member in members
        if not group_members.is_trusted(accounts, member.user, trusted)
    ]
    if not strangers:
        _require_full_lists(lxd_evidence, lxd_policy)
        return verdict.passed(*_members_seen(members, sockets))
    return verdict.failed(
        observed=", ".join(f"{member.user} ({member.how})" for member in strangers),
        expected="only users in policy local.trusted_users or with root rights"
        if trusted is None
        else f"only {', '.join(trusted) or 'root'} (policy local.trusted_users)",
        origin="the host's accounts (getent passwd, getent group, initgroups, gshadow)",
        remedy=lambda: Remedy(
            command=" && ".join(member.repair for member in strangers),
            touches=len(strangers),
            note="open sessions keep the group until they end; remove members from a directory "
            "service "
            "there",
        ),
    )


def _require_full_lists(evidence: Evidence, policy: Policy) -> None:
    """Raise where a directory service may give the group to users whom nobody can list."""
    unknown = [
        service
        for service in evidence.group_holders.unlisted
        if service not in (policy.trusted_directories or ())
    ]
    if unknown and any(socket.file.gid for socket in evidence.sockets):
        raise Manual(
            f"accounts of {', '.join(unknown)} (nsswitch.conf) cannot be listed completely: "
            "check there "
            "that no account has the socket's group, then set policy local.trusted_directories"
        )


def _members_seen(
    members: list[group_members.Membership], sockets: tuple[ApiSocket, ...]
) -> list[str]:
    if not members:
        groups = ", ".join(sorted({str(socket.file.gid) for socket in sockets}))
        return [f"only root has the socket's group (gid {groups})"]
    return [f"{member.user} is trusted ({member.how})" for member in members]


@control(
    "LXD-LOC-04",
    title="No untrusted process or setgid file has the socket's group",
    severity=Severity.HIGH,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="A session keeps the groups it started with, even if the user was removed from "
    "them.",
)
def test_nobody_carries_the_group(lxd_evidence: Evidence, lxd_policy: Policy) -> Verdict:
    gids = {socket.file.gid for socket in lxd_evidence.sockets} - {0}
    if not lxd_evidence.sockets:
        raise CannotTell("no LXD daemon of this host listens on a unix socket")
    processes = [_judged(lxd_evidence, lxd_policy, one) for one in lxd_evidence.group_processes]
    strangers = [carrier for carrier, reason in processes if not reason]
    files = [file for file in lxd_evidence.setgid_files.files if _gives(file, gids)]
    if not strangers and not files:
        if lxd_evidence.setgid_files.unsearched:
            places = ", ".join(lxd_evidence.setgid_files.unsearched)
            raise CannotTell(
                f"setgid files were not searched for on {places}: mount it with nosuid"
            )
        seen = [f"{_called(lxd_evidence, carrier)} {reason}" for carrier, reason in processes]
        return verdict.passed(f"no setgid file gives gid {_listed(gids)}", *seen)
    return verdict.failed(
        observed="; ".join(
            [f"{_called(lxd_evidence, one)} holds gid {_listed(one.gids)}" for one in strangers]
            + [f"{file.path} gives gid {file.gid} to every user who runs it" for file in files]
        ),
        expected="the socket's group only in processes of trusted users, and no setgid file",
        origin="the kernel's process list and the host's file systems",
        remedy=lambda: _take_away(strangers, files),
    )


def _judged(evidence: Evidence, policy: Policy, carrier: GroupProcess) -> tuple[GroupProcess, str]:
    """Return a process that holds the group, and why it may; "" where it may not."""
    accounts, trusted = evidence.accounts, policy.trusted_users
    names = group_members.names_of(accounts, carrier)
    if not carrier.uids or not carrier.gids:
        raise CannotTell(f"whose process {carrier.pid} is, was not seen")
    if not carrier.sees_socket:
        return carrier, "cannot see the socket"
    if group_members.is_helper(carrier, names):
        return carrier, "is LXD's own helper"
    is_trusted = all(group_members.is_trusted(accounts, name, trusted) for name in names)
    return carrier, "is trusted" if is_trusted else ""


def _called(evidence: Evidence, carrier: GroupProcess) -> str:
    names = group_members.names_of(evidence.accounts, carrier) or ("root",)
    return f"{carrier.exe} (process {carrier.pid} of {', '.join(names)})"


def _listed(gids: Collection[int]) -> str:
    return ", ".join(str(gid) for gid in sorted(gids)) or "0"


def _gives(file: File, gids: Collection[int]) -> bool:
    """Return whether running a file gives one of these groups: fs/exec.c, bprm_fill_uid."""
    if file.error:
        raise CannotTell(f"{file.path}: {file.error}")
    return file.gid in gids and file.mode & SETGID == SETGID


def _take_away(strangers: Collection[GroupProcess], files: Collection[File]) -> Remedy:
    commands = [f"chmod g-s {shlex.quote(file.path)}" for file in files]
    if not strangers:
        return Remedy(command=" && ".join(commands), touches=len(files))
    pids = " ".join(str(carrier.pid) for carrier in strangers)
    return Remedy(
        command=" && ".join([*commands, f"kill -KILL {pids}"]),
        touches=len(files) + len(strangers),
        note="kills these processes; logging their users out works too",
    )


@control(
    "LXD-LOC-05",
    title="No device passes the LXD socket to the instance",
    severity=Severity.CRITICAL,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An instance with the socket has full control of LXD, and so of the host.",
)
def test_no_device_hands_out_the_socket(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    found = tuple(socket_devices.handouts(lxd_evidence, lxd_instance))
    if not found:
        paths = [f"{p.device} opens {p.path}" for p in socket_devices.host_paths(lxd_instance)]
        return verdict.passed(*(paths or ["no device opens a path of the host"]))
    devices = dict.fromkeys(handout.device for handout in found)
    sources = (
        config_origin.source_of_device(lxd_evidence, lxd_instance, device) for device in devices
    )
    return verdict.failed(
        observed="; ".join(handout.text for handout in found),
        expected="no disk or proxy that leads to LXD's socket",
        origin=", ".join(dict.fromkeys(sources)),
        remedy=lambda: remedies.remove_devices(lxd_evidence, lxd_instance, devices),
    )


@control(
    "LXD-LOC-06",
    title="No mount of the running instance contains the LXD socket",
    severity=Severity.CRITICAL,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Only the mounts in the kernel show what the instance can really reach.",
)
def test_no_mount_is_the_socket(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    found = socket_mounts.openings(lxd_evidence, lxd_instance)
    if not found:
        mounted = socket_mounts.of(lxd_evidence, lxd_instance)
        socket_mounts.require_certainty(lxd_evidence, mounted)
        seen = [f"{mount.point} is {mount.root}" for mount in mounted]
        count = f"{len(seen)} of its mounts are of a file system with LXD's socket"
        return verdict.passed(f"{count}, and none shows it", *seen)
    return verdict.failed(
        observed="; ".join(opening.text for opening in found),
        expected="no mount of LXD's socket or of a directory above it",
        origin="the kernel's mount table of the container",
        remedy=lambda: _together(
            {socket_mounts.remedy(lxd_evidence, lxd_instance, opening) for opening in found}
        ),
    )


def _together(found: Collection[Remedy]) -> Remedy:
    ordered = sorted(found, key=lambda remedy: remedy.command)
    return Remedy(
        command=" && ".join(remedy.command for remedy in ordered),
        touches=max(remedy.touches for remedy in ordered),
        note="; ".join(dict.fromkeys(remedy.note for remedy in ordered if remedy.note)),
    )
