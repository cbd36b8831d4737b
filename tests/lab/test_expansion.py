"""The origin of settings: our expansion of stacked profiles against LXD's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from pytest_lxdsec.inventory import config_origin
from pytest_lxdsec.lab import Lab, scenarios
from pytest_lxdsec.transport import Api, Request
from tests.support import evidence_documents

from . import both_ways

NAME = "stacked"
PROFILES = ("stack1", "stack2", "stack3")
ROOT = {"root": {"type": "disk", "path": "/", "pool": scenarios.POOL}}
Layer = Mapping[str, Any]

CONFIGS = strategies.fixed_dictionaries(
    {},
    optional={
        "limits.memory": strategies.sampled_from(["64MiB", "128MiB"]),
        "limits.processes": strategies.sampled_from(["50", "60"]),
        "security.nesting": strategies.sampled_from(["true", "false", "1", "Off"]),
        "security.idmap.isolated": strategies.sampled_from(["true", "no"]),
        "raw.lxc": strategies.sampled_from(["lxc.log.level = 1", "# nothing\n"]),
    },
)
DISKS = strategies.fixed_dictionaries(
    {
        "type": strategies.just("disk"),
        "source": strategies.sampled_from(["/etc", "/usr"]),
        "path": strategies.sampled_from(["/mnt/a", "/mnt/b"]),
    },
    optional={"readonly": strategies.sampled_from(["true", "false"])},
)
DEVICES = strategies.dictionaries(
    strategies.sampled_from(["data", "more"]), DISKS | strategies.just({"type": "none"})
)


def has_distinct_paths(devices: Layer) -> bool:
    """Return False if LXD would refuse the profiles because two disks have the same path."""
    paths = [device["path"] for device in devices.values() if "path" in device]
    return len(paths) == len(set(paths))


LAYERS = strategies.fixed_dictionaries(
    {"config": CONFIGS, "devices": DEVICES.filter(has_distinct_paths)}
)
STACKS = strategies.tuples(
    strategies.lists(strategies.sampled_from(PROFILES), unique=True), *([LAYERS] * 4)
)


@pytest.fixture(scope="module")
def lxd(lab: Lab) -> Iterator[Api]:
    """Yield the lab's API, with a stopped instance and the profiles of this test."""
    connection = both_ways.connect(lab)
    api = connection.api()
    made = lab.shell(
        f"for name in {' '.join(PROFILES)}; do lxc profile create $name; done\n"
        f"lxc init busybox {NAME}"
    )
    assert made.returncode == 0, made.stderr
    yield api
    lab.shell(
        f"lxc delete {NAME}\nfor name in {' '.join(PROFILES)}; do lxc profile delete $name; done"
    )
    connection.close()


def put(api: Api, path: str, document: Layer) -> None:
    (reply,) = api.send_many([Request(method="PUT", path=path, body=document)])
    assert reply.status in (200, 202), reply.body
    if reply.status == 202:
        (done,) = api.get_many([f"{operation_of(reply.body)}/wait?timeout=30"])
        assert done.is_success, done.error
        assert done.metadata["status"] == "Success", done.metadata


def instance_of(api: Api, config: Layer, devices: Layer, profiles: list[str]) -> Layer:
    """Return the instance's document for LXD, with the keys that LXD has written itself."""
    (now,) = api.get_many([f"/1.0/instances/{NAME}"])
    kept = {k: v for k, v in now.metadata["config"].items() if k.startswith(("volatile", "image"))}
    return {
        "architecture": now.metadata["architecture"],
        "config": {**kept, **config},
        "devices": {**devices, **ROOT},
        "profiles": profiles,
    }


def operation_of(body: bytes) -> str:
    return str(json.loads(body)["operation"])


@hypothesis.given(STACKS)
@hypothesis.settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_origin_of_every_setting_is_where_lxd_takes_it_from(
    lxd: Api, stack: tuple[list[str], Layer, Layer, Layer, Layer]
) -> None:
    names, own, *layers = stack
    by_name = dict(zip(PROFILES, layers, strict=True))
    put(lxd, f"/1.0/instances/{NAME}", instance_of(lxd, {}, {}, []))
    for name, layer in by_name.items():
        put(lxd, f"/1.0/profiles/{name}", {"description": "", **layer})
    applied = [by_name[name] for name in names] + [own]
    hypothesis.assume(
        has_distinct_paths({k: v for layer in applied for k, v in layer["devices"].items()})
    )
    put(lxd, f"/1.0/instances/{NAME}", instance_of(lxd, own["config"], own["devices"], names))
    paths = ("/1.0/projects", "/1.0/profiles", "/1.0/instances")
    projects, profiles, instances = (
        answer.metadata for answer in lxd.get_many([f"{path}?recursion=1" for path in paths])
    )
    listing = [one for one in instances if one["name"] == NAME]
    parts = {"projects": projects, "profiles": in_default(profiles), "instances": listing}
    document = evidence_documents.baseline()
    for part, value in parts.items():
        document = evidence_documents.patch(document, part, to={"value": value})
    evidence = evidence_documents.evidence(document)
    (instance,) = evidence.instances.complete()
    for key, value in instance.expanded_config.items():
        found = config_origin.of_config(evidence, instance, key).profile
        assert (found.config if found else instance.config)[key] == value
    for device, settings in instance.expanded_devices.items():
        found = config_origin.of_device(evidence, instance, device).profile
        assert (found.devices if found else instance.devices)[device] == settings
    users = {p.name: p for p in evidence.profiles}
    expected = {key for n in instance.profiles for key in users[n].config} | {*instance.config}
    assert expected == {*instance.expanded_config}


def in_default(profiles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the project, which LXD 5.0 leaves out of a listing of one project."""
    return [{"project": "default", **profile} for profile in profiles]
