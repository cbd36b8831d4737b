"""`nft -j list ruleset` as a rule set; imports the other `nft_*` modules and `rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ..model import rules
from ..model.rules import Kind
from . import nft_netlink_debug, nft_statements, nft_text
from .nft_values import Json, NotModelled, elements

_PASSING = {"dynamic", "timeout"}  # flags of sets whose elements come and go


class NotUnderstood(ValueError):
    """The text is not what `nft -j list ruleset` prints; the message says where."""


def decode(text: str, listing: str | None = None) -> rules.RuleSet:
    """Decode a rule set.

    Args:
        text: What `nft -j list ruleset` printed.
        listing: What `nft --debug=netlink list ruleset` printed. Without it, a table with flags
            may not be at work, and rules of a bridge table about tagged frames cannot be told.

    Raises:
        NotUnderstood: the text is no such document.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise NotUnderstood(f"nft: no JSON: {error}") from None
    entries = document.get("nftables") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise NotUnderstood("nft: the JSON has no list of nftables")
    told = None if listing is None else nft_netlink_debug.read(listing)
    return rules.RuleSet(tables=tuple(_tables(_objects(entries), told)))


Objects = Mapping[str, Sequence[Mapping[str, Json]]]


def _objects(entries: Sequence[Json]) -> dict[str, list[Mapping[str, Json]]]:
    found: dict[str, list[Mapping[str, Json]]] = {}
    for entry in entries:
        if not isinstance(entry, dict) or len(entry) != 1:
            raise NotUnderstood(f"nft: not one object: {entry!r}")
        [(kind, content)] = entry.items()
        if not isinstance(content, dict):
            raise NotUnderstood(f"nft: {kind} is no object")
        found.setdefault(kind, []).append(content)
    return found


def _text(given: Mapping[str, Json], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise NotUnderstood(f"nft: an object without {key}: {given!r}")
    return value


def _tables(objects: Objects, told: nft_netlink_debug.Listing | None) -> Iterator[rules.Table]:
    owned = {kind: _by_table(objects.get(kind, ())) for kind in ("chain", "rule", "set", "map")}
    for given in objects.get("table", ()):
        key = (_text(given, "family"), _text(given, "name"))
        is_dormant, doubt = _activity(given, key, told)
        yield rules.Table(
            family=key[0],
            name=key[1],
            chains=_chains(key, {kind: found.get(key, []) for kind, found in owned.items()}, told),
            is_dormant=is_dormant,
            doubt=doubt,
        )


def _by_table(
    given: Sequence[Mapping[str, Json]],
) -> dict[tuple[str, str], list[Mapping[str, Json]]]:
    found: dict[tuple[str, str], list[Mapping[str, Json]]] = {}
    for entry in given:
        found.setdefault((_text(entry, "family"), _text(entry, "table")), []).append(entry)
    return found


def _activity(
    given: Mapping[str, Json], key: tuple[str, str], told: nft_netlink_debug.Listing | None
) -> tuple[bool, str]:
    if told is not None and key in told.flags:
        return "dormant" in told.flags[key], ""
    if not given.get("flags"):
        return False, ""
    return False, f"table {' '.join(key)} has flags, it may be dormant"


def _chains(
    key: tuple[str, str], objects: Objects, told: nft_netlink_debug.Listing | None
) -> tuple[rules.Chain, ...]:
    sets, maps = _known(objects["set"], {}), _known(objects["map"], {"map": "verdict"})
    by_chain: dict[str, list[rules.Rule]] = {}
    for given in objects["rule"]:
        chain = _text(given, "chain")
        handle = given.get("handle", 0)
        tests = told.tests.get((*key, chain, handle)) if told is not None else None
        scope = nft_statements.Scope(family=key[0], sets=sets, maps=maps, tests=tests)
        by_chain.setdefault(chain, []).append(_rule(given, handle, scope))
    return tuple(
        rules.Chain(
            name=_text(given, "name"),
            rules=tuple(by_chain.pop(_text(given, "name"), ())),
            hook=_hook(given, key, told),
        )
        for given in objects["chain"]
    )


def _rule(given: Mapping[str, Json], handle: int, scope: nft_statements.Scope) -> rules.Rule:
    expressions = given.get("expr")
    if not isinstance(expressions, list):
        raise NotUnderstood(f"nft: a rule without expr: {given!r}")
    return rules.Rule(
        steps=nft_statements.steps(expressions, scope),
        text=nft_text.rule(expressions),
        handle=handle,
    )


def _known(
    given: Sequence[Mapping[str, Json]], wanted: Mapping[str, Json]
) -> dict[str, list[Json]]:
    """Return the elements of the sets whose elements are known.

    A reference to another is a doubt.
    """
    found: dict[str, list[Json]] = {}
    for entry in given:
        flags = entry.get("flags", ())
        if _PASSING & set([flags] if isinstance(flags, str) else flags) or "timeout" in entry:
            continue
        if any(entry.get(key) != value for key, value in wanted.items()):
            continue
        try:
            found[_text(entry, "name")] = (
                _pairs(entry.get("elem", [])) if wanted else elements(entry.get("elem", []))
            )
        except NotModelled:
            continue
    return found


def _pairs(given: Json) -> list[Json]:
    return [(elements([key])[0], verdict) for key, verdict in given]


def _hook(
    given: Mapping[str, Json], key: tuple[str, str], told: nft_netlink_debug.Listing | None
) -> rules.Hook | None:
    if "hook" not in given:
        return None
    name, doubt = _text(given, "hook"), ""
    devices = given.get("dev", ())
    devices = (devices,) if isinstance(devices, str) else tuple(devices)
    if name in {"ingress", "egress"} and not devices:
        # nft 1.0.6 does not print the devices of an inet table's.
        chain = (*key, _text(given, "name"))
        devices = told.devices.get(chain, ()) if told is not None else ()
        doubt = "" if devices else f"the devices of chain {chain[2]} are not printed"
    priority = given.get("prio")
    if not isinstance(priority, int):
        raise NotUnderstood(f"nft: a base chain without prio: {given!r}")
    policy = given.get("policy", "accept")
    if policy not in {"accept", "drop"}:
        raise NotUnderstood(f"nft: a policy that is neither accept nor drop: {policy!r}")
    return rules.Hook(
        name=name,
        priority=priority,
        type=_text(given, "type"),
        policy=Kind(policy),
        devices=devices,
        doubt=doubt,
    )
