"""What the sweep brings back from the host, as types; imports nothing of ours.

Every type is one entry of a section of the sweep (`pytest_lxdsec.sweep`, which has types of the
same names and fields), decoded strictly by `msgspec`. Modes are permission bits (0o660), ids are
the host's, times are seconds since 1970.
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
    """An installed package of which a newer version is to be had, on hold or not.

    `is_security` where a version newer than the installed one is in a security archive: not only
    the candidate, which may be a later one that holds the fix without saying so.
    """

    name: str
    installed: str
    candidate: str
    origin: str
    is_security: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AptPackages:
    """What apt says.

    Attributes:
        upgrades: What is pending, `held` and `kept_back` ones too.
        kept_back: Those of the upgrades that apt leaves out by itself: pinned away, or still being
            phased in.
        held: Packages on hold, whether or not there is an upgrade.
        index_time: When every source (of security updates, where there is one) had been brought
            up to date; never later than the truth. 0 where one never was, or it is not known.
        has_security_source: Whether an index of a distribution's security archive is there.
    """

    upgrades: tuple[Upgrade, ...]
    kept_back: tuple[str, ...]
    held: tuple[str, ...]
    index_time: int
    has_security_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A security advisory that a repository brings: `EX-2026:1`, `Important`.

    `package` is the one that closes the hole (name-version-release.arch), "" where the tool names
    none.
    """

    name: str
    severity: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisories:
    """What dnf or zypper says of security.

    Attributes:
        pending: What concerns an installed package and is not installed.
        is_any_known: Whether a repository brings security advisories at all, of whatever is or
            was installed; CentOS Stream's, for one, bring none.
        index_time: As of `AptPackages`.
    """

    pending: tuple[Advisory, ...]
    is_any_known: bool
    index_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The host's package manager ("" where none is known to us), and LXD's package by it."""

    manager: str
    lxd: str
    apt: AptPackages | None
    advisories: Advisories | None


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
class Holder:
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
class Holders:
    """Who gets the groups of the API's sockets besides those whom the list of groups names.

    Attributes:
        by_login: By initgroups(3), which knows of groups within groups.
        shadows: The entries of those groups.
        unlisted: Name services (`sss`) of whose accounts there is no full list.
    """

    by_login: tuple[Holder, ...]
    shadows: tuple[GroupShadow, ...]
    unlisted: tuple[str, ...]


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
    """A network interface's settings (`net.ipv4.conf.NAME.*`, of IPv6 too); None where absent.

    `index` is 0 for the pseudo interfaces `all` and `default`.
    """

    name: str
    index: int
    ipv4: Mapping[str, int | None]
    ipv6: Mapping[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntRoute:
    """A route of the host that came from a router advertisement."""

    to: str
    via: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStack:
    """The daemon's network namespace; `learnt_routes` are those that the kernel itself learnt."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlace:
    """Where a socket of the API lies: the file system by number, and the path within it.

    `links` counts its names in that file system; more than one are hard links.
    """

    path: str
    device: str
    root: str
    links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount in a container, of a file system that holds a socket of the API.

    Attributes:
        point: Where the container sees it.
        root: What it shows, as a path within the file system `device`.
        file: What the daemon sees there; `exists` is false where the daemon does not see it.
    """

    point: str
    device: str
    root: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerMounts:
    """Those mounts of one running container; `error` says why they are not known, else ""."""

    lxc_name: str
    error: str
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounts:
    """The sockets' places, and what containers mount of the same file systems."""

    sockets: tuple[SocketPlace, ...]
    containers: tuple[ContainerMounts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A file's text; `error` says why it could not be read, else ""."""

    text: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceControl:
    """What the devices controller has for a container's init.

    Attributes:
        group: Its control group in the v2 hierarchy, "" where there is none.
        programs: That group and those above it to the number of v2 programs on each.
        rules: The list of v1 (`devices.list`), "" where v1 does not have the controller.
        error: Why the kernel did not say, else "".
    """

    group: str
    programs: Mapping[str, int]
    rules: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What stands between a running container and the host; `error` where it was not read.

    Attributes:
        mountinfo: /proc/PID/mountinfo of its init.
        limits: /proc/PID/limits of its init.
        nodes: Paths below /dev on which a device is mounted to its type and number (`c 1:3`).
        lxc_conf: What liblxc was told at the last start, the lines that bear on a wall.
        seccomp_policy: LXD's file of the last start.
    """

    lxc_name: str
    error: str
    mountinfo: str
    limits: str
    devices: DeviceControl | None
    nodes: Mapping[str, str]
    lxc_conf: Text | None
    seccomp_policy: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the host looks: the sweep's own namespaces, the daemon's mounts and data directory."""

    namespaces: Mapping[str, str]
    mountinfo: str
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDirectory:
    """A daemon's data directory, the database in it and the private keys, links followed."""

    daemon: int
    directory: File
    database: File
    keys: tuple[File, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfilesLine:
    """A line of tmpfiles.d about one of the kernel's files, its words apart by single blanks."""

    file: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BootUnit:
    """A service of systemd whose commands name one of the kernel's files; those commands only."""

    file: str
    commands: tuple[str, ...]
    before: tuple[str, ...]
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBoot:
    """What closes the kernel's files at boot; `has_tmpfiles` where a program reads tmpfiles.d."""

    has_tmpfiles: bool
    tmpfiles: tuple[TmpfilesLine, ...]
    units: tuple[BootUnit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An old version of TLS, offered alone.

    Attributes:
        answer: `alert` (the server refuses), `accepted`, `closed` (without a word), `other` (no
            TLS) or `error` (no connection).
        detail: Which alert or version, or why.
    """

    version: str
    answer: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One listener, asked for TLS 1.3 and for each older version.

    Attributes:
        newest: What was agreed on where 1.3 was offered; "" where `error` says why not.
        certificate: The server's, as PEM.
    """

    address: str
    port: int
    newest: str
    certificate: str
    error: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """What waits for a reboot, and the kernels in /boot.

    Attributes:
        reboot_reasons: Packages, or tools that say so; none where nobody asks for a reboot.
        asked: Which files and tools were looked at.
        kernels: Versions, as `uname -r` has them.
    """

    reboot_reasons: tuple[str, ...]
    asked: tuple[str, ...]
    kernels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The host's table of its distribution's releases, as CSV; "" for none."""

    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PkiFile:
    """A file of a public key infrastructure; `text` is "" where it is not there."""

    name: str
    file: File
    text: str
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """Those files, and when the daemon was started, which reads them then only."""

    started: int
    files: tuple[PkiFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedName:
    """What a name in a listen address resolves to on the host; `error` where it did not answer."""

    name: str
    addresses: tuple[str, ...]
    error: str
