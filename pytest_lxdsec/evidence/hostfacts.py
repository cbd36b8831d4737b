"""What the sweep brings back from the host, as types; imports nothing of ours.

Every type is one entry of a section of `sweep.py`, decoded strictly by `msgspec`. Modes are
permission bits (0o660), ids are the host's, times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """os-release, the running kernel and the host's name."""

    release: Mapping[str, str]
    kernel: str
    hostname: str

    @property
    def title(self) -> str:
        """What people call it: Debian GNU/Linux 12 (bookworm)."""
        return self.release.get("PRETTY_NAME") or self.release.get("ID") or "unknown system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A package that the package manager would bring up to date."""

    name: str
    installed: str
    candidate: str
    origin: str
    is_security: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AptPackages:
    """What apt says. `index_time` is 0 where the index was never fetched."""

    upgrades: tuple[Upgrade, ...]
    kept_back: tuple[str, ...]
    held: tuple[str, ...]
    index_time: int
    has_security_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The host's package manager ("" where none is known to us), and LXD's package by it."""

    manager: str
    lxd: str
    apt: AptPackages | None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A path of the host: owner, mode, identity.

    Where `exists` is false there is no such path. Where `error` is not "" it could not be looked
    at, and the numbers mean nothing. `acl` is the POSIX access list in hexadecimal as the kernel
    stores it, "" for none.
    """

    path: str
    exists: bool
    error: str
    uid: int
    gid: int
    mode: int
    kind: str
    device: int
    inode: int
    acl: str

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: the same for every name of the same file."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPath:
    """A path that a device names, and the file it really leads to."""

    path: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A LXD daemon of the host; `namespaces` maps kinds to what /proc/PID/ns links to."""

    pid: int
    exe: str
    is_deleted: bool
    uid: int
    gid: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    namespaces: Mapping[str, str]


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
class SubordinateIds:
    """The text of /etc/subuid and /etc/subgid, "" where there is no such file."""

    subuid: str
    subgid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A TCP socket on which the daemon listens; family is `tcp` or `tcp6`."""

    family: str
    address: str
    port: int

    @property
    def text(self) -> str:
        """ADDRESS:PORT, an IPv6 address in brackets."""
        return endpoint(self.address, self.port)


def endpoint(address: str, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrangerAnswer:
    """What a client without a certificate got for one path.

    `environment` and `config` are the names of what it was told, not the values.
    """

    path: str
    status: int
    is_json: bool
    auth: str
    environment: tuple[str, ...]
    config: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One listener, asked without a certificate; `error` where it broke off, else ""."""

    address: str
    port: int
    tls: str
    error: str
    answers: tuple[StrangerAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface's IPv6 settings (`net.ipv6.conf.NAME.*`); None where absent.

    `index` is 0 for the pseudo interfaces `all` and `default`.
    """

    name: str
    index: int
    ipv6: Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntRoute:
    """A route of the host that came from a router advertisement."""

    to: str
    via: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStack:
    """The daemon's network namespace."""

    has_ipv6: bool
    interfaces: tuple[Interface, ...]
    learnt_routes: tuple[LearntRoute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """The kernel's view of a running container: what /proc says of its init."""

    lxc_path: str
    lxc_name: str
    pid: int
    status: Mapping[str, str]
    uid_map: str
    gid_map: str
    namespaces: Mapping[str, str]
    label: str
