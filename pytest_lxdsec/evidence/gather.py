"""The plan: the requests to one server, made once and in a fixed order.

A handful of API listings, each for all instances at once, and one command on the host. Their
number grows with projects and cluster members, never with instances or controls: a new control
uses an existing part, or adds a field to the sweep, not a request.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib import parse

from ..errors import Unreachable
from ..lxd import api_endpoints, config_values, listen_address
from ..transport import Answer, Api, Shell
from . import guest_script, guest_sweep, host_sweep, model, parts, probe_project, redact

TOOL = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One listing of the API.

    Attributes:
        part: The name of the part that it fills.
        path: The request; `{project}` stands for each project that has the feature.
        feature: The `features.*` that gives a project its own objects; "" for one listing of all.
        extension: The API extension that announces it; a server without it has no such objects.
    """

    part: str
    path: str
    feature: str = ""
    extension: str = ""


FIRST = (
    Source(part="server", path="/1.0"),
    Source(part="projects", path="/1.0/projects?recursion=1"),
)
PLAN = (
    # recursion=2 would enter every container for its state, at fourteen times the cost; the
    # sweep finds their processes from the host's side.
    Source(part="instances", path="/1.0/instances?recursion=1&all-projects=true"),
    Source(part="certificates", path="/1.0/certificates?recursion=1"),
    # all-projects exists for these only since 5.21 (images_all_projects and the like).
    Source(
        part="profiles", path="/1.0/profiles?recursion=1&project={project}", feature="profiles"
    ),
    Source(
        part="networks", path="/1.0/networks?recursion=1&project={project}", feature="networks"
    ),
    Source(part="images", path="/1.0/images?recursion=1&project={project}", feature="images"),
)
# LXD answers with lists by status; other operations than tokens are never kept.
TOKENS = Source(part="tokens", path="/1.0/operations?recursion=1")
ACCESS = "access_management"
IDENTITIES = (
    Source(part="identities", path="/1.0/auth/identities?recursion=1", extension=ACCESS),
    Source(part="groups", path="/1.0/auth/groups?recursion=1", extension=ACCESS),
    Source(
        part="provider_groups",
        path="/1.0/auth/identity-provider-groups?recursion=1",
        extension=ACCESS,
    ),
)
MEMBERS = Source(part="members", path="/1.0/cluster/members?recursion=1")
SERVER_OF_MEMBER = "/1.0?target={member}"
NOT_ASKED = "probes create throw-away instances on the server: ask for them with --lxd-probe"

# Makes trials with instances of its own after everything else; returns the entry of `trials`.
Prober = Callable[[model.Evidence, Api, Shell | None], Mapping[str, Any]]


def gather(
    target: str,
    api: Api,
    shell: Shell | None,
    *,
    socket: str = "",
    prober: Prober | None = None,
) -> model.Evidence:
    """Gather all evidence of one server.

    Args:
        target: Its name in reports.
        api: The connection to its API.
        shell: The connection to its host; None if the user chose a target without one.
        socket: The path of the API's unix socket on the host, "" if it is not known.
        prober: Makes trials with instances of its own; None without `--lxd-probe`.

    Raises:
        Unreachable: the API does not answer, or does not trust the client as an administrator.
    """
    taken, started = datetime.datetime.now(datetime.UTC), time.monotonic()
    document = _ask_api(target, api)
    document = probe_project.without_ours({**document, **_ask_host(document, shell, socket)})
    trips = {"api": api.round_trips, "shell": shell.round_trips if shell else 0}
    document["probes"] = _ask_inside(api, document)
    # Counted apart, because only this part grows with the instances.
    trips["probe"] = api.round_trips - trips["api"]
    document["trials"] = {parts.NOT_ASSESSED: NOT_ASKED}
    header = model.Header(
        target=target,
        taken=taken.replace(microsecond=0),
        tool=TOOL,
        seconds=round(time.monotonic() - started, 3),
        round_trips=trips,
    )
    seen = model.Evidence.of(header, document)
    return seen if prober is None else _probed(seen, api, shell, prober)


def _probed(seen: model.Evidence, api: Api, shell: Shell | None, prober: Prober) -> model.Evidence:
    """Return the same evidence with a prober's trials and their cost."""
    started = time.monotonic()
    before = (api.round_trips, shell.round_trips if shell else 0)
    entry = prober(seen, api, shell)
    after = (api.round_trips, shell.round_trips if shell else 0)
    cost = dict(zip(("trial_api", "trial_shell"), map(int.__sub__, after, before), strict=True))
    header = dataclasses.replace(
        seen.header,
        seconds=round(seen.header.seconds + time.monotonic() - started, 3),
        round_trips={**seen.header.round_trips, **cost},
    )
    return model.Evidence.of(header, {**seen.document, "trials": entry})


def _ask_api(target: str, api: Api) -> dict[str, Mapping[str, Any]]:
    server, projects = api.get_many([source.path for source in FIRST])
    _require_administrator(target, server)
    document: dict[str, Mapping[str, Any]] = {
        "server": {parts.VALUE: server.metadata},
        "projects": _entry([projects]),
    }
    requests = [(s, path) for s in _plan(server) for path in _paths(s, projects)]
    answers = api.get_many([path for _, path in requests])
    for source in _plan(server):
        mine = [a for (s, _), a in zip(requests, answers, strict=True) if s is source]
        if source is TOKENS:
            mine = [_tokens(answer) for answer in mine]
        document[source.part] = _entry(mine, per_project=bool(source.feature))
    for source in (MEMBERS, *IDENTITIES):
        document.setdefault(source.part, {parts.VALUE: []})
    document["servers"] = _servers(api, document)
    return document


def _require_administrator(target: str, server: Answer) -> None:
    """Raise if the client is not an administrator: values that LXD hides look like defaults."""
    if not server.is_success or not isinstance(server.metadata, dict):
        raise Unreachable(target, f"GET {server.path}: {server.error or 'not an LXD server'}")
    auth = server.metadata.get("auth")
    if auth != "trusted":
        raise Unreachable(
            target,
            f"the server does not trust this client (auth: {auth}): "
            "add its certificate there with: lxc config trust add",
        )
    if server.metadata.get("config") is None:
        raise Unreachable(
            target,
            "the server trusts this client, but not as an administrator (config: null): "
            "use an unrestricted certificate or LXD's own unix socket",
        )


def _plan(server: Answer) -> tuple[Source, ...]:
    environment = server.metadata.get("environment")
    clustered = isinstance(environment, dict) and environment.get("server_clustered") is True
    announced = server.metadata.get("api_extensions")
    known = announced if isinstance(announced, list) else [ACCESS]
    access = tuple(source for source in IDENTITIES if source.extension in known)
    return (*PLAN, TOKENS, *access, *((MEMBERS,) if clustered else ()))


def _tokens(answer: Answer) -> Answer:
    """Return an answer with only the tokens among the operations, which LXD lists by status."""
    if not isinstance(answer.metadata, dict):
        return answer
    lists = answer.metadata.values()
    if not all(isinstance(found, list) for found in lists):
        return answer
    tokens = [one for found in lists for one in found if not _is_other_operation(one)]
    return dataclasses.replace(answer, metadata=tokens)


def _is_other_operation(entry: object) -> bool:
    return isinstance(entry, dict) and entry.get("class") in ("task", "websocket")


def _paths(source: Source, projects: Answer) -> tuple[str, ...]:
    if not source.feature:
        return (source.path,)
    names = _projects_with(source.feature, projects)
    return tuple(source.path.format(project=parse.quote(name, safe="")) for name in names)


def _projects_with(feature: str, projects: Answer) -> tuple[str, ...]:
    found = projects.metadata if isinstance(projects.metadata, list) else []
    names = [
        project["name"]
        for project in found
        if isinstance(project, dict) and isinstance(project.get("name"), str)
        if project["name"] == "default" or _has(project, feature)
    ]
    return tuple(sorted({*names, "default"}))


def _has(project: Mapping[str, Any], feature: str) -> bool:
    config = project.get("config")
    value = config.get(f"features.{feature}") if isinstance(config, dict) else None
    return isinstance(value, str) and config_values.is_true(value)


def _entry(answers: Sequence[Answer], *, per_project: bool = False) -> Mapping[str, Any]:
    """Make a part of its answers; missing if one failed, because the rest would look complete."""
    for answer in answers:
        if not answer.is_success:
            return {parts.MISSING: f"GET {answer.path}: {answer.error}"}
    found: list[Any] = []
    for answer in answers:
        if not isinstance(answer.metadata, list):
            return {
                parts.MISSING: f"GET {answer.path}: {type(answer.metadata).__name__}, not a list"
            }
        found += _in_project(answer) if per_project else answer.metadata
    # The order of LXD's lists changes from call to call; that of evidence must not.
    return {parts.VALUE: sorted(map(_in_order, found), key=_place)}


def _in_order(entry: object) -> object:
    used_by = entry.get("used_by") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and isinstance(used_by, list):
        return {**entry, "used_by": sorted(used_by, key=str)}
    return entry


def _place(entry: object) -> tuple[str, ...]:
    if not isinstance(entry, dict):
        return ("",)
    return tuple(
        str(entry.get(k)) for k in ("project", "name", "server_name", "fingerprint", "id")
    )


def _in_project(answer: Answer) -> Iterable[Any]:
    """Yield the objects with their project, which LXD 5.0 omits in a project's own listing."""
    project = dict(parse.parse_qsl(parse.urlsplit(answer.path).query))["project"]
    for entry in answer.metadata:
        yield {"project": project, **entry} if isinstance(entry, dict) else entry


def _servers(api: Api, document: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    members = document["members"].get(parts.VALUE)
    if members is None:
        return document["members"]
    if not members:
        return {parts.VALUE: [document["server"][parts.VALUE]]}
    names = [str(member.get("server_name")) for member in members if isinstance(member, dict)]
    paths = [SERVER_OF_MEMBER.format(member=parse.quote(name, safe="")) for name in names]
    # A member that is down must not hide the others: its server is an unreadable object.
    answers = api.get_many(paths)
    return {
        parts.VALUE: [
            answer.metadata if answer.is_success else {"name": name, redact.ERROR: answer.error}
            for name, answer in zip(names, answers, strict=True)
        ]
    }


def _ask_host(
    document: Mapping[str, Mapping[str, Any]], shell: Shell | None, socket: str
) -> Mapping[str, Mapping[str, Any]]:
    if shell is None:
        reason = "the target is an API without a shell: add ?shell=ssh://USER@HOST"
        return host_sweep.missing(reason, kind=parts.NOT_ASSESSED)
    try:
        return host_sweep.read(shell.run(host_sweep.command(_question(document, socket))))
    except (host_sweep.SweepError, Unreachable) as error:
        return host_sweep.missing(str(error))


def _ask_inside(api: Api, document: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    instances = document["instances"]
    if parts.VALUE not in instances:
        return instances
    environment = document["server"][parts.VALUE].get("environment") or {}
    name = str(environment.get("server_name"))
    return {parts.VALUE: guest_sweep.ask(api, instances[parts.VALUE], name)}


def _question(document: Mapping[str, Mapping[str, Any]], socket: str) -> host_sweep.Question:
    server = document["server"][parts.VALUE]
    environment = server.get("environment") or {}
    extensions = server.get("api_extensions") or ()
    return host_sweep.Question(
        server_pid=environment.get("server_pid", 0),
        socket=socket,
        endpoints=(api_endpoints.OPEN, *api_endpoints.protected(extensions)),
        paths=_device_paths(document["instances"].get(parts.VALUE) or []),
        names=_names(server.get("config")),
        probe=guest_script.SCRIPT,
    )


def _names(config: object) -> tuple[str, ...]:
    """Return the host names in the options for listen addresses."""
    settings = config.items() if isinstance(config, dict) else ()
    found = [
        listen_address.parse(text, 0)
        for key, text in settings
        if key.endswith("_address") and isinstance(text, str)
    ]
    return tuple(sorted({one.host for one in found if one.kind is listen_address.Kind.NAME}))


def _device_paths(instances: Iterable[Any]) -> tuple[str, ...]:
    """Return the host paths that disks and proxies of all instances name."""
    found = set()
    for instance in instances:
        devices = instance.get("expanded_devices") if isinstance(instance, dict) else None
        for device in (devices or {}).values() if isinstance(devices, dict) else ():
            found |= set(_paths_of(device)) if isinstance(device, dict) else set()
    return tuple(sorted(found))


def _paths_of(device: Mapping[str, Any]) -> Iterable[str]:
    source = device.get("source")
    if device.get("type") == "disk" and isinstance(source, str) and source.startswith("/"):
        yield source
    for key in ("connect", "listen"):
        value = device.get(key)
        if isinstance(value, str) and value.startswith("unix:/"):
            yield value.removeprefix("unix:")
