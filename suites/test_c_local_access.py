"""Local access to the LXD daemon: who opens its socket is root."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from pytest_lxdsec import handouts, membership, origins, verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.hostfacts import ApiSocket, File
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.evidence.objects import Instance
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import CannotTell, Remedy, Verdict

SECTION = "local-access-to-the-lxd-daemon"
OTHERS = 0o007
WRITERS = 0o022
STICKY = 0o1000


@control(
    "LXD-LOC-01",
    title="The LXD socket is closed to everybody but root and its admin group",
    severity=Severity.CRITICAL,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Whoever opens the socket can attach the host's disk to a container of theirs.",
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
        expected="root's socket, mode 0660 or tighter, for the daemon's admin group, "
        "in directories that only root can write",
        origin="the host's file system",
        remedy=Remedy(
            command=" && ".join(dict.fromkeys(repair for _, repair in found)), touches=len(found)
        ),
    )


def _faults(evidence: Evidence, socket: ApiSocket) -> Iterator[tuple[str, str]]:
    """What is wrong with a socket, each with its repair."""
    file, path = socket.file, shlex.quote(socket.file.path)
    if file.error or not file.exists:
        raise CannotTell(f"{file.path}: {file.error or 'the socket is not where it listens'}")
    if file.uid != 0:
        yield f"{file.path} belongs to uid {file.uid}", f"chown root {path}"
    if file.mode & OTHERS:
        yield f"{file.path} has mode {file.mode:04o}", f"chmod 0660 {path}"
    if file.acl:
        yield f"{file.path} has an access list", f"setfacl --remove-all {path}"
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
            yield f"{directory.path} has an access list", f"setfacl --remove-all {path}"


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
    "LXD-LOC-03",
    title="Everybody in the socket's group is trusted as root",
    severity=Severity.HIGH,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Membership of the group is root on this host, without sudo and without a log.",
)
def test_group_members_are_trusted(lxd_evidence: Evidence, lxd_policy: Policy) -> Verdict:
    accounts, sockets = lxd_evidence.accounts, lxd_evidence.sockets
    if not sockets:
        raise CannotTell("no LXD daemon of this host listens on a unix socket")
    members = [
        member
        for gid in sorted({socket.file.gid for socket in sockets} - {0})
        for member in membership.of(accounts, gid)
    ]
    trusted = lxd_policy.trusted_users

    def is_trusted(name: str) -> bool:
        if membership.is_package_account(accounts, name):
            return True
        if trusted is not None:
            return name in (*trusted, "root")
        return membership.is_root_equivalent(accounts, name)

    strangers = [member for member in members if not is_trusted(member.user)]
    if not strangers:
        return verdict.passed(*_members_seen(members, sockets))
    return verdict.failed(
        observed=", ".join(f"{member.user} ({member.how})" for member in strangers),
        expected="only users whom policy local.trusted_users names, or who are root anyway"
        if trusted is None
        else f"only {', '.join(trusted) or 'root'} (policy local.trusted_users)",
        origin="the host's accounts (getent passwd, getent group)",
        remedy=Remedy(
            command=" && ".join(member.repair for member in strangers),
            touches=len(strangers),
            note="sessions that are open keep the group until they end",
        ),
    )


def _members_seen(
    members: list[membership.Membership], sockets: tuple[ApiSocket, ...]
) -> list[str]:
    if not members:
        groups = ", ".join(sorted({str(socket.file.gid) for socket in sockets}))
        return [f"nobody but root has the socket's group (gid {groups})"]
    return [f"{member.user} is trusted ({member.how})" for member in members]


@control(
    "LXD-LOC-05",
    title="No device hands the LXD socket to the instance",
    severity=Severity.CRITICAL,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="An instance with the socket can do to the host whatever LXD can.",
)
def test_no_device_hands_out_the_socket(lxd_instance: Instance, lxd_evidence: Evidence) -> Verdict:
    found = tuple(handouts.handouts(lxd_evidence, lxd_instance))
    if not found:
        paths = [f"{p.device} opens {p.path}" for p in handouts.host_paths(lxd_instance)]
        return verdict.passed(*(paths or ["no device opens a path of the host"]))
    places = {
        handout.device: origins.of_device(lxd_evidence, lxd_instance, handout.device)
        for handout in found
    }
    commands = [place.device_command("remove", device) for device, place in places.items()]
    return verdict.failed(
        observed="; ".join(handout.text for handout in found),
        expected="no disk and no proxy that leads to LXD's socket",
        origin=", ".join(dict.fromkeys(place.text for place in places.values())),
        remedy=Remedy(
            command=" && ".join(commands),
            touches=max(len(place.users) for place in places.values()),
        ),
    )
