"""What the sweep brings back of who gets at LXD on the host: sockets, accounts, directories.

Types as in `host_facts`, which it imports.
"""

from __future__ import annotations

from dataclasses import dataclass

from .host_facts import File


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSocket:
    """A unix socket on which a daemon serves its API, and the directories above it."""

    daemon: int
    file: File
    directories: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminGroup:
    """The group that a daemon was told to serve, and by what."""

    daemon: int
    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account, by NSS."""

    name: str
    uid: int
    gid: int
    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group, by NSS."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Users and groups that the host's name services list."""

    users: tuple[User, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHolder:
    """A group of the API's sockets, and the listed users whom a login gives it."""

    gid: int
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShadow:
    """An entry of gshadow(5): who may hand such a group out, or take it with a password."""

    name: str
    has_password: bool
    administrators: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHolders:
    """Who gets the groups of the API's sockets besides those whom the list of groups names.

    Attributes:
        by_login: By initgroups(3), which knows of groups within groups.
        shadows: The entries of those groups.
        unlisted: Name services (`sss`) of whose accounts there is no full list.
    """

    by_login: tuple[GroupHolder, ...]
    shadows: tuple[GroupShadow, ...]
    unlisted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """A daemon's data directory, the database in it and the private keys, links followed."""

    daemon: int
    directory: File
    database: File
    keys: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProcess:
    """A process that holds the group of a socket of the API.

    Attributes:
        exe: The name of the program's file.
        uids: Real, effective, saved and file system user ids, each once.
        gids: Which groups of sockets it holds.
        sees_socket: Whether a socket may be among its mounts.
    """

    pid: int
    exe: str
    uids: tuple[int, ...]
    gids: tuple[int, ...]
    sees_socket: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetgidFiles:
    """Files that give their group; `unsearched` are mount points where there may be more."""

    files: tuple[File, ...]
    unsearched: tuple[str, ...]
