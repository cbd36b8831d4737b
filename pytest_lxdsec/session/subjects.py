"""What a control is run for: the objects of a host, one by one, in an order that never changes.

A listing that is missing, an object that cannot be read and a host without any object of a kind
each become a subject too, one that says so when it is asked for: nothing vanishes silently.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..evidence import model, objects, parts
from ..inventory import clients, nics
from ..transport.connection import Connection, Host
from ..verdict import CannotTell, NotApplicable
from .selection import Objects

Value = Any  # the type that goes with the subject's kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveInstance(objects.Instance):
    """An instance, with the road to its inside."""

    connect: Callable[[str, str], Host] = dataclasses.field(repr=False, compare=False)

    @property
    def host(self) -> Host:
        """Testinfra's `Host` of the instance's inside, over LXD's exec."""
        return self.connect(self.project, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One object of one host.

    Attributes:
        host: The target's name.
        id: As CONTROLS fixes them: `host`, `instance/PROJECT/NAME`, ...
        content: The object itself; None where there is a problem, and for the host.
        problem: What a test of this subject must hear instead: the object cannot be read, its
            listing is missing, or the host has none.
    """

    host: str
    id: str
    evidence: model.Evidence
    connection: Connection
    content: Value = None
    problem: Exception | None = None


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


def of(
    kind: str, evidence: model.Evidence, connection: Connection, chosen: Objects
) -> tuple[Subject, ...]:
    """Return the subjects of a kind on one host, never none.

    Args:
        kind: As in `control.SUBJECT_FIXTURES`.
        evidence: What was seen of the host.
        connection: The roads to it.
        chosen: Which objects the user wants to look at.
    """

    def subject(name: str, content: Value = None, problem: Exception | None = None) -> Subject:
        return Subject(
            host=evidence.header.target,
            id=name,
            evidence=evidence,
            connection=connection,
            content=content,
            problem=problem,
        )

    if kind == "host":
        return (subject("host"),)
    try:
        found = dict(_ENUMERATE[kind](evidence, connection, chosen))
    except CannotTell as missing:
        return (subject(f"{kind}/*", problem=missing),)
    if not found:
        nothing = NotApplicable(f"{evidence.header.target} has no {kind} to look at")
        return (subject(f"{kind}/*", problem=nothing),)
    return tuple(
        subject(name, problem=content)
        if isinstance(content, Exception)
        else subject(name, content)
        for name, content in sorted(found.items())
    )


Found = Iterator[tuple[str, Value]]


def _servers(evidence: model.Evidence, _: Connection, __: Objects) -> Found:
    servers = evidence.servers
    for server in servers:
        alone = not server.environment.server_clustered
        yield "server" if alone else f"server/{server.environment.server_name}", server
    yield from _unreadable("server", servers.unreadable)


def _instances(evidence: model.Evidence, connection: Connection, chosen: Objects) -> Found:
    for instance in evidence.instances:
        if chosen.has_instance(instance.project, instance.name):
            fields = {f.name: getattr(instance, f.name) for f in dataclasses.fields(instance)}
            yield f"instance/{instance.key}", LiveInstance(**fields, connect=connection.guest)
    yield from _unreadable("instance", evidence.instances.unreadable)


def _nics(evidence: model.Evidence, _: Connection, chosen: Objects) -> Found:
    networks = {(n.project, n.name): n for n in evidence.networks.complete()}
    for instance in evidence.instances:
        if not chosen.has_instance(instance.project, instance.name):
            continue
        try:
            found = nics.of(instance, networks)
        except CannotTell as unknown:
            yield f"nic/{instance.key}/*", unknown
        else:
            yield from ((f"nic/{nic.key}", nic) for nic in found)
    yield from _unreadable("nic", evidence.instances.unreadable)


def _networks(evidence: model.Evidence, _: Connection, chosen: Objects) -> Found:
    managed = [network for network in evidence.networks if network.managed]
    yield from _keyed("network", managed, chosen)
    yield from _unreadable("network", evidence.networks.unreadable)


def _profiles(evidence: model.Evidence, _: Connection, chosen: Objects) -> Found:
    yield from _keyed("profile", evidence.profiles, chosen)
    yield from _unreadable("profile", evidence.profiles.unreadable)


def _images(evidence: model.Evidence, _: Connection, chosen: Objects) -> Found:
    yield from _keyed("image", evidence.images, chosen)
    yield from _unreadable("image", evidence.images.unreadable)


def _certificates(evidence: model.Evidence, _: Connection, __: Objects) -> Found:
    for certificate in clients.every(evidence):
        yield f"certificate/{certificate.key}", certificate
    yield from _unreadable("certificate", evidence.certificates.unreadable)
    yield from _unreadable("certificate", evidence.identities.unreadable)
    yield from _unreadable("certificate", evidence.provider_groups.unreadable)


def _keyed(kind: str, found: Iterable[_Keyed], chosen: Objects) -> Found:
    for entry in found:
        if chosen.has_project(entry.key.partition("/")[0]):
            yield f"{kind}/{entry.key}", entry


def _unreadable(kind: str, broken: tuple[parts.Unreadable, ...]) -> Found:
    for entry in broken:
        yield f"{kind}/{entry.key}", CannotTell(f"{entry.key} cannot be read: {entry.reason}")


_ENUMERATE: Mapping[str, Callable[[model.Evidence, Connection, Objects], Found]] = {
    "certificate": _certificates,
    "image": _images,
    "instance": _instances,
    "network": _networks,
    "nic": _nics,
    "profile": _profiles,
    "server": _servers,
}
