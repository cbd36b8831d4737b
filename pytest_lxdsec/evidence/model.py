"""`Evidence`: everything that was gathered from one server, frozen.

Each part (`parts.Part`) is declared once, as an attribute: its name in the document, its type and,
for a listing of the API, what of it is kept. A part is either there and decoded, or missing with
its reason; reading a missing one raises `CannotTell`, so that no control can take absence for an
answer. The parts are kept as the raw JSON they came in (secrets redacted), which is what a file of
evidence holds; live and replayed evidence are decoded here, and only here.
"""

from __future__ import annotations

import dataclasses
import datetime
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from . import (
    access_facts,
    container_facts,
    host_facts,
    network_facts,
    objects,
    parts,
    redact,
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


HEADER = msgspec.json.Decoder(Header)  # see `DECODERS`


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evidence:
    """Everything that was gathered from one server; a missing part raises `CannotTell`.

    Compared by identity, so that what is derived from it can be kept with it (`functools.cache`).

    `document` maps part names to `{"value": ...}`, `{"missing": reason}` or
    `{"not_assessed": reason}`: raw JSON, redacted.
    """

    server = parts.ServerPart("server", objects.Server)
    """The server that was asked."""
    servers = parts.ServersPart("servers", objects.Server)
    """The server of every cluster member; the one server without a cluster."""
    projects = parts.ListingPart(
        "projects", objects.Project, fields=("name", "config"), keys=redact.PROJECT_KEYS
    )
    """Projects."""
    instances = parts.ListingPart(
        "instances",
        objects.Instance,
        fields=(
            "project",
            "name",
            "type",
            "status",
            "location",
            "profiles",
            "config",
            "devices",
            "expanded_config",
            "expanded_devices",
        ),
        keys=redact.INSTANCE_KEYS,
    )
    """Instances of all projects."""
    profiles = parts.ListingPart(
        "profiles",
        objects.Profile,
        fields=("project", "name", "config", "devices", "used_by"),
        keys=redact.INSTANCE_KEYS,
    )
    """Profiles of all projects that have their own."""
    networks = parts.ListingPart(
        "networks",
        objects.Network,
        fields=("project", "name", "type", "managed", "config"),
        keys=redact.NETWORK_KEYS,
    )
    """Networks of all projects that have their own."""
    certificates = parts.ListingPart(
        "certificates",
        objects.Certificate,
        fields=("fingerprint", "name", "type", "restricted", "projects", "certificate"),
    )
    """The trust store."""
    images = parts.ListingPart(
        "images", objects.Image, fields=("project", "fingerprint", "public", "aliases")
    )
    """Images of all projects that have their own."""
    members = parts.ListingPart(
        "members", objects.Member, fields=("server_name", "status", "message")
    )
    """Cluster members; empty without a cluster."""
    tokens = parts.ListingPart(
        "tokens",
        objects.Token,
        fields=("id", "class", "status", "description", "metadata", "resources"),
    )
    """Tokens that are not used yet, and some that have ended."""
    identities = parts.ListingPart(
        "identities",
        objects.Identity,
        fields=(
            "authentication_method",
            "type",
            "id",
            "name",
            "groups",
            "tls_certificate",
            "expires_at",
        ),
    )
    """Identities that may log in; empty if LXD has only certificates."""
    groups = parts.ListingPart("groups", objects.Group, fields=("name", "permissions"))
    """Groups of identities."""
    provider_groups = parts.ListingPart(
        "provider_groups", objects.ProviderGroup, fields=("name", "groups")
    )
    """Groups of an identity provider."""
    operating_system = parts.Part("host.os", system_facts.OperatingSystem)
    """The host's operating system."""
    packages = parts.Part("host.packages", system_facts.Packages)
    """The package manager's view: updates, sources, LXD's package."""
    daemons = parts.Part("host.daemons", tuple[host_facts.Daemon, ...])
    """All LXD daemons of the host."""
    daemon = parts.Part("host.server", host_facts.Daemon)
    """The daemon behind the API that was asked."""
    sockets = parts.Part("host.sockets", tuple[access_facts.ApiSocket, ...])
    """Unix sockets on which daemons of the host serve their API."""
    admin_groups = parts.Part("host.admin_groups", tuple[access_facts.AdminGroup, ...])
    """The group each daemon was told to serve."""
    accounts = parts.Part("host.accounts", access_facts.Accounts)
    """The host's users and groups."""
    group_holders = parts.Part("host.group_holders", access_facts.GroupHolders)
    """Users who get the groups of LXD's sockets without being members."""
    subordinate_ids = parts.Part("host.subordinate_ids", container_facts.SubordinateIds)
    """The host's ranges of subordinate ids."""
    listeners = parts.Part("host.listeners", tuple[remote_facts.Listener, ...])
    """TCP sockets on which the daemon listens."""
    anonymous_requests = parts.Part(
        "host.anonymous_requests", tuple[remote_facts.AnonymousRequests, ...]
    )
    """The answers to requests without a client certificate, by listener."""
    kernel_files = parts.Part("host.kernel_files", tuple[host_facts.File, ...])
    """Kernel files that leak containers' names."""
    network = parts.Part("host.network", network_facts.NetworkStack)
    """The daemon's network namespace."""
    links = parts.Part("host.links", tuple[network_facts.Link, ...])
    """The interfaces of the daemon's network namespace."""
    filters = parts.Part("host.filters", network_facts.PacketFilters)
    """The packet filters of the daemon's network namespace, as printed."""
    reservations = parts.Part("host.reservations", tuple[network_facts.Reservations, ...])
    """The addresses that LXD holds for the NICs on its bridges."""
    routes = parts.Part("host.routes", tuple[network_facts.Route, ...])
    """Routes of the daemon's network namespace that bear on a control."""
    name_servers = parts.Part("host.name_servers", network_facts.NameServers)
    """The processes that serve bridges, and those that LXD recorded."""
    containers = parts.Part("host.containers", tuple[container_facts.ContainerFacts, ...])
    """The kernel's view of the running containers."""
    paths = parts.Part("host.paths", tuple[host_facts.NamedPath, ...])
    """The real files behind the paths that devices name."""
    mounts = parts.Part("host.mounts", container_facts.Mounts)
    """The mounts of running containers from the file systems with the sockets."""
    confinement = parts.Part("host.confinement", tuple[container_facts.Confinement, ...])
    """The confinement of each running container."""
    view = parts.Part("host.view", container_facts.View)
    """The host's own namespaces, and what its daemon sees mounted."""
    at_boot = parts.Part("host.at_boot", system_facts.AtBoot)
    """The units and tmpfiles.d lines that set the modes of kernel files at boot."""
    control = parts.Part("host.control", str)
    """The guest probe's output on the host, run by the host's root."""
    probes = parts.Part("probes", tuple[objects.Probe, ...])
    """The guest probe's output inside the running containers."""
    trials = parts.Part("trials", trial_facts.Trials)
    """The results of the probe instances of `--lxd-probe`."""
    data_directories = parts.Part("host.data_directories", tuple[access_facts.DataDirectory, ...])
    """Every daemon's data directory."""
    group_processes = parts.Part("host.group_processes", tuple[access_facts.GroupProcess, ...])
    """The processes that hold the group of a socket."""
    setgid_files = parts.Part("host.setgid_files", access_facts.SetgidFiles)
    """The setgid files that give the group of a socket."""
    handshakes = parts.Part("host.handshakes", tuple[remote_facts.Handshake, ...])
    """The answers of the daemon's listeners to TLS versions."""
    restarts = parts.Part("host.restarts", system_facts.Restarts)
    """Pending restarts and the installed kernels."""
    distribution = parts.Part("host.distribution", system_facts.Distribution)
    """The host's table of its distribution's releases."""
    pki = parts.Part("host.pki", remote_facts.Pki)
    """The CA that clients of the daemon need a certificate from."""
    resolved_names = parts.Part("host.resolved_names", tuple[remote_facts.ResolvedName, ...])
    """The addresses of the host names in listen addresses."""

    header: Header
    document: Mapping[str, Mapping[str, Any]]
    _decoded: Mapping[str, object]
    _asked_for: datetime.datetime | None = None

    @classmethod
    def of(cls, header: Header, document: Mapping[str, Mapping[str, Any]]) -> Evidence:
        """Redact and decode; whatever the document lacks or garbles becomes a missing part."""
        clean = {name: part.redacted(document.get(name)) for name, part in PARTS.items()}
        decoded = {name: PARTS[name].decode(entry) for name, entry in clean.items()}
        return cls(header, types.MappingProxyType(clean), types.MappingProxyType(decoded))

    def __repr__(self) -> str:
        """Return the target only: evidence is long, and logs are read by many."""
        return f"Evidence({self.header.target!r})"

    @property
    def now(self) -> datetime.datetime:
        """The time to judge for: the day that was asked for, or when the evidence was taken."""
        return self._asked_for or self.header.taken

    def on(self, day: datetime.date) -> Evidence:
        """Return the same evidence, to be judged for another day."""
        noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
        return dataclasses.replace(self, _asked_for=noon)

    def part(self, name: str) -> object:
        """Return a decoded part.

        Raises:
            CannotTell: the part is missing; `NotAssessed` if the target cannot give it.
        """
        found = self._decoded[name]
        if isinstance(found, parts.Absent):
            raise found.error(f"no {name}: {found.reason}")
        return found

    def absent(self, name: str) -> str:
        """Return why a part is missing, or "" if it is there."""
        found = self._decoded[name]
        return found.reason if isinstance(found, parts.Absent) else ""


PARTS: Mapping[str, parts.AnyPart] = {
    part.name: part for part in vars(Evidence).values() if isinstance(part, parts.Part)
}
HOST_PARTS = tuple(name for name in PARTS if name.startswith("host."))
# msgspec learns a type when it first meets it, and ends the interpreter where two threads teach it
# at once (0.22.0): here one does, before any host is read. Hosts are read side by side.
DECODERS = tuple(msgspec.json.Decoder(part.kind) for part in PARTS.values())
