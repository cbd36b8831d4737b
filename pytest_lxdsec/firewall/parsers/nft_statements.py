"""The statements of nft's JSON as steps.

Whatever is not known becomes `Unknown` (it may do anything) or `Doubt` (it is a condition): no
statement is left out but those that have no say in the packet's fate.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import rules, values
from ..model.rules import Action, Kind, Statement
from . import nft_fields, nft_text
from .nft_values import Json, NotModelled, among, elements, row, rows

_NEUTRAL = {
    "counter",
    "log",
    "last",
    "ct helper",
    "ct timeout",
    "ct expectation",
    "flow",
    "dup",
    "secmark",
}
_CONDITIONS = {"limit", "quota", "ct count", "set", "map", "meter", "connlimit"}
_STOLEN = {"queue": Kind.STOLEN, "synproxy": Kind.STOLEN, "fwd": Kind.BROUTED}
_BROUTE = {"meta": {"key": "broute"}}
# What nft no longer prints where the way to reject says it.
_REJECTS: Mapping[str, tuple[str, ...]] = {
    "icmp": ("ip",),
    "icmpv6": ("ip6",),
    "tcp reset": ("tcp",),
}
_VERDICTS = {
    "accept": Kind.ACCEPT,
    "drop": Kind.DROP,
    "return": Kind.RETURN,
    "continue": Kind.CONTINUE,
    "jump": Kind.JUMP,
    "goto": Kind.GOTO,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the statements of a rule may refer to.

    Attributes:
        family: The table's.
        sets: The elements of its named sets, those that are known.
        maps: The pairs of its verdict maps, likewise.
        tests: The comparisons that the listing shows for this rule; None without a listing.
    """

    family: str
    sets: Mapping[str, Sequence[Json]]
    maps: Mapping[str, Sequence[Json]]
    tests: frozenset[rules.Match] | None = None


def steps(expressions: Json, scope: Scope) -> tuple[Statement, ...]:
    """Return the steps of a rule."""
    made: list[Statement] = []
    asked: set[str] = set()
    for given in expressions or ():
        if not isinstance(given, dict) or len(given) != 1:
            made.append(rules.UnknownStatement(text=str(given)))
            continue
        [(kind, content)] = given.items()
        try:
            made.extend(_steps(kind, content, scope, asked))
        except NotModelled as unknown:
            made.append(_unmodelled(kind, str(unknown)))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            made.append(rules.UnknownStatement(text=nft_text.rule([given])))
    return tuple(made)


def _unmodelled(kind: str, text: str) -> Statement:
    return (
        rules.UnknownCondition(text=text)
        if kind == "match"
        else rules.UnknownStatement(text=f"{kind} {text}")
    )


def _steps(kind: str, content: Json, scope: Scope, asked: set[str]) -> Iterator[Statement]:
    if kind == "match":
        yield from _match(content, scope, asked)
    elif kind == "vmap":
        yield from _verdict_map(content, scope, asked)
    elif kind in _VERDICTS:
        yield _action({kind: content})
    elif kind == "reject":
        implied = _REJECTS.get(str((content or {}).get("type")), ())
        yield from _dependencies(implied, scope, asked)
        yield Action(kind=Kind.DROP, text="reject")
    elif kind in _CONDITIONS or (kind == "xt" and content.get("type") == "match"):
        yield rules.UnknownCondition(text=kind)
    elif kind in _STOLEN:
        yield Action(kind=_STOLEN[kind], text=kind)
    elif kind not in _NEUTRAL:
        yield from _changes(kind, content, scope, asked)


def _changes(kind: str, content: Json, scope: Scope, asked: set[str]) -> Iterator[Statement]:
    if kind == "notrack":
        yield rules.Untrack()
    elif kind == "mangle" and content["key"] == _BROUTE:
        # Past every rule of the bridge; what becomes of it then is not asked here.
        yield Action(kind=Kind.BROUTED, text="meta broute set")
    elif kind == "mangle":
        yield _mangle(content)
    elif kind in {"snat", "masquerade"}:
        family = (content or {}).get("family")
        yield from _dependencies((family,) if family else (), scope, asked)
        yield rules.Modify(text=kind)
        yield Action(kind=Kind.ACCEPT, text=kind)
    elif kind in {"dnat", "redirect"}:
        family = (content or {}).get("family")
        if family:
            yield from _dependencies((family,), scope, asked)
        yield _translate(kind, content or {})
    else:
        yield rules.UnknownStatement(text=kind)


def _match(content: Json, scope: Scope, asked: set[str]) -> Iterator[Statement]:
    side = _by_name(nft_fields.left(content["left"]), content["right"])
    yield from _dependencies(side.protocols, scope, asked)
    op, right = content["op"], content["right"]
    if len(side.datatypes) > 1:
        yield rules.Match(
            field=side.field, among=rows(right, side.datatypes, scope.sets), negated=op == "!="
        )
        return
    datatype = side.datatypes[0]
    wanted = among(right, datatype, scope.sets)
    if op == "in":
        if not isinstance(wanted, values.Intervals) or len(wanted.lows) != 1:
            raise NotModelled(f"in {right}")
        bits, some = wanted.lows[0], values.Intervals([(1, (1 << 64) - 1)])
        yield rules.Match(field=rules.Masked(field=side.field, mask=bits), among=some)
    elif op in {"==", "!="}:
        yield rules.Match(field=side.field, among=wanted, negated=op == "!=")
    else:
        yield rules.Match(field=side.field, among=_beside(op, wanted, datatype.length))


def _beside(op: str, wanted: values.Among, length: int) -> values.Intervals:
    if not isinstance(wanted, values.Intervals) or len(wanted.lows) != 1:
        raise NotModelled(f"{op} of a set")
    [(low, high)] = wanted
    highest = (1 << length) - 1
    pairs = {
        "<": (0, low - 1),
        "<=": (0, high),
        ">": (high + 1, highest),
        ">=": (low, highest),
    }
    if op not in pairs:
        raise NotModelled(f"the operator {op}")
    return values.Intervals([pair for pair in [pairs[op]] if pair[0] <= pair[1]])


def _by_name(side: nft_fields.Left, right: Json) -> nft_fields.Left:
    """Return `iif lo` compares numbers, and nft prints the name that has the number now."""
    if side.field == rules.Meta(key="iif") and not isinstance(right, int):
        return nft_fields.left({"meta": {"key": "iifname"}})
    return side


def _verdict_map(content: Json, scope: Scope, asked: set[str]) -> Iterator[Statement]:
    side = nft_fields.left(content["key"])
    yield from _dependencies(side.protocols, scope, asked)
    data = content["data"]
    if isinstance(data, str):
        if data[1:] not in scope.maps:
            raise NotModelled(f"the map {data}")
        pairs = scope.maps[data[1:]]
    else:
        pairs = [(elements([key])[0], verdict) for key, verdict in data["set"]]
    entries = [(_key(key, side), _action(verdict)) for key, verdict in pairs]
    # The element for everything else is asked last, wherever nft prints it.
    entries.sort(key=lambda entry: _is_everything(entry[0], side))
    yield rules.VerdictMap(field=side.field, entries=tuple(entries))


def _key(key: Json, side: nft_fields.Left) -> values.Among:
    if len(side.datatypes) == 1:
        return among(key, side.datatypes[0], {})
    return values.Rows((row(key, side.datatypes),))


def _is_everything(key: values.Among, side: nft_fields.Left) -> bool:
    return isinstance(key, values.Intervals) and list(key) == [
        (0, (1 << side.datatypes[0].length) - 1)
    ]


def _action(given: Json) -> Action:
    if not isinstance(given, dict) or len(given) != 1 or not set(given) <= set(_VERDICTS):
        raise NotModelled(f"the verdict {given}")
    [(name, content)] = given.items()
    target = content["target"] if name in {"jump", "goto"} else ""
    return Action(kind=_VERDICTS[name], target=target, text=nft_text.rule([given]))


def _mangle(content: Json) -> Statement:
    key, value = content["key"], content["value"]
    known = value if isinstance(value, int) and not isinstance(value, bool) else None
    if key == {"meta": {"key": "mark"}}:
        return rules.SetMark(key="mark", value=known)
    if key == {"ct": {"key": "mark"}}:
        return rules.SetMark(key="ct mark", value=known)
    if "meta" in key and key["meta"].get("key") in {"priority", "nftrace", "pkttype", "secmark"}:
        # The packet's type can be read back; who changes it has reasons of their own.
        if key["meta"]["key"] == "pkttype":
            return rules.Modify(text="meta pkttype set")
        return Action(kind=Kind.CONTINUE)
    if "ct" in key:
        return Action(kind=Kind.CONTINUE)  # Nothing else of connection tracking is ever read.
    return rules.Modify(text=f"{nft_text.value(key)} set")


def _translate(kind: str, content: Mapping[str, Json]) -> Statement:
    port, address = content.get("port"), content.get("addr")
    is_known = isinstance(port, int | None) and isinstance(address, str | None)
    number: int | None = None
    if isinstance(address, str):
        try:
            number = int(ipaddress.ip_address(address))
        except ValueError:
            is_known = False
    return rules.Translate(
        address=number,
        port=port if isinstance(port, int) else None,
        is_local=kind == "redirect",
        is_known=is_known,
    )


def is_implied(protocol: str, protocols: Sequence[str]) -> bool:
    """Return whether a network protocol is tested only because a transport protocol is."""
    return protocol != protocols[-1] and protocols[-1] in {"icmp", "icmpv6"}


def _dependencies(protocols: Sequence[str], scope: Scope, asked: set[str]) -> Iterator[Statement]:
    """Yield the tests that are not printed.

    As the listing shows them, else each that may be meant.
    """
    for protocol in protocols:
        if protocol in asked:
            continue
        is_tagged = "vlan" in asked and protocol != "vlan"
        asked.add(protocol)
        possible = nft_fields.readings(protocol, scope.family, is_tagged=is_tagged)
        if possible and is_implied(protocol, protocols):
            # `meta l4proto icmpv6 icmpv6 type 136` asks for no EtherType at all.
            possible = (*possible, *nft_fields.readings(protocols[-1], "ip", is_tagged=False))
        if not possible:
            continue
        text = f"what {protocol} was asked of"
        if scope.tests is None:
            yield rules.AmbiguousMatch(readings=possible, text=text)
            continue
        shown = [reading for reading in possible if reading in scope.tests]
        if shown:
            yield from shown
        else:
            yield rules.AmbiguousMatch(readings=possible, text=text)
