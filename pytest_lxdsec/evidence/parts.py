"""A part of the evidence: its declaration, and how it is redacted, decoded and read. Pure.

A part has one source: an API listing, a section of the sweep, or a probe. In a document it is
`{"value": ...}`, `{"missing": reason}` or `{"not_assessed": reason}`; a value of another shape
than the declared type becomes missing. `model.Evidence` declares every part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar, cast, overload

import msgspec

from ..verdict import CannotTell, NotAssessed
from . import redact

T = TypeVar("T")

VALUE = "value"
MISSING = "missing"
NOT_ASSESSED = "not_assessed"
HOST = "host."  # how the names of parts begin that the sweep gathers


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An object of a listing that does not have the declared shape."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The objects of an API listing: the readable ones, and the unreadable ones."""

    objects: tuple[T, ...]
    unreadable: tuple[Unreadable, ...] = ()

    def __iter__(self) -> Iterator[T]:
        """Yield the readable objects in order of the listing."""
        return iter(self.objects)

    def complete(self) -> tuple[T, ...]:
        """Return all objects, for a question about all of them.

        Raises:
            CannotTell: an object could not be read.
        """
        for broken in self.unreadable:
            raise CannotTell(f"{broken.key} cannot be read: {broken.reason}")
        return self.objects


@dataclass(frozen=True, slots=True)
class Absent:
    """Why a part has no value, and the exception that reports it."""

    error: type[CannotTell]
    reason: str


class Decoded(Protocol):
    """Evidence: the values of its parts by name, or an `Absent`."""

    @property
    def decoded(self) -> Mapping[str, object]:
        """The values by part names."""


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[T]):
    """A part, as an attribute of `Evidence`: reading it gives the value, or raises.

    Attributes:
        name: The key in a document, such as `instances` or `host.daemons`.
        redaction: The allow list; it is applied before anything is decoded or kept.
        convert: Decodes a redacted value; raises `msgspec.ValidationError` for another shape.
    """

    name: str
    redaction: redact.Redaction
    convert: Callable[[object], T]

    @property
    def section(self) -> str:
        """The section of the sweep that gathers it; "" if another source does."""
        return self.name.removeprefix(HOST) if self.name.startswith(HOST) else ""

    @overload
    def __get__(self, evidence: None, owner: type) -> Self: ...
    @overload
    def __get__(self, evidence: Decoded, owner: type) -> T: ...
    def __get__(self, evidence: Decoded | None, owner: type) -> Self | T:
        """Return the part's value; no other code reads one.

        Raises:
            CannotTell: the part is missing, or (`NotAssessed`) was not asked for.
        """
        if evidence is None:
            return self
        found = evidence.decoded[self.name]
        if isinstance(found, Absent):
            raise found.error(f"no {self.name}: {found.reason}")
        return cast("T", found)

    def redacted(self, entry: object) -> Mapping[str, Any]:
        """Return the entry of a document without secrets; missing if it is not an entry."""
        if isinstance(entry, Mapping):
            if VALUE in entry:
                return {VALUE: self.redaction(entry[VALUE])}
            for kind in (MISSING, NOT_ASSESSED):
                if isinstance(entry.get(kind), str):
                    return {kind: entry[kind]}
        return {MISSING: "it is not in the evidence"}

    def decode(self, entry: Mapping[str, Any]) -> T | Absent:
        """Decode an entry that `redacted` returned."""
        if NOT_ASSESSED in entry:
            return Absent(NotAssessed, entry[NOT_ASSESSED])
        if MISSING in entry:
            return Absent(CannotTell, entry[MISSING])
        try:
            return self.convert(entry[VALUE])
        except msgspec.ValidationError as error:
            return Absent(CannotTell, f"unexpected shape: {error}")


def single(name: str, kind: type[T], redaction: redact.Redaction = redact.unchanged) -> Part[T]:
    """Declare a part that is decoded as a whole."""
    teach(kind)
    return Part(name, redaction, lambda value: msgspec.convert(value, kind))


def listing(name: str, kind: type[T], redaction: redact.Redaction) -> Part[Listing[T]]:
    """Declare a part that is a list of objects; one that cannot be read hides no other."""
    teach(kind)
    return Part(name, redact.listed(redaction), lambda value: _listing(value, kind))


def teach(kind: object) -> None:
    """Let msgspec prepare a type while one thread imports this package.

    msgspec inspects a type when it first meets it, and two threads that do so at once end the
    interpreter (msgspec 0.22.0). Hosts are read side by side.
    """
    msgspec.json.Decoder(kind)


def _listing(value: object, kind: type[T]) -> Listing[T]:
    if not isinstance(value, list | tuple):
        raise msgspec.ValidationError(f"{type(value).__name__} is not a list")
    readable, unreadable = [], []
    for index, entry in enumerate(value):
        try:
            readable.append(_object(entry, kind))
        except msgspec.ValidationError as error:
            unreadable.append(Unreadable(key=_key_of(entry, index), reason=str(error)))
    return Listing(tuple(readable), tuple(unreadable))


def _object(entry: object, kind: type[T]) -> T:
    if isinstance(entry, Mapping) and isinstance(entry.get(redact.ERROR), str):
        raise msgspec.ValidationError(entry[redact.ERROR])
    return msgspec.convert(entry, kind)


def _key_of(entry: object, index: int) -> str:
    """Return the best name that an unreadable object still has."""
    if not isinstance(entry, Mapping):
        return f"entry {index}"
    name = entry.get("name") or entry.get("fingerprint") or entry.get("server_name")
    return "/".join(str(part) for part in (entry.get("project"), name) if part) or f"entry {index}"
