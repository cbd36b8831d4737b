"""`Evidence`: what was seen of one server, frozen; every part a property.

It is made of parts (`parts`). Each is either there and decoded, or missing with its reason; asking
for a missing one raises `CannotTell`, so that no control can take absence for an answer. The parts
are kept as the raw JSON they came in (secrets redacted), which is what a file of evidence holds;
decoding happens here and only here, for live and replayed evidence alike.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from . import (
    access_facts,
    container_facts,
    host_facts,
    network_facts,
    objects,
    parts,
    remote_facts,
    system_facts,
    trial_facts,
)


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


HEADER = msgspec.json.Decoder(Header)  # as `parts.DECODERS`


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
        clean = {name: parts.redacted(name, document.get(name)) for name in parts.PARTS}
        decoded = {name: parts.decode(name, entry) for name, entry in clean.items()}
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
        return found.reason if isinstance(found, parts.Absent) else ""

    def _require(self, part: str) -> object:
        found = self._decoded[part]
        if isinstance(found, parts.Absent):
            raise found.error(f"no {part}: {found.reason}")
        return found

    @property
    def server(self) -> objects.Server:
        """The server that was asked."""
        return cast("objects.Server", self._require("server"))

    @property
    def servers(self) -> parts.Listing[objects.Server]:
        """Every cluster member's server; the one server where there is no cluster."""
        return cast("parts.Listing[objects.Server]", self._require("servers"))

    @property
    def projects(self) -> parts.Listing[objects.Project]:
        """Projects."""
        return cast("parts.Listing[objects.Project]", self._require("projects"))

    @property
    def instances(self) -> parts.Listing[objects.Instance]:
        """Instances of all projects."""
        return cast("parts.Listing[objects.Instance]", self._require("instances"))

    @property
    def profiles(self) -> parts.Listing[objects.Profile]:
        """Profiles of all projects that have their own."""
        return cast("parts.Listing[objects.Profile]", self._require("profiles"))

    @property
    def networks(self) -> parts.Listing[objects.Network]:
        """Networks of all projects that have their own."""
        return cast("parts.Listing[objects.Network]", self._require("networks"))

    @property
    def certificates(self) -> parts.Listing[objects.Certificate]:
        """The trust store."""
        return cast("parts.Listing[objects.Certificate]", self._require("certificates"))

    @property
    def images(self) -> parts.Listing[objects.Image]:
        """Images of all projects that have their own."""
        return cast("parts.Listing[objects.Image]", self._require("images"))

    @property
    def members(self) -> parts.Listing[objects.Member]:
        """Cluster members; none where there is no cluster."""
        return cast("parts.Listing[objects.Member]", self._require("members"))

    @property
    def operating_system(self) -> system_facts.OperatingSystem:
        """The host's operating system."""
        return cast("system_facts.OperatingSystem", self._require("host.os"))

    @property
    def packages(self) -> system_facts.Packages:
        """What the host's package manager says."""
        return cast("system_facts.Packages", self._require("host.packages"))

    @property
    def daemons(self) -> tuple[host_facts.Daemon, ...]:
        """All LXD daemons of the host."""
        return cast("tuple[host_facts.Daemon, ...]", self._require("host.daemons"))

    @property
    def daemon(self) -> host_facts.Daemon:
        """The daemon behind the API that was asked."""
        return cast("host_facts.Daemon", self._require("host.server"))

    @property
    def sockets(self) -> tuple[access_facts.ApiSocket, ...]:
        """Unix sockets on which daemons of the host serve their API."""
        return cast("tuple[access_facts.ApiSocket, ...]", self._require("host.sockets"))

    @property
    def admin_groups(self) -> tuple[access_facts.AdminGroup, ...]:
        """The group each daemon was told to serve."""
        return cast("tuple[access_facts.AdminGroup, ...]", self._require("host.admin_groups"))

    @property
    def accounts(self) -> access_facts.Accounts:
        """The host's users and groups."""
        return cast("access_facts.Accounts", self._require("host.accounts"))

    @property
    def group_holders(self) -> access_facts.GroupHolders:
        """Who gets the groups of LXD's sockets, besides their members."""
        return cast("access_facts.GroupHolders", self._require("host.group_holders"))

    @property
    def subordinate_ids(self) -> container_facts.SubordinateIds:
        """The host's ranges of subordinate ids."""
        return cast("container_facts.SubordinateIds", self._require("host.subordinate_ids"))

    @property
    def listeners(self) -> tuple[remote_facts.Listener, ...]:
        """TCP sockets on which the daemon listens."""
        return cast("tuple[remote_facts.Listener, ...]", self._require("host.listeners"))

    @property
    def anonymous_requests(self) -> tuple[remote_facts.AnonymousRequests, ...]:
        """What a client without a certificate was told."""
        return cast(
            "tuple[remote_facts.AnonymousRequests, ...]", self._require("host.anonymous_requests")
        )

    @property
    def kernel_files(self) -> tuple[host_facts.File, ...]:
        """Files of the kernel that tell containers' names."""
        return cast("tuple[host_facts.File, ...]", self._require("host.kernel_files"))

    @property
    def network(self) -> network_facts.NetworkStack:
        """The daemon's network namespace."""
        return cast("network_facts.NetworkStack", self._require("host.network"))

    @property
    def links(self) -> tuple[network_facts.Link, ...]:
        """The interfaces of the daemon's network namespace."""
        return cast("tuple[network_facts.Link, ...]", self._require("host.links"))

    @property
    def filters(self) -> network_facts.PacketFilters:
        """The packet filters of the daemon's network namespace, as they were printed."""
        return cast("network_facts.PacketFilters", self._require("host.filters"))

    @property
    def reservations(self) -> tuple[network_facts.Reservations, ...]:
        """The addresses that LXD holds for the NICs on its bridges."""
        return cast("tuple[network_facts.Reservations, ...]", self._require("host.reservations"))

    @property
    def routes(self) -> tuple[network_facts.Route, ...]:
        """Routes of the daemon's network namespace that bear on a control."""
        return cast("tuple[network_facts.Route, ...]", self._require("host.routes"))

    @property
    def name_servers(self) -> network_facts.NameServers:
        """The processes that serve bridges, and those that LXD recorded."""
        return cast("network_facts.NameServers", self._require("host.name_servers"))

    @property
    def containers(self) -> tuple[container_facts.ContainerFacts, ...]:
        """The kernel's view of the running containers."""
        return cast("tuple[container_facts.ContainerFacts, ...]", self._require("host.containers"))

    @property
    def paths(self) -> tuple[host_facts.NamedPath, ...]:
        """Where the paths that devices name really lead."""
        return cast("tuple[host_facts.NamedPath, ...]", self._require("host.paths"))

    @property
    def mounts(self) -> container_facts.Mounts:
        """What running containers mount of the file systems that hold the sockets."""
        return cast("container_facts.Mounts", self._require("host.mounts"))

    @property
    def confinement(self) -> tuple[container_facts.Confinement, ...]:
        """What stands between the running containers and the host."""
        return cast("tuple[container_facts.Confinement, ...]", self._require("host.confinement"))

    @property
    def view(self) -> container_facts.View:
        """The host's own namespaces, and what its daemon sees mounted."""
        return cast("container_facts.View", self._require("host.view"))

    @property
    def at_boot(self) -> system_facts.AtBoot:
        """What closes the kernel's files when the host boots."""
        return cast("system_facts.AtBoot", self._require("host.at_boot"))

    @property
    def control(self) -> str:
        """What the probe printed on the host, run by its root."""
        return cast("str", self._require("host.control"))

    @property
    def probes(self) -> tuple[objects.Probe, ...]:
        """What the probe printed inside the running containers."""
        return cast("tuple[objects.Probe, ...]", self._require("probes"))

    @property
    def trials(self) -> trial_facts.Trials:
        """What throw-away instances of ours could do."""
        return cast("trial_facts.Trials", self._require("trials"))

    @property
    def data_directories(self) -> tuple[access_facts.DataDirectory, ...]:
        """Every daemon's data directory."""
        return cast(
            "tuple[access_facts.DataDirectory, ...]", self._require("host.data_directories")
        )

    @property
    def group_processes(self) -> tuple[access_facts.GroupProcess, ...]:
        """The processes that hold the group of a socket."""
        return cast("tuple[access_facts.GroupProcess, ...]", self._require("host.group_processes"))

    @property
    def setgid_files(self) -> access_facts.SetgidFiles:
        """The files that give their group to whoever runs them."""
        return cast("access_facts.SetgidFiles", self._require("host.setgid_files"))

    @property
    def tokens(self) -> parts.Listing[objects.Token]:
        """Tokens that nobody has used yet, and some that have ended."""
        return cast("parts.Listing[objects.Token]", self._require("tokens"))

    @property
    def identities(self) -> parts.Listing[objects.Identity]:
        """Who may log in; none where LXD has only certificates."""
        return cast("parts.Listing[objects.Identity]", self._require("identities"))

    @property
    def groups(self) -> parts.Listing[objects.Group]:
        """Groups of identities."""
        return cast("parts.Listing[objects.Group]", self._require("groups"))

    @property
    def provider_groups(self) -> parts.Listing[objects.ProviderGroup]:
        """Groups of an identity provider."""
        return cast("parts.Listing[objects.ProviderGroup]", self._require("provider_groups"))

    @property
    def handshakes(self) -> tuple[remote_facts.Handshake, ...]:
        """What the daemon's listeners answer to versions of TLS."""
        return cast("tuple[remote_facts.Handshake, ...]", self._require("host.handshakes"))

    @property
    def restarts(self) -> system_facts.Restarts:
        """What waits for a reboot, and the installed kernels."""
        return cast("system_facts.Restarts", self._require("host.restarts"))

    @property
    def distribution(self) -> system_facts.Distribution:
        """The host's table of its distribution's releases."""
        return cast("system_facts.Distribution", self._require("host.distribution"))

    @property
    def pki(self) -> remote_facts.Pki:
        """The authority that the daemon asks of its clients."""
        return cast("remote_facts.Pki", self._require("host.pki"))

    @property
    def names(self) -> tuple[remote_facts.ResolvedName, ...]:
        """What the names in listen addresses resolve to."""
        return cast("tuple[remote_facts.ResolvedName, ...]", self._require("host.resolved_names"))
