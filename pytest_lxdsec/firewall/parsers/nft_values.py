"""The values in nft's JSON, as numbers and names.

nft prints a value as a name (`"nd-neighbor-advert"`), a number (95529467905 for a MAC address in
a raw payload) or a text in hexadecimal (128 bits); sets hold intervals, prefixes and ranges.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import protocol_numbers, values

Json = Any  # what json.loads made of it; every access is checked


class NotModelled(Exception):
    """A construct that this engine does not know; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datatype:
    """How the values of a field are spelt: `names`, and `kind` number, ip, mac or interface."""

    kind: str = "number"
    length: int = 32
    names: Mapping[str, int] | None = None


INTERFACE = Datatype(kind="interface")


def mask(given: Json, datatype: Datatype) -> int:
    """Return a mask: a number, an address, or a list of flags.

    Raises:
        NotModelled: it is something else.
    """
    return _number(given, datatype)


def among(given: Json, datatype: Datatype, named: Mapping[str, Sequence[Json]]) -> values.Among:
    """Return the values on the right side of a match.

    Args:
        given: As nft prints them.
        datatype: How the field's values are spelt.
        named: The elements of the table's named sets.

    Raises:
        NotModelled: one of them is not known.
    """
    cells = _elements(given, named)
    if datatype.kind == "interface":
        return values.Names(tuple(_interface(cell) for cell in cells))
    return values.Intervals(_interval(cell, datatype) for cell in cells)


def rows(
    given: Json, datatypes: Sequence[Datatype], named: Mapping[str, Sequence[Json]]
) -> values.Rows:
    """Return the values of a concatenation; raises as `among`."""
    return values.Rows(tuple(row(cell, datatypes) for cell in _elements(given, named)))


def row(given: Json, datatypes: Sequence[Datatype]) -> tuple[values.Intervals | values.Names, ...]:
    """Return one value of a concatenation; raises as `among`."""
    cells = given.get("concat") if isinstance(given, dict) else None
    if not isinstance(cells, list) or len(cells) != len(datatypes):
        raise NotModelled(f"the value {given} of a concatenation")
    made = (among(cell, kind, {}) for cell, kind in zip(cells, datatypes, strict=True))
    return tuple(cell for cell in made if not isinstance(cell, values.Rows))


def elements(given: Json) -> list[Json]:
    """Return the elements of a set that is written out; one that comes and goes is not known.

    Raises:
        NotModelled: as above.
    """
    return [_plain(element) for element in given] if isinstance(given, list) else [_plain(given)]


def _elements(given: Json, named: Mapping[str, Sequence[Json]]) -> Sequence[Json]:
    if isinstance(given, str) and given.startswith("@"):
        if given[1:] not in named:
            raise NotModelled(f"the set {given}")
        return named[given[1:]]
    if isinstance(given, dict) and "set" in given:
        return elements(given["set"])
    return [given]


def _plain(element: Json) -> Json:
    """Return an element without its comment and counter; with a timeout it may be gone by now."""
    if isinstance(element, dict) and "elem" in element:
        inner = element["elem"]
        if not isinstance(inner, dict) or {"timeout", "expires"} & set(inner):
            raise NotModelled("a set with timeouts")
        return inner.get("val")
    return element


def _interface(given: Json) -> str:
    if not isinstance(given, str) or given.startswith("@") or given.endswith("\\*"):
        raise NotModelled(f"the interface name {given}")
    return given


def _interval(given: Json, datatype: Datatype) -> tuple[int, int]:
    if given == "*":
        return 0, (1 << datatype.length) - 1
    if isinstance(given, dict) and "range" in given:
        low, high = given["range"]
        return _number(low, datatype), _number(high, datatype)
    if isinstance(given, dict) and "prefix" in given:
        low, free = _number(given["prefix"]["addr"], datatype), 1
        free = (1 << datatype.length - int(given["prefix"]["len"])) - 1
        return low & ~free, low | free
    value = _number(given, datatype)
    return value, value


def _number(given: Json, datatype: Datatype) -> int:
    if isinstance(given, (bool, int)):
        return int(given)
    if isinstance(given, dict) and set(given) == {"|"}:
        given = given["|"]
    if isinstance(given, list):
        value = 0
        for each in given:
            value |= _number(each, datatype)
        return value
    if not isinstance(given, str):
        raise NotModelled(f"the value {given}")
    if datatype.names is not None and given in datatype.names:
        return datatype.names[given]
    return _spelt(given, datatype)


def _spelt(given: str, datatype: Datatype) -> int:
    try:
        if datatype.kind == "ip":
            address = ipaddress.ip_address(given)
            if address.max_prefixlen == datatype.length:
                return int(address)
        if datatype.kind == "mac" and ":" in given:
            return protocol_numbers.mac_number(given)
        return int(given, 16 if given.startswith("0x") else 10)
    except ValueError:
        raise NotModelled(f"the value {given!r}") from None
