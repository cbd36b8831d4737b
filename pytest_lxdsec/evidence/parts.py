"""The parts that evidence is made of: their names and types, and how a raw one is decoded.

A part is one source: an API listing, a section of the sweep. In a document it is
`{"value": ...}`, `{"missing": reason}` or `{"not_assessed": reason}`, and whatever does not have
the shape that it should have becomes missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, overload

import msgspec

from ..verdict import CannotTell, NotAssessed
from . import redact

if TYPE_CHECKING:
    from .model import Evidence

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
        """Yield the readable objects, in order of the listing."""
        return iter(self.objects)

    def complete(self) -> tuple[T, ...]:
        """Return all objects, for a question that none may be left out of.

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


class Part(Generic[T]):
    """One part of the evidence, declared once, as an attribute of `model.Evidence`.

    Reading the attribute of an `Evidence` gives the decoded part, or raises `CannotTell` if it is
    missing.

    Attributes:
        name: Its name in the document; `host.NAME` is the section NAME of the sweep.
        kind: Its type.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name = name
        self.kind = kind

    @overload
    def __get__(self, evidence: None, owner: type) -> Self: ...

    @overload
    def __get__(self, evidence: Evidence, owner: type) -> T: ...

    def __get__(self, evidence: Evidence | None, owner: type) -> Self | T:
        """Return the decoded part of this evidence.

        Raises:
            CannotTell: the part is missing; `NotAssessed` if the target cannot give it.
        """
        return self if evidence is None else cast("T", evidence.part(self.name))

    def redacted(self, entry: object) -> Mapping[str, Any]:
        """Return an entry of a document without secrets; missing if it is not a part."""
        if isinstance(entry, Mapping):
            if VALUE in entry:
                return {VALUE: self._redact(entry[VALUE])}
            for kind in (MISSING, NOT_ASSESSED):
                if isinstance(entry.get(kind), str):
                    return {kind: entry[kind]}
        return {MISSING: "it is not in the evidence"}

    def decode(self, entry: Mapping[str, Any]) -> object:
        """Return a redacted entry as the part's type; an `Absent` if it has no such value."""
        if NOT_ASSESSED in entry:
            return Absent(NotAssessed, entry[NOT_ASSESSED])
        if MISSING in entry:
            return Absent(CannotTell, entry[MISSING])
        return self._decode(entry[VALUE])

    def _redact(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        return value  # the sweep brings back only fields of its own types

    def _decode(self, value: object) -> object:
        try:
            return msgspec.convert(value, self.kind)
        except msgspec.ValidationError as error:
            return Absent(CannotTell, f"unexpected shape: {error}")


AnyPart = Part[Any]


class ServerPart(Part[T]):
    """A server as `GET /1.0` describes it."""

    def _redact(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        return redact.server(value)


class ListingPart(Part[Listing[T]]):
    """A listing of the API: objects that decode one by one.

    Attributes:
        fields: The fields that enter the evidence; all others are dropped.
        keys: The configuration keys whose values enter it; all others are replaced by a marker.
    """

    def __init__(
        self,
        name: str,
        kind: type[T],
        *,
        fields: tuple[str, ...] = (),
        keys: re.Pattern[str] = redact.NO_KEYS,
    ) -> None:
        super().__init__(name, cast("type[Listing[T]]", kind))
        self.fields = fields
        self.keys = keys

    def _redact(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        return redact.each(value, lambda entry: redact.named(entry, self.fields, self.keys))

    def _decode(self, value: object) -> object:
        if not isinstance(value, list | tuple):
            return Absent(CannotTell, f"unexpected shape: {type(value).__name__} is not a list")
        readable, unreadable = [], []
        for index, entry in enumerate(value):
            try:
                readable.append(_read(entry, self.kind))
            except msgspec.ValidationError as error:
                unreadable.append(Unreadable(key=_key_of(entry, index), reason=str(error)))
        return Listing(tuple(readable), tuple(unreadable))


class ServersPart(ListingPart[T]):
    """The server of every cluster member."""

    def _redact(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        return redact.each(value, redact.server)


def _read(entry: object, kind: Any) -> object:  # noqa: ANN401 - a type of `objects`
    if isinstance(entry, Mapping) and isinstance(entry.get(redact.ERROR), str):
        raise msgspec.ValidationError(entry[redact.ERROR])
    return msgspec.convert(entry, kind)


def _key_of(entry: object, index: int) -> str:
    """Return the best name that an unreadable object has."""
    if not isinstance(entry, Mapping):
        return f"entry {index}"
    name = entry.get("name") or entry.get("fingerprint") or entry.get("server_name")
    return "/".join(str(part) for part in (entry.get("project"), name) if part) or f"entry {index}"
