"""The plan: what is asked, and what becomes of answers that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_lxdsec.errors import Unreachable
from pytest_lxdsec.evidence import gather, host_sweep, model
from pytest_lxdsec.session import subjects
from pytest_lxdsec.session.selection import Objects
from pytest_lxdsec.transport import Answer, Output, Reply, Request
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target
from pytest_lxdsec.verdict import CannotTell, NotAssessed
from tests.support import evidence_api

OPEN = "/1.0"
INSTANCES = "/1.0/instances?recursion=1&all-projects=true"
MEMBERS = "/1.0/cluster/members?recursion=1"


@dataclass
class RecordedApi:
    """Answers from documents; a path that has none is LXD's own 404."""

    answers: Mapping[str, Any]
    target: str = "lxd1"
    asked: list[str] = field(default_factory=list)
    asked_inside: list[str] = field(default_factory=list)

    @property
    def round_trips(self) -> int:
        return len(self.asked) + len(self.asked_inside)

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        self.asked += paths
        return tuple(self._answer(path) for path in paths)

    def _answer(self, path: str) -> Answer:
        if path not in self.answers:
            return Answer(path=path, status=404, error="not found")
        return Answer(path=path, status=200, metadata=self.answers[path])

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        self.asked_inside += [request.path for request in requests]
        return tuple(Reply(path=one.path, status=404, error="no such door") for one in requests)

    def close(self) -> None:
        """Do nothing: no connection is open."""


@dataclass
class RecordedShell:
    """A host that answers every command alike."""

    output: Output
    target: str = "lxd1"
    host: object = None
    commands: list[str] = field(default_factory=list)

    @property
    def round_trips(self) -> int:
        return len(self.commands)

    def run(self, command: str) -> Output:
        self.commands.append(command)
        return self.output

    def close(self) -> None:
        """Do nothing: no connection is open."""


def answers(**changes: Any) -> dict[str, Any]:
    listing = {
        OPEN: {**evidence_api.server(), "auth": "trusted"},
        "/1.0/projects?recursion=1": evidence_api.projects(),
        INSTANCES: evidence_api.instances(),
        "/1.0/certificates?recursion=1": evidence_api.certificates(),
    }
    for part in ("profiles", "networks", "images"):
        for project in ("default", "tenants"):
            objects = [e for e in getattr(evidence_api, part)() if e["project"] == project]
            listing[f"/1.0/{part}?recursion=1&project={project}"] = objects
    return {**listing, **changes}


def gathered(api: RecordedApi) -> model.Evidence:
    return gather.gather("lxd1", api, None)


def subjects_of(kind: str, evidence: model.Evidence) -> Mapping[str, subjects.Subject]:
    connection = Connection(target=Target(name="lxd1", reach=Reach.EVIDENCE))
    return {s.id: s for s in subjects.of(kind, evidence, connection, Objects())}


def test_objects_of_every_project_are_seen() -> None:
    evidence = gathered(RecordedApi(answers()))
    assert {instance.project for instance in evidence.instances} == {"default", "tenants"}
    assert {profile.project for profile in evidence.profiles} == {"default", "tenants"}


@pytest.mark.parametrize("word", ["1", "yes", "on", "True"])
def test_feature_is_on_by_every_word_that_lxd_takes_for_true(word: str) -> None:
    projects = evidence_api.projects()
    projects[1]["config"] = {"features.images": word, "features.profiles": word}
    evidence = gathered(RecordedApi(answers(**{"/1.0/projects?recursion=1": projects})))
    assert {image.project for image in evidence.images} == {"default", "tenants"}
    assert all(project.has_own("profiles") for project in evidence.projects)


def test_requests_do_not_grow_with_instances() -> None:
    one = evidence_api.instances()[0]
    many = [{**one, "name": f"web{number}"} for number in range(500)]
    few = RecordedApi(answers())
    crowd = RecordedApi(answers(**{INSTANCES: many}))
    assert len(gathered(crowd).instances.objects) == 500
    assert gathered(few) is not None
    assert few.asked == crowd.asked


def test_a_listing_that_fails_is_missing_with_its_reason() -> None:
    without = answers()
    del without["/1.0/certificates?recursion=1"]
    evidence = gathered(RecordedApi(without))
    assert evidence.absent("certificates") == "GET /1.0/certificates?recursion=1: not found"
    with pytest.raises(CannotTell, match="not found"):
        _ = evidence.certificates
    assert evidence.instances.objects


def test_one_project_that_fails_makes_its_listing_missing() -> None:
    without = answers()
    del without["/1.0/profiles?recursion=1&project=tenants"]
    evidence = gathered(RecordedApi(without))
    assert "project=tenants" in evidence.absent("profiles")


@pytest.mark.parametrize("odd", [None, {}, "text", 7])
def test_a_listing_that_is_no_list_is_missing(odd: object) -> None:
    evidence = gathered(RecordedApi(answers(**{INSTANCES: odd})))
    with pytest.raises(CannotTell):
        _ = evidence.instances


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"auth": "untrusted"}, "does not trust this client"),
        ({"auth": None}, "does not trust this client"),
        ({"config": None}, "not as an administrator"),
    ],
)
def test_anybody_but_an_administrator_is_refused(change: Mapping[str, Any], why: str) -> None:
    server = {**evidence_api.server(), "auth": "trusted", **change}
    with pytest.raises(Unreachable, match=why):
        gathered(RecordedApi(answers(**{OPEN: server})))


def test_an_api_without_a_shell_leaves_the_host_not_assessed() -> None:
    evidence = gathered(RecordedApi(answers()))
    with pytest.raises(NotAssessed, match="add \\?shell="):
        _ = evidence.operating_system


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (Output(exit_status=127, stdout=b"", stderr=b"sh: python3: not found"), "no python3"),
        (Output(exit_status=1, stdout=b"", stderr=b"a\nMemoryError"), "MemoryError"),
        (Output(exit_status=0, stdout=b"", stderr=b""), "cut off"),
        (Output(exit_status=0, stdout=b"<lxdsec\neJw", stderr=b""), "cut off"),
        (Output(exit_status=0, stdout=b"<lxdsec\n????\nlxdsec>\n", stderr=b""), "damaged"),
    ],
)
def test_a_sweep_that_fails_is_missing_with_its_reason(output: Output, why: str) -> None:
    evidence = gather.gather("lxd1", RecordedApi(answers()), RecordedShell(output))
    assert why in evidence.absent("host.containers")


def test_more_paths_than_a_command_carries_are_an_error_of_the_sweep() -> None:
    question = host_sweep.Question(
        server_pid=1,
        socket="",
        endpoints=(),
        paths=tuple(f"/{number:x}/{hash(str(number)):x}" for number in range(40_000)),
    )
    with pytest.raises(host_sweep.SweepError, match="40000 paths"):
        host_sweep.command(question)


def clustered() -> dict[str, Any]:
    members = ("lxd1", "lxd2", "lxd3")
    servers = {name: server(name) for name in members}
    rows = [
        {"server_name": name, "status": "Online", "message": "Fully operational"}
        for name in members
    ]
    listing = answers(**{OPEN: servers["lxd1"], MEMBERS: rows})
    # lxd3 is down: its own server does not answer.
    for name in ("lxd1", "lxd2"):
        listing[f"/1.0?target={name}"] = servers[name]
    elsewhere = [{**i, "location": "lxd2"} for i in evidence_api.instances()]
    return {**listing, INSTANCES: elsewhere}


def server(name: str) -> dict[str, Any]:
    found = evidence_api.server()
    environment = {**found["environment"], "server_name": name, "server_clustered": True}
    return {**found, "auth": "trusted", "environment": environment}


def test_every_cluster_member_is_a_server_of_its_own() -> None:
    found = subjects_of("server", gathered(RecordedApi(clustered())))
    assert {"server/lxd1", "server/lxd2"} < set(found)


def test_a_cluster_member_that_is_down_is_a_subject_that_says_so() -> None:
    found = subjects_of("server", gathered(RecordedApi(clustered())))
    assert isinstance(found["server/lxd3"].problem, CannotTell)
