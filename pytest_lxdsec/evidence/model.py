"""`Evidence`: the facts about one server, frozen. Every part is declared here, once.

A part is present and decoded, or missing with its reason; reading a missing part raises
`CannotTell`, so that no control takes absence for an answer. The parts are kept as raw JSON too
(secrets redacted), which is what an evidence file holds. Live and replayed evidence are decoded by
the same code.

A new part is one declaration here. If it is a host's, add a function of the same name to the plan
of the sweep, `sweep.main`, which runs where nothing of this package is installed. Pure.
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
    """The origin, time and cost of evidence.

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


HEADER = msgspec.json.Decoder(Header)  # made at import: see `parts.teach`


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evidence:
    """The facts about one server; reading a part that is missing raises `CannotTell`.

    Compared by identity, so that derived values can be cached with it (`functools.cache`).

    Attributes:
        document: Part names to `{"value": ...}`, `{"missing": reason}` or
            `{"not_assessed": reason}`: raw JSON, redacted.
        decoded: Part names to decoded values, or `parts.Absent`. Read the attributes instead.
    """

    header: Header
    document: Mapping[str, Mapping[str, Any]]
    decoded: Mapping[str, object]
    _asked_for: datetime.datetime | None = None

    # LXD's API: redacted by an allow list of fields and keys.
    server = parts.single("server", objects.Server, redact.server)
    servers = parts.listing("servers", objects.Server, redact.server)
    """Each cluster member's server; the one server if there is no cluster."""
    projects = parts.listing(
        "projects",
        objects.Project,
        redact.fields("name", config=redact.config(redact.PROJECT_KEYS)),
    )
    instances = parts.listing(
        "instances",
        objects.Instance,
        redact.fields(
            *("project", "name", "type", "status", "location", "profiles"),
            config=redact.instance_config,
            devices=redact.devices,
            expanded_config=redact.instance_config,
            expanded_devices=redact.devices,
        ),
    )
    profiles = parts.listing(
        "profiles",
        objects.Profile,
        redact.fields(
            *("project", "name", "used_by"),
            config=redact.instance_config,
            devices=redact.devices,
        ),
    )
    networks = parts.listing(
        "networks",
        objects.Network,
        redact.fields(
            *("project", "name", "type", "managed"), config=redact.config(redact.NETWORK_KEYS)
        ),
    )
    certificates = parts.listing(
        "certificates",
        objects.Certificate,
        redact.fields("fingerprint", "name", "type", "restricted", "projects", "certificate"),
    )
    """The trust store."""
    images = parts.listing(
        "images",
        objects.Image,
        redact.fields("project", "fingerprint", "public", aliases=redact.fields("name")),
    )
    members = parts.listing(
        "members", objects.Member, redact.fields("server_name", "status", "message")
    )
    """Cluster members; empty if there is no cluster."""
    tokens = parts.listing(
        "tokens",
        objects.Token,
        redact.fields(
            *("id", "class", "status", "description"),
            metadata=redact.fields(  # the secret of a token is among its metadata
                "expiresAt",
                "serverName",
                request=redact.fields("name", "type", "restricted", "projects"),
            ),
            resources=redact.fields("images"),
        ),
    )
    """Unused tokens, and some that have expired."""
    identities = parts.listing(
        "identities",
        objects.Identity,
        redact.fields(
            *("authentication_method", "type", "id", "name", "groups"),
            *("tls_certificate", "expires_at"),
        ),
    )
    """Identities that may log in; empty if LXD has only certificates."""
    groups = parts.listing(
        "groups",
        objects.Group,
        redact.fields("name", permissions=redact.fields("entity_type", "url", "entitlement")),
    )
    provider_groups = parts.listing(
        "provider_groups", objects.ProviderGroup, redact.fields("name", "groups")
    )

    # The host: sections of the sweep, which returns what the types hold and nothing else.
    operating_system = parts.single("host.os", system_facts.OperatingSystem)
    packages = parts.single("host.packages", system_facts.Packages)
    restarts = parts.single("host.restarts", system_facts.Restarts)
    distribution = parts.single("host.distribution", system_facts.Distribution)
    at_boot = parts.single("host.at_boot", system_facts.AtBoot)
    daemons = parts.single("host.daemons", tuple[host_facts.Daemon, ...])
    """All LXD daemons of the host."""
    daemon = parts.single("host.server", host_facts.Daemon)
    """The daemon behind the audited API."""
    sockets = parts.single("host.sockets", tuple[access_facts.ApiSocket, ...])
    admin_groups = parts.single("host.admin_groups", tuple[access_facts.AdminGroup, ...])
    accounts = parts.single("host.accounts", access_facts.Accounts)
    group_holders = parts.single("host.group_holders", access_facts.GroupHolders)
    group_processes = parts.single("host.group_processes", tuple[access_facts.GroupProcess, ...])
    setgid_files = parts.single("host.setgid_files", access_facts.SetgidFiles)
    data_directories = parts.single(
        "host.data_directories", tuple[access_facts.DataDirectory, ...]
    )
    subordinate_ids = parts.single("host.subordinate_ids", container_facts.SubordinateIds)
    containers = parts.single("host.containers", tuple[container_facts.ContainerFacts, ...])
    confinement = parts.single("host.confinement", tuple[container_facts.Confinement, ...])
    mounts = parts.single("host.mounts", container_facts.Mounts)
    view = parts.single("host.view", container_facts.View)
    control = parts.single("host.control", str)
    """The output of the probe's script, run on the host by root."""
    paths = parts.single("host.paths", tuple[host_facts.NamedPath, ...])
    kernel_files = parts.single("host.kernel_files", tuple[host_facts.File, ...])
    """Files in which the kernel shows containers' names."""
    listeners = parts.single("host.listeners", tuple[remote_facts.Listener, ...])
    resolved_names = parts.single("host.resolved_names", tuple[remote_facts.ResolvedName, ...])
    anonymous_requests = parts.single(
        "host.anonymous_requests", tuple[remote_facts.AnonymousRequests, ...]
    )
    handshakes = parts.single("host.handshakes", tuple[remote_facts.Handshake, ...])
    pki = parts.single("host.pki", remote_facts.Pki)
    network = parts.single("host.network", network_facts.NetworkStack)
    links = parts.single("host.links", tuple[network_facts.Link, ...])
    routes = parts.single("host.routes", tuple[network_facts.Route, ...])
    filters = parts.single("host.filters", network_facts.PacketFilters)
    reservations = parts.single("host.reservations", tuple[network_facts.Reservations, ...])
    name_servers = parts.single("host.name_servers", network_facts.NameServers)

    # Probes: what our script and our throw-away instances found.
    probes = parts.single("probes", tuple[objects.Probe, ...])
    trials = parts.single("trials", trial_facts.Trials)

    @classmethod
    def of(cls, header: Header, document: Mapping[str, Mapping[str, Any]]) -> Evidence:
        """Redact and decode a document; a part that it lacks or garbles becomes missing."""
        clean = {name: part.redacted(document.get(name)) for name, part in PARTS.items()}
        decoded = {name: part.decode(clean[name]) for name, part in PARTS.items()}
        return cls(header, types.MappingProxyType(clean), types.MappingProxyType(decoded))

    def __repr__(self) -> str:
        """Return the target only: evidence is long, and many people read logs."""
        return f"Evidence({self.header.target!r})"

    @property
    def now(self) -> datetime.datetime:
        """The time to judge for: noon of the day that was asked for, else `header.taken`."""
        return self._asked_for or self.header.taken

    def on(self, day: datetime.date) -> Evidence:
        """Return the same evidence, to be judged for another day."""
        noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
        return dataclasses.replace(self, _asked_for=noon)

    def absent(self, name: str) -> str:
        """Return why the part of this name is missing; "" if it is not."""
        found = self.decoded[name]
        return found.reason if isinstance(found, parts.Absent) else ""


PARTS: Mapping[str, parts.Part[Any]] = types.MappingProxyType(
    {part.name: part for part in vars(Evidence).values() if isinstance(part, parts.Part)}
)
HOST_PARTS = tuple(name for name, part in PARTS.items() if part.section)
