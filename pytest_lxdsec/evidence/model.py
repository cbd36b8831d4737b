"""`Evidence`: what was seen of one server, frozen; imports `objects`, `hostfacts` and verdict.

It is made of parts. A part is one source: an API listing, a section of the sweep. Each is either
there and decoded, or missing with its reason; asking for a missing one raises `CannotTell`, so
that no control can take absence for an answer. The parts are kept as the raw JSON they came in
(secrets redacted), which is what a file of evidence holds; decoding happens here and only here,
for live and replayed evidence alike.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec

from ..verdict import CannotTell, NotAssessed
from . import hostfacts, netfacts, objects, redact, tried

T = TypeVar("T")

VALUE = "value"
MISSING = "missing"
NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An object of a listing that does not have the shape it should have."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What an API listing held: the objects that can be read, and those that cannot."""

    objects: tuple[T, ...]
    unreadable: tuple[Unreadable, ...] = ()

    def __iter__(self) -> Iterator[T]:
        """The readable objects, in order of the listing."""
        return iter(self.objects)

    def complete(self) -> tuple[T, ...]:
        """All objects, for a question that none may be left out of.

        Raises:
            CannotTell: one of them could not be read.
        """
        for broken in self.unreadable:
            raise CannotTell(f"{broken.key} cannot be read: {broken.reason}")
        return self.objects


@dataclass(frozen=True, slots=True)
class _Absent:
    """Why a part is not there, as the exception that says so."""

    error: type[CannotTell]
    reason: str


SINGLE: Mapping[str, Any] = {
    "server": objects.Server,
    "host.os": hostfacts.OperatingSystem,
    "host.packages": hostfacts.Packages,
    "host.daemons": tuple[hostfacts.Daemon, ...],
    "host.server": hostfacts.Daemon,
    "host.sockets": tuple[hostfacts.ApiSocket, ...],
    "host.admin_groups": tuple[hostfacts.AdminGroup, ...],
    "host.accounts": hostfacts.Accounts,
    "host.holders": hostfacts.Holders,
    "host.subordinate_ids": hostfacts.SubordinateIds,
    "host.listeners": tuple[hostfacts.Listener, ...],
    "host.strangers": tuple[hostfacts.Stranger, ...],
    "host.kernel_files": tuple[hostfacts.File, ...],
    "host.network": hostfacts.NetworkStack,
    "host.links": tuple[netfacts.Link, ...],
    "host.filters": netfacts.PacketFilters,
    "host.reservations": tuple[netfacts.Reservations, ...],
    "host.routes": tuple[netfacts.Route, ...],
    "host.name_servers": netfacts.NameServers,
    "host.containers": tuple[hostfacts.ContainerFacts, ...],
    "host.paths": tuple[hostfacts.NamedPath, ...],
    "host.names": tuple[hostfacts.ResolvedName, ...],
    "host.pki": hostfacts.Pki,
    "host.restarts": hostfacts.Restarts,
    "host.distribution": hostfacts.Distribution,
    "host.handshakes": tuple[hostfacts.Handshake, ...],
    "host.setgid_files": hostfacts.SetgidFiles,
    "host.carriers": tuple[hostfacts.Carrier, ...],
    "host.data_directories": tuple[hostfacts.DataDirectory, ...],
    "host.mounts": hostfacts.Mounts,
    "host.walls": tuple[hostfacts.Walls, ...],
    "host.view": hostfacts.View,
    "host.at_boot": hostfacts.AtBoot,
    "host.control": str,
    "probes": tuple[objects.Probe, ...],
    "trials": tried.Trials,
}
LISTINGS: Mapping[str, Any] = {
    "servers": objects.Server,
    "projects": objects.Project,
    "instances": objects.Instance,
    "profiles": objects.Profile,
    "networks": objects.Network,
    "certificates": objects.Certificate,
    "images": objects.Image,
    "members": objects.Member,
    "tokens": objects.Token,
    "identities": objects.Identity,
    "groups": objects.Group,
    "provider_groups": objects.ProviderGroup,
}
HOST_PARTS = tuple(name for name in SINGLE if name.startswith("host."))
PARTS = (*LISTINGS, *SINGLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where and when the evidence was gathered, and what it cost.

    Attributes:
        target: The name of the target, as reports show it.
        taken: When the gathering began, UTC.
        tool: The version of pytest-lxdsec that gathered it.
        seconds: How long it took.
        round_trips: Requests to the API and commands over the shell.
    """

    target: str
    taken: datetime.datetime
    tool: str
    seconds: float
    round_trips: Mapping[str, int]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evidence:
    """What was seen of one server. Every property raises `CannotTell` where its part is missing.

    Compared by identity, so that what is derived from it can be kept with it (`functools.cache`).

    `document` maps part names to `{"value": ...}`, `{"missing": reason}` or
    `{"not_assessed": reason}`: raw JSON, redacted.
    """

    header: Header
    document: Mapping[str, Mapping[str, Any]]
    _decoded: Mapping[str, object]
    _asked_for: datetime.datetime | None = None

    @classmethod
    def of(cls, header: Header, document: Mapping[str, Mapping[str, Any]]) -> Evidence:
        """Redact and decode; whatever the document lacks or garbles becomes a missing part."""
        clean = {name: _entry(name, document.get(name)) for name in PARTS}
        decoded = {name: _decode(name, entry) for name, entry in clean.items()}
        return cls(header, types.MappingProxyType(clean), types.MappingProxyType(decoded))

    def __repr__(self) -> str:
        """The target only: evidence is long, and logs are read by many."""
        return f"Evidence({self.header.target!r})"

    @property
    def now(self) -> datetime.datetime:
        """When to judge for: the day that was asked about, else when the evidence was taken."""
        return self._asked_for or self.header.taken

    def on(self, day: datetime.date) -> Evidence:
        """The same evidence, to be judged for another day."""
        noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
        return dataclasses.replace(self, _asked_for=noon)

    def absent(self, part: str) -> str:
        """Why a part is missing; "" where it is there."""
        found = self._decoded[part]
        return found.reason if isinstance(found, _Absent) else ""

    def _require(self, part: str) -> object:
        found = self._decoded[part]
        if isinstance(found, _Absent):
            raise found.error(f"no {part}: {found.reason}")
        return found

    @property
    def server(self) -> objects.Server:
        """The server that was asked."""
        return cast("objects.Server", self._require("server"))

    @property
    def servers(self) -> Listing[objects.Server]:
        """Every cluster member's server; the one server where there is no cluster."""
        return cast("Listing[objects.Server]", self._require("servers"))

    @property
    def projects(self) -> Listing[objects.Project]:
        """Projects."""
        return cast("Listing[objects.Project]", self._require("projects"))

    @property
    def instances(self) -> Listing[objects.Instance]:
        """Instances of all projects."""
        return cast("Listing[objects.Instance]", self._require("instances"))

    @property
    def profiles(self) -> Listing[objects.Profile]:
        """Profiles of all projects that have their own."""
        return cast("Listing[objects.Profile]", self._require("profiles"))

    @property
    def networks(self) -> Listing[objects.Network]:
        """Networks of all projects that have their own."""
        return cast("Listing[objects.Network]", self._require("networks"))

    @property
    def certificates(self) -> Listing[objects.Certificate]:
        """The trust store."""
        return cast("Listing[objects.Certificate]", self._require("certificates"))

    @property
    def images(self) -> Listing[objects.Image]:
        """Images of all projects that have their own."""
        return cast("Listing[objects.Image]", self._require("images"))

    @property
    def members(self) -> Listing[objects.Member]:
        """Cluster members; none where there is no cluster."""
        return cast("Listing[objects.Member]", self._require("members"))

    @property
    def operating_system(self) -> hostfacts.OperatingSystem:
        """The host's operating system."""
        return cast("hostfacts.OperatingSystem", self._require("host.os"))

    @property
    def packages(self) -> hostfacts.Packages:
        """What the host's package manager says."""
        return cast("hostfacts.Packages", self._require("host.packages"))

    @property
    def daemons(self) -> tuple[hostfacts.Daemon, ...]:
        """All LXD daemons of the host."""
        return cast("tuple[hostfacts.Daemon, ...]", self._require("host.daemons"))

    @property
    def daemon(self) -> hostfacts.Daemon:
        """The daemon behind the API that was asked."""
        return cast("hostfacts.Daemon", self._require("host.server"))

    @property
    def sockets(self) -> tuple[hostfacts.ApiSocket, ...]:
        """Unix sockets on which daemons of the host serve their API."""
        return cast("tuple[hostfacts.ApiSocket, ...]", self._require("host.sockets"))

    @property
    def admin_groups(self) -> tuple[hostfacts.AdminGroup, ...]:
        """The group each daemon was told to serve."""
        return cast("tuple[hostfacts.AdminGroup, ...]", self._require("host.admin_groups"))

    @property
    def accounts(self) -> hostfacts.Accounts:
        """The host's users and groups."""
        return cast("hostfacts.Accounts", self._require("host.accounts"))

    @property
    def holders(self) -> hostfacts.Holders:
        """Who gets the groups of LXD's sockets, besides their members."""
        return cast("hostfacts.Holders", self._require("host.holders"))

    @property
    def subordinate_ids(self) -> hostfacts.SubordinateIds:
        """The host's ranges of subordinate ids."""
        return cast("hostfacts.SubordinateIds", self._require("host.subordinate_ids"))

    @property
    def listeners(self) -> tuple[hostfacts.Listener, ...]:
        """TCP sockets on which the daemon listens."""
        return cast("tuple[hostfacts.Listener, ...]", self._require("host.listeners"))

    @property
    def strangers(self) -> tuple[hostfacts.Stranger, ...]:
        """What a client without a certificate was told."""
        return cast("tuple[hostfacts.Stranger, ...]", self._require("host.strangers"))

    @property
    def kernel_files(self) -> tuple[hostfacts.File, ...]:
        """Files of the kernel that tell containers' names."""
        return cast("tuple[hostfacts.File, ...]", self._require("host.kernel_files"))

    @property
    def network(self) -> hostfacts.NetworkStack:
        """The daemon's network namespace."""
        return cast("hostfacts.NetworkStack", self._require("host.network"))

    @property
    def links(self) -> tuple[netfacts.Link, ...]:
        """The interfaces of the daemon's network namespace."""
        return cast("tuple[netfacts.Link, ...]", self._require("host.links"))

    @property
    def filters(self) -> netfacts.PacketFilters:
        """The packet filters of the daemon's network namespace, as they were printed."""
        return cast("netfacts.PacketFilters", self._require("host.filters"))

    @property
    def reservations(self) -> tuple[netfacts.Reservations, ...]:
        """The addresses that LXD holds for the NICs on its bridges."""
        return cast("tuple[netfacts.Reservations, ...]", self._require("host.reservations"))

    @property
    def routes(self) -> tuple[netfacts.Route, ...]:
        """Routes of the daemon's network namespace that bear on a control."""
        return cast("tuple[netfacts.Route, ...]", self._require("host.routes"))

    @property
    def name_servers(self) -> netfacts.NameServers:
        """The processes that serve bridges, and those that LXD recorded."""
        return cast("netfacts.NameServers", self._require("host.name_servers"))

    @property
    def containers(self) -> tuple[hostfacts.ContainerFacts, ...]:
        """The kernel's view of the running containers."""
        return cast("tuple[hostfacts.ContainerFacts, ...]", self._require("host.containers"))

    @property
    def paths(self) -> tuple[hostfacts.NamedPath, ...]:
        """Where the paths that devices name really lead."""
        return cast("tuple[hostfacts.NamedPath, ...]", self._require("host.paths"))

    @property
    def mounts(self) -> hostfacts.Mounts:
        """What running containers mount of the file systems that hold the sockets."""
        return cast("hostfacts.Mounts", self._require("host.mounts"))

    @property
    def walls(self) -> tuple[hostfacts.Walls, ...]:
        """What stands between the running containers and the host."""
        return cast("tuple[hostfacts.Walls, ...]", self._require("host.walls"))

    @property
    def view(self) -> hostfacts.View:
        """The host's own namespaces, and what its daemon sees mounted."""
        return cast("hostfacts.View", self._require("host.view"))

    @property
    def at_boot(self) -> hostfacts.AtBoot:
        """What closes the kernel's files when the host boots."""
        return cast("hostfacts.AtBoot", self._require("host.at_boot"))

    @property
    def control(self) -> str:
        """What the probe printed on the host, run by its root."""
        return cast("str", self._require("host.control"))

    @property
    def probes(self) -> tuple[objects.Probe, ...]:
        """What the probe printed inside the running containers."""
        return cast("tuple[objects.Probe, ...]", self._require("probes"))

    @property
    def trials(self) -> tried.Trials:
        """What throw-away instances of ours could do."""
        return cast("tried.Trials", self._require("trials"))

    @property
    def data_directories(self) -> tuple[hostfacts.DataDirectory, ...]:
        """Every daemon's data directory."""
        return cast("tuple[hostfacts.DataDirectory, ...]", self._require("host.data_directories"))

    @property
    def carriers(self) -> tuple[hostfacts.Carrier, ...]:
        """The processes that hold the group of a socket."""
        return cast("tuple[hostfacts.Carrier, ...]", self._require("host.carriers"))

    @property
    def setgid_files(self) -> hostfacts.SetgidFiles:
        """The files that give their group to whoever runs them."""
        return cast("hostfacts.SetgidFiles", self._require("host.setgid_files"))

    @property
    def tokens(self) -> Listing[objects.Token]:
        """Tokens that nobody has used yet, and some that have ended."""
        return cast("Listing[objects.Token]", self._require("tokens"))

    @property
    def identities(self) -> Listing[objects.Identity]:
        """Who may log in; none where LXD has only certificates."""
        return cast("Listing[objects.Identity]", self._require("identities"))

    @property
    def groups(self) -> Listing[objects.Group]:
        """Groups of identities."""
        return cast("Listing[objects.Group]", self._require("groups"))

    @property
    def provider_groups(self) -> Listing[objects.ProviderGroup]:
        """Groups of an identity provider."""
        return cast("Listing[objects.ProviderGroup]", self._require("provider_groups"))

    @property
    def handshakes(self) -> tuple[hostfacts.Handshake, ...]:
        """What the daemon's listeners answer to versions of TLS."""
        return cast("tuple[hostfacts.Handshake, ...]", self._require("host.handshakes"))

    @property
    def restarts(self) -> hostfacts.Restarts:
        """What waits for a reboot, and the installed kernels."""
        return cast("hostfacts.Restarts", self._require("host.restarts"))

    @property
    def distribution(self) -> hostfacts.Distribution:
        """The host's table of its distribution's releases."""
        return cast("hostfacts.Distribution", self._require("host.distribution"))

    @property
    def pki(self) -> hostfacts.Pki:
        """The authority that the daemon asks of its clients."""
        return cast("hostfacts.Pki", self._require("host.pki"))

    @property
    def names(self) -> tuple[hostfacts.ResolvedName, ...]:
        """What the names in listen addresses resolve to."""
        return cast("tuple[hostfacts.ResolvedName, ...]", self._require("host.names"))


def _entry(name: str, entry: object) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        if VALUE in entry:
            return {VALUE: redact.part(name, entry[VALUE])}
        for kind in (MISSING, NOT_ASSESSED):
            if isinstance(entry.get(kind), str):
                return {kind: entry[kind]}
    return {MISSING: "it is not in the evidence"}


def _decode(name: str, entry: Mapping[str, Any]) -> object:
    if NOT_ASSESSED in entry:
        return _Absent(NotAssessed, entry[NOT_ASSESSED])
    if MISSING in entry:
        return _Absent(CannotTell, entry[MISSING])
    if name in LISTINGS:
        return _decode_listing(LISTINGS[name], entry[VALUE])
    try:
        return msgspec.convert(entry[VALUE], SINGLE[name])
    except msgspec.ValidationError as error:
        return _Absent(CannotTell, f"unexpected shape: {error}")


def _decode_listing(kind: Any, value: object) -> object:  # noqa: ANN401 - a type of `objects`
    if not isinstance(value, list | tuple):
        return _Absent(CannotTell, f"unexpected shape: {type(value).__name__} is not a list")
    readable, unreadable = [], []
    for index, entry in enumerate(value):
        try:
            readable.append(_read(entry, kind))
        except msgspec.ValidationError as error:
            unreadable.append(Unreadable(key=_key_of(entry, index), reason=str(error)))
    return Listing(tuple(readable), tuple(unreadable))


def _read(entry: object, kind: Any) -> object:  # noqa: ANN401 - as above
    if isinstance(entry, Mapping) and isinstance(entry.get(redact.ERROR), str):
        raise msgspec.ValidationError(entry[redact.ERROR])
    return msgspec.convert(entry, kind)


def _key_of(entry: object, index: int) -> str:
    """As good a name as an unreadable object still allows."""
    if not isinstance(entry, Mapping):
        return f"entry {index}"
    name = entry.get("name") or entry.get("fingerprint") or entry.get("server_name")
    return "/".join(str(part) for part in (entry.get("project"), name) if part) or f"entry {index}"
