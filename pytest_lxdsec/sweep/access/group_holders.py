"""Users who get the group of LXD's socket in other ways than by the list of groups."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence

from ..common import commands, context, sockets
from . import accounts

NSSWITCH = "/etc/nsswitch.conf"
GSHADOW = "/etc/gshadow"
DATABASES = ("passwd", "group", "initgroups")
# Services of which `getent` lists every entry; others (sss, ldap, winbind) answer by name only.
COMPLETE = ("files", "compat", "db", "systemd", "nis", "altfiles", "extrausers", "mymachines")
# The first character of hashes that match no password: crypt(5) never begins with these.
LOCKED = ("!", "*")


@dataclasses.dataclass(frozen=True)
class GroupHolder:
    """Decoded as `evidence.access_facts.GroupHolder`."""

    gid: int
    users: Sequence[str]


@dataclasses.dataclass(frozen=True)
class GroupShadow:
    """Decoded as `evidence.access_facts.GroupShadow`."""

    name: str
    has_password: bool
    administrators: Sequence[str]
    members: Sequence[str]


@dataclasses.dataclass(frozen=True)
class GroupHolders:
    """Decoded as `evidence.access_facts.GroupHolders`."""

    by_login: Sequence[GroupHolder]
    shadows: Sequence[GroupShadow]
    unlisted: Sequence[str]


def every(facts: context.Context) -> GroupHolders:
    """Section: find the users who get a group of the API's sockets at login."""
    listed: accounts.Accounts = facts.require("accounts")
    found: Sequence[sockets.ApiSocket] = facts.require("sockets")
    gids = {one.file.gid for one in found if one.file.exists and not one.file.error} - {0}
    names = {group.name for group in listed.groups if group.gid in gids}
    shadow = commands.read_if_there(GSHADOW) or ""
    return GroupHolders(
        by_login=tuple(_by_login(listed.users, gids)) if gids else (),
        shadows=tuple(one for one in shadows(shadow) if one.name in names),
        unlisted=incomplete(commands.read_if_there(NSSWITCH) or ""),
    )


def _by_login(users: Iterable[accounts.User], gids: set[int]) -> Iterator[GroupHolder]:
    """Ask initgroups(3), which resolves groups within groups and asks every name service."""
    found: dict[int, list[str]] = {gid: [] for gid in gids}
    for user in users:
        for gid in gids.intersection(os.getgrouplist(user.name, user.gid)):
            found[gid].append(user.name)
    for gid in sorted(found):
        yield GroupHolder(gid=gid, users=tuple(sorted(set(found[gid]))))


def shadows(text: str) -> Iterator[GroupShadow]:
    """Return the entries of gshadow(5) without the hashes of passwords.

    Raises:
        ValueError: a line is not an entry.
    """
    for number, line in enumerate(commands.lines(text), 1):
        fields = line.split(":")
        if len(fields) != 4:  # noqa: PLR2004  gshadow(5)
            raise ValueError(f"{GSHADOW}: line {number} ({fields[0]!r}) is not an entry")
        name, password, administrators, members = fields
        yield GroupShadow(
            name=name,
            has_password=bool(password) and not password.startswith(LOCKED),
            administrators=_names(administrators),
            members=_names(members),
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def incomplete(text: str) -> tuple[str, ...]:
    """Return the name services of nsswitch.conf(5) that do not list all their accounts."""
    found = set()
    for line in commands.lines(text):
        database, colon, services = line.partition("#")[0].partition(":")
        if colon and database.strip() in DATABASES:
            words = services.replace("[", " [").replace("]", "] ").split()
            found |= set(_services(words))
    return tuple(sorted(found - set(COMPLETE)))


def _services(words: Iterable[str]) -> Iterator[str]:
    """Return the services without actions such as `[NOTFOUND=return SUCCESS=merge]`."""
    is_action = False
    for word in words:
        is_action = is_action or word.startswith("[")
        if not is_action:
            yield word
        is_action = is_action and not word.endswith("]")
