"""Types of the sweep: local access to LXD by sockets, accounts, groups and directories.

See `host_facts` for units.
"""

from __future__ import annotations

from dataclasses import dataclass

from .host_facts import File


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSocket:
    """A unix socket on which a daemon serves its API; `daemon` is the daemon's pid.

    `directories` are those above it, the nearest first.
    """

    daemon: int
    file: File
    directories: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminGroup:
    """The group that a daemon is configured to give access to its socket.

    Attributes:
        daemon: The daemon's pid.
        name: The group's name.
        source: Where it is configured: the command line, systemd's socket unit or the snap; else
            the daemon's own group.
    """

    daemon: int
    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account that NSS lists."""

    name: str
    uid: int
    gid: int
    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group that NSS lists; `members` are user names."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The users and groups that NSS lists."""

    users: tuple[User, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHolder:
    """A group of the API's sockets, and the listed users who get it at login."""

    gid: int
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShadow:
    """An entry of gshadow(5).

    Attributes:
        has_password: Whether any user may join the group with a password.
        administrators: Users who may change its members.
    """

    name: str
    has_password: bool
    administrators: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHolders:
    """Users who get a group of the API's sockets in other ways than by the list of groups.

    Attributes:
        by_login: By initgroups(3), which resolves groups within groups.
        shadows: The entries of those groups.
        unlisted: Name services (`sss`) that do not list all their accounts.
    """

    by_login: tuple[GroupHolder, ...]
    shadows: tuple[GroupShadow, ...]
    unlisted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """A daemon's data directory, its database and private keys; symbolic links are followed."""

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
        gids: The groups of sockets that it holds.
        sees_socket: Whether a socket may be visible in its mounts.
    """

    pid: int
    exe: str
    uids: tuple[int, ...]
    gids: tuple[int, ...]
    sees_socket: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetgidFiles:
    """Set-group-ID files on local file systems; `unsearched` are mounts that may have more."""

    files: tuple[File, ...]
    unsearched: tuple[str, ...]
