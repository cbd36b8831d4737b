"""Taking evidence away never improves a verdict: absent is not false.

For a server on which all is well, and for one on which nothing is, every place of the evidence
is taken away, nulled and replaced by what has another type; and every control is judged again.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from pytest_lxdsec.errors import UserError
from pytest_lxdsec.evidence import evidence_file, model
from pytest_lxdsec.evidence import parts as kinds
from pytest_lxdsec.policy import Policy
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Outcome
from tests.support import (
    evidence_api,
    evidence_documents,
    evidence_failing,
    evidence_filters,
    judging,
)

Path = tuple[str | int, ...]
Parts = dict[str, Any]

# Maps whose keys a person chose: to leave one out is another configuration, and not less
# evidence. As a whole, and in the types of their values, they are evidence like all else.
CONFIGURATIONS = ("config", "expanded_config", "release", "environment")
DEVICES = ("devices", "expanded_devices")
# Lists whose entries nothing else asks for: one that is not there cannot be missed.
UNASKED = {
    ("instances",): "LXD's listing is the only word on which instances there are",
    ("host.accounts", "users"): "the name services are the only word on accounts",
    ("host.accounts", "groups"): "as users",
    ("host.accounts", "groups", "members"): "as users",
    ("host.group_holders", "by_login"): "as users",
    ("host.group_holders", "by_login", "users"): "as users",
    ("host.group_holders", "shadows"): "/etc/gshadow is the only word on itself",
    ("host.group_holders", "shadows", "administrators"): "as shadows",
    ("host.group_holders", "shadows", "members"): "as shadows",
    ("host.group_holders", "unlisted"): "/etc/nsswitch.conf is the only word on itself",
    ("host.packages", "apt", "upgrades"): "apt is the only word on updates",
    ("host.listeners",): "the kernel's table is the only word on sockets",
    ("host.sockets",): "as listeners",
    ("tokens",): "LXD's listing is the only word on tokens",
    ("identities",): "as tokens",
    ("groups",): "as tokens",
    ("provider_groups",): "as tokens",
    ("host.restarts", "reboot_reasons"): "files and tools of the host are the only word on these",
    ("host.restarts", "kernels"): "as reasons",
    ("host.restarts", "asked"): "as reasons",
    ("servers",): "as tokens; members tell of one that is left out",
    ("identities", "groups"): "LXD's listing is the only word on groups",
    ("groups", "permissions"): "as groups",
    ("provider_groups", "groups"): "as groups",
    ("host.group_processes",): "the kernel's list is the only word on processes",
    ("host.links",): "the kernel's list is the only word on interfaces",
    ("host.links", "addresses"): "as interfaces",
    ("host.setgid_files", "files"): "as carriers",
    ("host.name_servers", "servers"): "as carriers",
    ("host.routes",): "the kernel's tables are the only word on routes",
    ("host.name_servers", "servers", "sockets"): "the kernel's table is the only word on sockets",
    ("host.data_directories",): "as sockets",
    ("host.data_directories", "keys"): "a directory is the only word on its files",
    ("host.mounts", "containers", "mounts"): "the kernel's table is the only word on mounts",
}
GONE = object()
# Without a policy nobody can say who may be an administrator: then that is for people to judge.
SITE = Policy(admins=(), allowed_sources=(ipaddress.ip_network(evidence_filters.ALLOWED),))


@functools.cache
def documents() -> dict[str, Parts]:
    """Return the raw parts of either server."""
    alone = evidence_documents.with_privileged(evidence_documents.baseline())
    well = evidence_documents.in_cluster(alone, str(evidence_api.SUPPORTED.latest))
    return {"well": well["parts"], "failing": evidence_failing.failing()["parts"]}


@functools.cache
def header() -> model.Header:
    return evidence_documents.evidence(evidence_documents.baseline()).header


def judge(parts: Parts) -> judging.Results:
    return judging.judge(model.Evidence.of(header(), parts), site=SITE)


@functools.cache
def judged(name: str) -> judging.Results:
    return judge(documents()[name])


def places(node: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    """Yield every place below a node, and whether to take it away is to take evidence away."""
    if isinstance(node, dict):
        chosen = path[-1] in (*CONFIGURATIONS, *DEVICES) or path[-2] in DEVICES
        for key, value in node.items():
            yield (*path, key), not chosen
            yield from places(value, (*path, key))
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield (*path, index), False
            yield from places(value, (*path, index))


def places_of(name: str, part: str) -> Iterator[tuple[Path, bool]]:
    yield (part,), True
    yield (part, "value"), True
    yield from places(documents()[name][part]["value"], (part, "value"))


def at(node: Any, path: Path) -> Any:
    return functools.reduce(lambda found, step: found[step], path, node)


def changed(node: Any, path: Path, to: object) -> Any:
    """Return a copy with one place changed, that shares all others with the original."""
    step, *rest = path
    copy: Any = dict(node) if isinstance(node, dict) else list(node)
    if rest:
        copy[step] = changed(node[step], tuple(rest), to)
    elif to is GONE:
        del copy[step]
    else:
        copy[step] = to
    return copy


def wrong(value: object) -> tuple[object, ...]:
    """Null, and values of other types: close ones, that a lenient reader would take."""
    match value:
        case bool():
            return None, "true", 7
        case str():
            return None, 7, True, []
        case int() | float():
            return None, str(value), True
        case list():
            return None, {}, "text"
        case dict():
            return None, [], "text"
        case _:
            return "text", {}


def improvements(before: judging.Results, after: judging.Results) -> list[str]:
    """Return what passes now and did not, or for another reason than before."""
    return [
        f"{control} {subject}: {result.reason}"
        for (control, subject), result in after.items()
        if result.verdict is Outcome.PASS and _pass(before, (control, subject)) != _seen(result)
    ]


def _pass(results: judging.Results, key: judging.Key) -> tuple[str, ...]:
    found = results.get(key)
    return _seen(found) if found is not None and found.verdict is Outcome.PASS else ()


def _seen(result: Result) -> tuple[str, ...]:
    return (result.reason,)


def silences(before: judging.Results, after: judging.Results) -> set[str]:
    """Controls that lost a subject without an error to tell of it."""
    told = {
        control
        for (control, _), result in after.items()
        if result.verdict in (Outcome.ERROR, Outcome.NOT_ASSESSED)
    }
    return {control for control, _ in {*before} - {*after}} - told


Law = Callable[[judging.Results, judging.Results], object]


def essence(parts: Parts, part: str) -> str:
    """Return everything that a control can see of a part, without the text of a reason.

    Thousands of changes come down to hundreds of these, and each is judged once.
    """
    decoded = model.PARTS[part].decode(model.PARTS[part].redacted(parts.get(part)))
    match decoded:
        case kinds.Absent():
            return decoded.error.__name__
        case kinds.Listing():
            return repr((decoded.objects, [broken.key for broken in decoded.unreadable]))
        case _:
            return repr(decoded)


def changes(name: str, part: str) -> Iterator[tuple[str, Parts]]:
    """Yield every single change of a part that a control can see, each once, and its name."""
    parts = documents()[name]
    seen = {essence(parts, part)}
    for path, is_evidence in places_of(name, part):
        for to in (*([GONE] if is_evidence else []), *wrong(at(parts, path))):
            less = changed(parts, path, to)
            if (sight := essence(less, part)) not in seen:
                seen.add(sight)
                yield f"{path} -> {'gone' if to is GONE else repr(to)}", less


def broken(name: str, part: str, law: Law) -> dict[str, object]:
    """Return where a law does not hold, after each single change of a part."""
    before = judged(name)
    found = {change: law(before, judge(parts)) for change, parts in changes(name, part)}
    return {change: fault for change, fault in found.items() if fault}


@pytest.mark.parametrize("part", model.PARTS)
@pytest.mark.parametrize("name", ["well", "failing"])
def test_less_evidence_never_passes_what_did_not_pass(name: str, part: str) -> None:
    def law(before: judging.Results, after: judging.Results) -> object:
        return improvements(before, after) or silences(before, after)

    assert broken(name, part, law) == {}


def lists_of(name: str) -> Iterator[tuple[Path, list[Any]]]:
    for part in model.PARTS:
        for path, _ in places_of(name, part):
            names = tuple(s for s in path if isinstance(s, str) and s != "value")
            if isinstance(at(documents()[name], path), list) and names not in UNASKED:
                yield path, at(documents()[name], path)


@pytest.mark.parametrize("name", ["well", "failing"])
def test_missing_entry_is_missed(name: str) -> None:
    parts, before = documents()[name], judged(name)
    found = {}
    for path, entries in lists_of(name):
        for index in range(len(entries)):
            shorter = [*entries[:index], *entries[index + 1 :]]
            fault = improvements(before, judge(changed(parts, path, shorter)))
            if fault:
                found[path, index] = fault
    assert found == {}


@strategies.composite
def losses(draw: strategies.DrawFn) -> tuple[str, tuple[Path, ...]]:
    """Return several places of one server at once."""
    name = draw(strategies.sampled_from(["well", "failing"]))
    every = [path for part in model.PARTS for path, kept in places_of(name, part) if kept]
    return name, tuple(draw(strategies.lists(strategies.sampled_from(every), max_size=8)))


@hypothesis.given(losses())
@hypothesis.settings(max_examples=150, deadline=None)
def test_many_losses_never_pass_what_did_not_pass(loss: tuple[str, tuple[Path, ...]]) -> None:
    name, paths = loss
    parts = documents()[name]
    for path in sorted(paths, key=len, reverse=True):  # the inner first, while they are there
        parts = changed(parts, path, None)
    assert improvements(judged(name), judge(parts)) == []


def test_every_control_passes_for_the_one_and_fails_for_the_other() -> None:
    """Else the laws above would hold of a control that never says anything."""
    ids = {made.id for made in judging.controls()}
    passing = {c for (c, _), r in judged("well").items() if r.verdict is Outcome.PASS}
    failing = {c for (c, _), r in judged("failing").items() if r.verdict is Outcome.FAIL}
    assert (ids - passing, ids - failing) == (set(), set())


SAVED = json.dumps(evidence_documents.baseline())


@hypothesis.given(strategies.integers(min_value=0, max_value=len(SAVED) - 1))
@hypothesis.settings(max_examples=50)
def test_file_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(UserError, match="cut off"):
        evidence_file.loads(SAVED[:length], name="cut.json")


HEADER = ("format", "version", "parts", "target", "taken", "tool", "seconds", "round_trips")


@pytest.mark.parametrize("field", HEADER)
def test_file_without_its_header_is_refused(field: str, tmp_path: pathlib.Path) -> None:
    document = evidence_documents.baseline()
    del document[field]
    file = tmp_path / "headless.json"
    file.write_text(json.dumps(document))
    with pytest.raises(UserError):
        evidence_file.load(file)
