"""Users and groups that the host's name services list."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from ..common import commands, context, sockets

NOT_FOUND = 2  # getent(1): a key that the database does not have


@dataclasses.dataclass(frozen=True)
class User:
    """Decoded as `evidence.access_facts.User`."""

    name: str
    uid: int
    gid: int
    shell: str


@dataclasses.dataclass(frozen=True)
class Group:
    """Decoded as `evidence.access_facts.Group`."""

    name: str
    gid: int
    members: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Accounts:
    """Decoded as `evidence.access_facts.Accounts`."""

    users: Sequence[User]
    groups: Sequence[Group]


@dataclasses.dataclass(frozen=True)
class SubordinateIds:
    """Decoded as `evidence.container_facts.SubordinateIds`."""

    subuid: str
    subgid: str


def every(facts: context.Context) -> Accounts:
    """Section: read all listed accounts, and the groups of the API's sockets.

    Some directories return an entry only if it is asked for by number.
    """
    listed = groups(commands.succeed("getent", "group"))
    found: Sequence[sockets.ApiSocket] = facts.require("sockets")
    wanted = {socket.file.gid for socket in found if socket.file.exists and not socket.file.error}
    missing = sorted(wanted - {group.gid for group in listed})
    more = [group for gid in missing for group in _by_number(gid)]
    return Accounts(users=users(commands.succeed("getent", "passwd")), groups=(*listed, *more))


def _by_number(gid: int) -> Iterable[Group]:
    done = commands.run("getent", "group", str(gid))
    if done.status == NOT_FOUND:
        return ()
    if done.status != 0:
        raise RuntimeError(f"getent group {gid}: exit status {done.status}")
    return groups(done.output)


def users(text: str) -> tuple[User, ...]:
    """Return the users in the output of `getent passwd`; raise like `groups`."""
    return tuple(
        User(name=fields[0], uid=int(fields[2]), gid=int(fields[3]), shell=fields[6])
        for fields in _entries("passwd", text, count=7, numbers=(2, 3))
    )


def groups(text: str) -> tuple[Group, ...]:
    """Return the groups in the output of `getent group`.

    Raises:
        ValueError: a line is not an entry; the text has its number and does not quote it, since
            its second field may be a password's hash.
    """
    return tuple(
        Group(
            name=fields[0],
            gid=int(fields[2]),
            members=tuple(member for member in fields[3].split(",") if member),
        )
        for fields in _entries("group", text, count=4, numbers=(2,))
    )


def _entries(
    database: str, text: str, *, count: int, numbers: Sequence[int]
) -> Iterable[list[str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        fields = line.split(":")
        if len(fields) != count or not all(_is_id(fields[index]) for index in numbers):
            raise ValueError(f"getent {database}: line {number} ({fields[0]!r}) is not an entry")
        yield fields


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def subordinate_ids(_: context.Context) -> SubordinateIds:
    """Section: read the host's ranges of subordinate IDs."""
    return SubordinateIds(
        subuid=commands.read_if_there("/etc/subuid") or "",
        subgid=commands.read_if_there("/etc/subgid") or "",
    )
