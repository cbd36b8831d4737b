"""LXD-API-07: passwords, tokens and how long they live."""

from __future__ import annotations

import datetime

import pytest

from pytest_lxdsec.evidence import gather
from pytest_lxdsec.transport import Answer
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_documents, judging
from tests.support.evidence_documents import Document, add, configure_server, patch

HOUR = datetime.timedelta(hours=1)


def judge(document: Document) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-API-07", "server"]
    return found.verdict, found.reason


def of_version(version: str, document: Document | None = None) -> Document:
    base = document or evidence_documents.baseline()
    place = ("environment", "server_version")
    return patch(patch(base, "server", *place, to=version), "servers", 0, *place, to=version)


def with_token(token: evidence_api.Json) -> Document:
    return add(evidence_documents.baseline(), "tokens", entry=token)


def test_short_restricted_token_passes() -> None:
    outcome, reason = judge(evidence_documents.baseline())
    assert outcome is Outcome.PASS
    assert "pending: token for 7d0e4a1c" in reason


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        ("5.0.9", Outcome.FAIL),
        ("5.21.4", Outcome.FAIL),
        ("5.21.5", Outcome.PASS),
        ("6.6", Outcome.FAIL),
        ("6.7", Outcome.PASS),
        ("6.10", Outcome.PASS),
    ],
)
def test_default_of_the_version_is_applied(version: str, outcome: Outcome) -> None:
    assert judge(of_version(version))[0] is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("15M", Outcome.PASS),
        ("15m", Outcome.FAIL),
        ("15d", Outcome.PASS),
        ("16d", Outcome.FAIL),
        ("1d 3H", Outcome.PASS),
        ("", Outcome.FAIL),
        ("15min", Outcome.ERROR),
    ],
)
def test_length_of_time_is_read_as_lxd_reads_it(text: str, outcome: Outcome) -> None:
    document = configure_server(evidence_documents.baseline(), "core.remote_token_expiry", text)
    assert judge(document)[0] is outcome


def test_join_tokens_that_never_end_are_found() -> None:
    document = configure_server(evidence_documents.baseline(), "cluster.join_token_expiry", "")
    assert judge(document)[1] == "cluster.join_token_expiry is not set: new tokens never expire"


def test_password_is_found_though_it_is_hidden() -> None:
    document = configure_server(evidence_documents.baseline(), "core.trust_password", True)
    assert judge(document) == (Outcome.FAIL, "core.trust_password is set")


def test_token_without_end_is_found() -> None:
    assert judge(with_token(evidence_api.token("ci")))[1] == "the token for ci never expires"


def test_zero_time_is_no_end() -> None:
    token = evidence_api.token("ci")
    token["metadata"]["expiresAt"] = "0001-01-01T00:00:00Z"
    assert judge(with_token(token))[0] is Outcome.FAIL


def test_token_for_an_administrator_is_found() -> None:
    token = evidence_api.token("ops", expires=evidence_api.TAKEN + HOUR, restricted=False)
    assert judge(with_token(token))[1] == "the token for ops makes its holder an administrator"


def test_token_for_metrics_makes_no_administrator() -> None:
    token = evidence_api.token("prom", expires=evidence_api.TAKEN + HOUR, restricted=False)
    token["metadata"]["request"]["type"] = "metrics"
    assert judge(with_token(token))[0] is Outcome.PASS


@pytest.mark.parametrize("status", ["Success", "Cancelled", "Failure"])
def test_token_that_was_used_or_taken_back_is_over(status: str) -> None:
    assert judge(with_token(evidence_api.token("x") | {"status": status}))[0] is Outcome.PASS


def test_token_of_an_unknown_status_may_still_be_used() -> None:
    assert judge(with_token(evidence_api.token("x") | {"status": "Odd"}))[0] is Outcome.FAIL


def test_token_that_has_ended_is_over() -> None:
    ended = evidence_api.token("x", expires=evidence_api.TAKEN - HOUR, restricted=False)
    assert judge(with_token(ended))[0] is Outcome.PASS


def test_nanoseconds_are_read() -> None:
    token = evidence_api.token("x")
    moment = evidence_api.TAKEN + HOUR
    token["metadata"]["expiresAt"] = f"{moment:%Y-%m-%dT%H:%M:%S}.901433303Z"
    assert judge(with_token(token))[0] is Outcome.PASS


def test_end_that_is_no_time_cannot_be_told() -> None:
    token = evidence_api.token("x")
    token["metadata"]["expiresAt"] = "soon"
    assert judge(with_token(token))[0] is Outcome.ERROR


def test_join_token_needs_an_end_only() -> None:
    token = evidence_api.token("x", expires=evidence_api.TAKEN + HOUR)
    del token["metadata"]["request"]
    token["metadata"]["serverName"] = "lxd2"
    outcome, reason = judge(with_token(token))
    assert outcome is Outcome.PASS
    assert "join token for lxd2" in reason


def with_invited(*groups: str, ends: object = None) -> Document:
    """Return a pending identity of these groups, of which there is `admins` only."""
    pending = {
        "authentication_method": "tls",
        "type": "Client certificate (pending)",
        "id": "0f0f",
        "name": "bob",
        "groups": list(groups),
        "expires_at": ends,
    }
    document = add(evidence_documents.baseline(), "identities", entry=pending)
    return add(document, "groups", entry={"name": "admins", "permissions": []})


def in_days(days: int) -> str:
    return (evidence_api.TAKEN + datetime.timedelta(days=days)).isoformat()


def test_token_that_is_good_for_longer_than_lxds_own_is_found() -> None:
    token = evidence_api.token("x", expires=evidence_api.TAKEN + datetime.timedelta(days=15))
    assert judge(with_token(token))[0] is Outcome.PASS
    token["metadata"]["expiresAt"] = "2126-01-01T00:00:00Z"
    assert "the token for x expires only on 2126-01-01" in judge(with_token(token))[1]


def test_token_for_what_is_not_told_cannot_be_told() -> None:
    token = evidence_api.token("x", expires=evidence_api.TAKEN + HOUR)
    del token["metadata"]["request"]
    outcome, reason = judge(with_token(token))
    assert outcome is Outcome.ERROR
    assert "token x does not show what its holder may do" in reason


@pytest.mark.parametrize(
    "of_its_kind",
    [{"resources": {"images": ["/1.0/images/1a"]}}, {"description": "Image download token"}],
)
def test_token_for_a_download_is_no_invitation(of_its_kind: evidence_api.Json) -> None:
    token = evidence_api.token("x") | of_its_kind
    token["metadata"] = {"secret": "5ec1" * 16}
    outcome, reason = judge(with_token(token))
    assert outcome is Outcome.PASS
    assert "token for x" not in reason


def test_invitation_stays_one_whatever_its_description() -> None:
    token = evidence_api.token("x") | {"description": "Image download token"}
    assert judge(with_token(token))[1] == "the token for x never expires"


def test_pending_identity_of_administrators_is_found() -> None:
    outcome, reason = judge(with_invited("admins", ends=in_days(1)))
    assert outcome is Outcome.FAIL
    assert "the token for bob makes its holder an administrator" in reason


@pytest.mark.parametrize("ends", ["0001-01-01T00:00:00Z", "2126-01-01T00:00:00Z"])
def test_pending_identity_without_an_end_is_found(ends: str) -> None:
    assert judge(with_invited(ends=ends))[0] is Outcome.FAIL


def test_pending_identity_of_a_short_life_passes_and_is_named() -> None:
    outcome, reason = judge(with_invited(ends=in_days(1)))
    assert outcome is Outcome.PASS
    assert "token for bob" in reason


def test_pending_identity_whose_token_has_ended_is_over() -> None:
    outcome, reason = judge(with_invited("admins", ends=in_days(-1)))
    assert outcome is Outcome.PASS
    assert "bob" not in reason


def test_pending_identity_of_a_group_that_is_not_listed_cannot_be_told() -> None:
    assert judge(with_invited("ops", ends=in_days(1)))[0] is Outcome.ERROR


def test_pending_identity_without_an_end_cannot_be_told() -> None:
    outcome, reason = judge(with_invited())
    assert outcome is Outcome.ERROR
    assert "bob is a Client certificate (pending)" in reason


def test_secret_of_a_token_is_never_kept() -> None:
    seen = evidence_documents.evidence(evidence_documents.baseline())
    assert "5ec1" not in str(seen.document["tokens"])
    assert "7d0e4a1c" in str(seen.document["tokens"])


def test_tokens_are_taken_out_of_every_status() -> None:
    operations = {
        "running": [evidence_api.token("a"), {"class": "task"}],
        "odd": [evidence_api.token("b"), {"class": "websocket"}],
    }
    found = gather._tokens(Answer(path="/1.0/operations", status=200, metadata=operations))
    assert [one["id"] for one in found.metadata] == ["a", "b"]


def test_listing_of_another_shape_stays_what_it_is() -> None:
    answer = Answer(path="/1.0/operations", status=200, metadata={"running": None})
    assert gather._tokens(answer) is answer
