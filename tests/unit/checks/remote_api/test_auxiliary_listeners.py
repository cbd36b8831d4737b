"""LXD-API-06 and LXD-API-11: public images, and doors beside the API."""

from __future__ import annotations

import pytest

from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, judging
from tests.support.evidence_documents import Document, configure_server, patch

IMAGE = "image/default/1a1a1a1a1a1a"


def judge(document: Document) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-API-11", "server"]
    return found.verdict, found.reason


def configured(**settings: str) -> Document:
    document = evidence_documents.baseline()
    for name, value in settings.items():
        document = configure_server(document, f"core.{name}", value)
    return document


def test_defaults_close_every_door() -> None:
    assert judge(evidence_documents.baseline())[0] is Outcome.PASS


@pytest.mark.parametrize("address", ["127.0.0.1:8080", ":8080", "[::]"])
def test_debug_listener_is_found_wherever_it_listens(address: str) -> None:
    assert judge(configured(debug_address=address))[0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("false", Outcome.FAIL),
        ("0", Outcome.FAIL),
        ("off", Outcome.FAIL),
        ("true", Outcome.PASS),
        ("", Outcome.PASS),
        ("maybe", Outcome.ERROR),
    ],
)
def test_metrics_without_authentication_are_found(value: str, outcome: Outcome) -> None:
    assert judge(configured(metrics_authentication=value))[0] is outcome


def test_repair_of_metrics_sets_them_to_true() -> None:
    found = judging.judge(evidence_documents.evidence(configured(metrics_authentication="no")))
    assert "lxc config set core.metrics_authentication=true" in judging.text(
        found["LXD-API-11", "server"]
    )


@pytest.mark.parametrize(
    ("origin", "credentials", "outcome"),
    [
        ("*", "true", Outcome.FAIL),
        ("*", "1", Outcome.FAIL),
        ("*", "false", Outcome.PASS),
        ("*", "enabled", Outcome.PASS),
        ("https://ui.example", "true", Outcome.PASS),
        ("", "true", Outcome.PASS),
    ],
)
def test_credentials_for_every_origin_are_found(
    origin: str, credentials: str, outcome: Outcome
) -> None:
    document = configured(https_allowed_origin=origin, https_allowed_credentials=credentials)
    assert judge(document)[0] is outcome


def judge_image(site: Policy) -> Outcome:
    document = patch(evidence_documents.baseline(), "images", 0, "public", to=True)
    seen = evidence_documents.evidence(document)
    return judging.judge(seen, site=site)["LXD-API-06", IMAGE].verdict


def test_public_image_is_found_without_a_policy() -> None:
    assert judge_image(Policy()) is Outcome.FAIL


@pytest.mark.parametrize("name", ["noble", "1A" * 32, "1a1a1a1a1a1a"])
def test_public_image_that_the_site_names_passes(name: str) -> None:
    assert judge_image(Policy(public_images=(name,))) is Outcome.PASS


@pytest.mark.parametrize("name", ["nob", "1a1a", "noble2", ""])
def test_part_of_a_name_is_not_the_name(name: str) -> None:
    assert judge_image(Policy(public_images=(name,))) is Outcome.FAIL
