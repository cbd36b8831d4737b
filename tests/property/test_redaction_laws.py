"""Secrets do not enter the evidence: wherever LXD's API or the host may hold one, it is gone."""

from __future__ import annotations

import copy
import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from pytest_lxdsec.evidence import evidence_file
from tests.support import evidence_documents
from tests.support.evidence_documents import Document

SERVER_SECRETS = (
    "core.trust_password",
    "core.proxy_http",
    "core.proxy_https",
    "loki.api.url",
    "loki.auth.password",
    "loki.auth.username",
    "maas.api.key",
    "oidc.client.secret",
    "acme.email",
    "cluster.join_token",
    "rbac.agent.private_key",
    "storage.future_secret",
    "user.password",
)
INSTANCE_SECRETS = (
    "user.password",
    "user.user-data",
    "user.vendor-data",
    "user.network-config",
    "cloud-init.user-data",
    "cloud-init.vendor-data",
    "cloud-init.network-config",
    "cloud-init.ssh-keys.alice",
    "environment.TOKEN",
    "image.description",
    "image.secret",
    "raw.qemu",
    "raw.qemu.conf",
    "ubuntu_pro.guest_attach_token",
    "future.secret",
)
DEVICE_SECRETS = ("raw.mount.options", "ceph.user_name", "user.password", "future.secret")
NETWORK_SECRETS = ("bgp.peers.one.password", "user.password", "future.secret")
PROJECT_SECRETS = ("user.password", "future.secret")
# Fields of objects that nobody asks for; LXD's own names, and one that may come.
FIELD_SECRETS = ("description", "properties", "trust_token", "secret", "future_field")
LISTINGS = ("instances", "profiles", "networks", "certificates", "images", "projects")

secrets = strategies.text("0123456789abcdef", min_size=12, max_size=20).map("hunter-{}".format)


def plant(document: Document, secret: str) -> Document:
    """Return the secret, in every place that may hold one."""
    parts = copy.deepcopy(document["parts"])
    _plant_in_server(parts["server"]["value"], secret)
    _plant_in_server(parts["servers"]["value"][0], secret)
    for listing in LISTINGS:
        for entry in parts[listing]["value"]:
            entry.update(dict.fromkeys(FIELD_SECRETS, secret))
            _plant_in_settings(listing, entry, secret)
    for image in parts["images"]["value"]:
        image["aliases"] = [{"name": "noble", "description": secret, "future_field": secret}]
    return {**document, "parts": parts}


def _plant_in_server(server: dict[str, Any], secret: str) -> None:
    server["config"] |= dict.fromkeys(SERVER_SECRETS, secret)
    server["environment"] |= dict.fromkeys(FIELD_SECRETS, secret)
    server |= dict.fromkeys(FIELD_SECRETS, secret)


def _plant_in_settings(listing: str, entry: dict[str, Any], secret: str) -> None:
    keys = {"networks": NETWORK_SECRETS, "projects": PROJECT_SECRETS}
    for field in ("config", "expanded_config"):
        if field in entry:
            entry[field] |= dict.fromkeys(keys.get(listing, INSTANCE_SECRETS), secret)
    for field in ("devices", "expanded_devices"):
        for device in entry.get(field, {}).values():
            device.update(dict.fromkeys(DEVICE_SECRETS, secret))


def saved(document: Document) -> str:
    return evidence_file.dumps(evidence_documents.evidence(document))


@hypothesis.given(secrets)
@hypothesis.settings(max_examples=20, deadline=None)
def test_planted_secret_is_not_saved(secret: str) -> None:
    document = plant(evidence_documents.baseline(), secret)
    assert secret in json.dumps(document)
    assert secret not in saved(document)


def test_planted_secret_changes_no_other_byte() -> None:
    one, other = (saved(plant(evidence_documents.baseline(), s)) for s in ("s" * 16, "t" * 16))
    assert one == other


@pytest.mark.parametrize("key", SERVER_SECRETS)
def test_that_a_server_key_is_set_stays_known(key: str) -> None:
    document = evidence_documents.configure_server(evidence_documents.baseline(), key, "hunter2")
    assert evidence_documents.evidence(document).server.config[key] == "(redacted)"


spaces = strategies.sampled_from(["", " ", "\t", "  "])
names = strategies.sampled_from(
    ["lxc.environment", "LXC.Environment", "lxc.environment.runtime", "lxc.environment.hooks"]
)


@hypothesis.given(secrets, names, spaces, spaces, strategies.sampled_from(["\n", "\r\n"]))
@hypothesis.settings(max_examples=60, deadline=None)
def test_environment_in_raw_lxc_is_not_saved(
    secret: str, name: str, before: str, after: str, end: str
) -> None:
    lines = ["lxc.cap.drop = sys_time", f"{before}{name}{before}={after}TOKEN={secret}", "# end"]
    document = evidence_documents.configure(
        evidence_documents.baseline(), "default/web1", "raw.lxc", end.join(lines)
    )
    assert secret not in saved(document)


@hypothesis.given(secrets)
@hypothesis.settings(max_examples=20, deadline=None)
def test_other_lines_of_raw_lxc_are_kept(word: str) -> None:
    text = f"lxc.environment = A=1\nlxc.cap.keep = {word}\n"
    document = evidence_documents.configure(
        evidence_documents.baseline(), "default/web1", "raw.lxc", text
    )
    assert f"lxc.cap.keep = {word}" in saved(document)


WRONG_TYPES: tuple[object, ...] = (None, True, 7, [], ["nested"], {"nested": "value"}, "text")
LISTED_FIELDS = (
    *(("instances", 0, field) for field in ("config", "devices", "expanded_devices", "profiles")),
    ("instances", 0, "config", "security.privileged"),
    ("instances", 0, "expanded_devices", "eth0"),
    ("instances", 0),
    ("server", "config"),
    ("server", "environment"),
    ("images", 0, "aliases"),
)


@pytest.mark.parametrize("path", LISTED_FIELDS, ids=lambda path: "/".join(map(str, path)))
@pytest.mark.parametrize("to", WRONG_TYPES, ids=repr)
def test_second_save_is_the_same_bytes(path: tuple[str | int, ...], to: object) -> None:
    document = evidence_documents.patch(evidence_documents.baseline(), *path, to=to)  # type: ignore[arg-type]  # the first is a part's name
    first = saved(document)
    assert evidence_file.dumps(evidence_file.loads(first, name="again.json")) == first


@pytest.mark.parametrize("path", LISTED_FIELDS, ids=lambda path: "/".join(map(str, path)))
def test_secret_under_a_wrong_shape_is_not_saved(path: tuple[str | int, ...]) -> None:
    secret = "a-secret-of-somebody"  # noqa: S105 - it is none
    for to in ({"password": secret}, [{"password": secret}], [[secret]]):
        document = evidence_documents.patch(evidence_documents.baseline(), *path, to=to)  # type: ignore[arg-type]  # as above
        assert secret not in saved(document)
