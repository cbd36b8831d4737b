"""The parts that evidence is made of: their names and types, and how a raw one is decoded.

A part is one source: an API listing, a section of the sweep. In a document it is
`{"value": ...}`, `{"missing": reason}` or `{"not_assessed": reason}`, and whatever does not have
the shape that it should have becomes missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from ..verdict import CannotTell, NotAssessed
from . import (
    access_facts,
    container_facts,
    host_facts,
    network_facts,
    objects,
    redact,
    remote_facts,
    system_facts,
    trial_facts,
)

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
class Absent:
    """Why a part is not there, as the exception that says so."""

    error: type[CannotTell]
    reason: str


SINGLE: Mapping[str, Any] = {
    "server": objects.Server,
    "host.os": system_facts.OperatingSystem,
    "host.packages": system_facts.Packages,
    "host.daemons": tuple[host_facts.Daemon, ...],
    "host.server": host_facts.Daemon,
    "host.sockets": tuple[access_facts.ApiSocket, ...],
    "host.admin_groups": tuple[access_facts.AdminGroup, ...],
    "host.accounts": access_facts.Accounts,
    "host.group_holders": access_facts.GroupHolders,
    "host.subordinate_ids": container_facts.SubordinateIds,
    "host.listeners": tuple[remote_facts.Listener, ...],
    "host.anonymous_requests": tuple[remote_facts.AnonymousRequests, ...],
    "host.kernel_files": tuple[host_facts.File, ...],
    "host.network": network_facts.NetworkStack,
    "host.links": tuple[network_facts.Link, ...],
    "host.filters": network_facts.PacketFilters,
    "host.reservations": tuple[network_facts.Reservations, ...],
    "host.routes": tuple[network_facts.Route, ...],
    "host.name_servers": network_facts.NameServers,
    "host.containers": tuple[container_facts.ContainerFacts, ...],
    "host.paths": tuple[host_facts.NamedPath, ...],
    "host.resolved_names": tuple[remote_facts.ResolvedName, ...],
    "host.pki": remote_facts.Pki,
    "host.restarts": system_facts.Restarts,
    "host.distribution": system_facts.Distribution,
    "host.handshakes": tuple[remote_facts.Handshake, ...],
    "host.setgid_files": access_facts.SetgidFiles,
    "host.group_processes": tuple[access_facts.GroupProcess, ...],
    "host.data_directories": tuple[access_facts.DataDirectory, ...],
    "host.mounts": container_facts.Mounts,
    "host.confinement": tuple[container_facts.Confinement, ...],
    "host.view": container_facts.View,
    "host.at_boot": system_facts.AtBoot,
    "host.control": str,
    "probes": tuple[objects.Probe, ...],
    "trials": trial_facts.Trials,
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
# msgspec learns a type when it first meets it, and ends the interpreter where two threads teach it
# at once (0.22.0): here one does, before any host is read. Hosts are read side by side.
DECODERS = tuple(msgspec.json.Decoder(kind) for kind in (*SINGLE.values(), *LISTINGS.values()))
HOST_PARTS = tuple(name for name in SINGLE if name.startswith("host."))
PARTS = (*LISTINGS, *SINGLE)


def redacted(name: str, entry: object) -> Mapping[str, Any]:
    """A part of a document as it is kept: without secrets, and missing where it is no part."""
    if isinstance(entry, Mapping):
        if VALUE in entry:
            return {VALUE: redact.part(name, entry[VALUE])}
        for kind in (MISSING, NOT_ASSESSED):
            if isinstance(entry.get(kind), str):
                return {kind: entry[kind]}
    return {MISSING: "it is not in the evidence"}


def decode(name: str, entry: Mapping[str, Any]) -> object:
    """What `redacted` gave, as the part's type; an `Absent` where there is nothing to be had."""
    if NOT_ASSESSED in entry:
        return Absent(NotAssessed, entry[NOT_ASSESSED])
    if MISSING in entry:
        return Absent(CannotTell, entry[MISSING])
    if name in LISTINGS:
        return _listing(LISTINGS[name], entry[VALUE])
    try:
        return msgspec.convert(entry[VALUE], SINGLE[name])
    except msgspec.ValidationError as error:
        return Absent(CannotTell, f"unexpected shape: {error}")


def _listing(kind: Any, value: object) -> object:  # noqa: ANN401 - a type of `objects`
    if not isinstance(value, list | tuple):
        return Absent(CannotTell, f"unexpected shape: {type(value).__name__} is not a list")
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
