"""Who can open a file by its group: the closure by number, as the kernel decides; pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ...evidence.access_facts import Accounts, GroupHolders, GroupProcess, GroupShadow, User

# Groups whose members may become root by the distributions' own rules (sudoers of Debian and
# Ubuntu: sudo, admin; of Red Hat and SUSE: wheel).
ADMINISTRATORS = ("sudo", "wheel", "admin")
# Accounts that LXD's own packages create with the group as their primary one: Debian's preinst
# (_lxd), the snap's daemon.start (lxd). They have no shell.
PACKAGE_ACCOUNTS = ("_lxd", "lxd")
# Whom LXD gives its helpers to, and what they run.
HELPER_ACCOUNTS = ("nobody", *PACKAGE_ACCOUNTS)
HELPERS = ("dnsmasq", "lxd", "qemu-system-")
ANYBODY = "whoever knows the group's password"
NO_SHELLS = ("/bin/false", "/usr/sbin/nologin", "/sbin/nologin", "/usr/bin/false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A user who has a group, and the command that takes it away.

    Attributes:
        how: `member of lxd` or `primary group lxd`.
    """

    user: str
    how: str
    repair: str


def of(accounts: Accounts, holders: GroupHolders, gid: int) -> tuple[Membership, ...]:
    """Return every user who has this group, by any of its names, each once."""
    found: dict[str, Membership] = {}
    for membership in _ways(accounts, holders, gid):
        found.setdefault(membership.user, membership)
    return tuple(found.values())


def _ways(accounts: Accounts, holders: GroupHolders, gid: int) -> Iterator[Membership]:
    groups = [group for group in accounts.groups if group.gid == gid]
    shown = groups[0].name if groups else str(gid)
    for group in groups:
        for member in group.members:
            yield _member(member, group.name, how=f"member of {group.name}")
    for user in accounts.users:
        if user.gid == gid:
            repair = shlex.join(("usermod", "--gid", "nogroup", user.name))
            yield Membership(user=user.name, how=f"primary group {shown}", repair=repair)
    for shadow in holders.shadows:
        if shadow.name in {group.name for group in groups}:
            yield from _by_shadow(shadow)
    for holder in holders.by_login:
        if holder.gid == gid:
            for name in holder.users:
                yield _member(name, shown, how=f"gets {shown} at login")


def _by_shadow(shadow: GroupShadow) -> Iterator[Membership]:
    """Yield whom gshadow(5) lets take the group by newgrp(1), or hand it out by gpasswd(1)."""
    for member in shadow.members:
        yield _member(member, shadow.name, how=f"member of {shadow.name} by gshadow")
    for name in shadow.administrators:
        repair = shlex.join(("gpasswd", "--administrators", "", shadow.name))
        yield Membership(user=name, how=f"administrator of {shadow.name}", repair=repair)
    if shadow.has_password:
        repair = shlex.join(("gpasswd", "--remove-password", shadow.name))
        yield Membership(user=ANYBODY, how=f"newgrp {shadow.name}", repair=repair)


def _member(user: str, group: str, *, how: str) -> Membership:
    return Membership(user=user, how=how, repair=shlex.join(("gpasswd", "--delete", user, group)))


def is_root_equivalent(accounts: Accounts, name: str) -> bool:
    """Return whether a user is root on this host anyway: uid 0, or an administrator by group."""
    found = [user for user in accounts.users if user.name == name]
    if any(user.uid == 0 for user in found):
        return True
    gids = {user.gid for user in found}
    return any(
        group.name in ADMINISTRATORS and (name in group.members or group.gid in gids)
        for group in accounts.groups
    )


def is_package_account(accounts: Accounts, name: str) -> bool:
    """Return whether a user is a service account of LXD's own packages."""
    return any(_is_service(user) for user in accounts.users if user.name == name)


def _is_service(user: User) -> bool:
    return user.name in PACKAGE_ACCOUNTS and user.shell in NO_SHELLS and user.uid < 1000  # noqa: PLR2004 - login.defs' UID_MIN


def is_trusted(accounts: Accounts, name: str, trusted: Collection[str] | None) -> bool:
    """Return whether a user may open LXD's socket: by the policy, or without one as root anyway.

    Args:
        accounts: The host's.
        name: The user's.
        trusted: Whom policy `local.trusted_users` names; None without a policy.
    """
    if is_package_account(accounts, name):
        return True
    if trusted is not None:
        return name in (*trusted, "root")
    return is_root_equivalent(accounts, name)


def is_helper(carrier: GroupProcess, names: Collection[str]) -> bool:
    """Return whether LXD started this process with its group, for an account without a login.

    Only root could have given a program of `nobody` that group; LXD does: dnsmasq and forkdns
    (lxd/network/driver_bridge.go), qemu (lxd/sys/os.go, UnprivGroup).
    """
    return set(names) <= {*HELPER_ACCOUNTS} and carrier.exe.startswith(HELPERS)


def names_of(accounts: Accounts, carrier: GroupProcess) -> tuple[str, ...]:
    """Return the users that a process is, root left out; a number where nobody is called so."""
    names = {user.uid: user.name for user in accounts.users}
    return tuple(names.get(uid, str(uid)) for uid in carrier.uids if uid != 0)
