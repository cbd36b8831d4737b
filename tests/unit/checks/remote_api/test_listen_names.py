"""LXD-API-01: a listen address that is a name is what the host resolves it to."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.remote import resolved_names
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, judging
from tests.support.evidence_documents import Document, configure_server, patch


def judge(*addresses: str, error: str = "", name: str = "lxd1.example") -> tuple[Outcome, str]:
    document: Document = configure_server(
        evidence_documents.baseline(), "core.https_address", "lxd1.example:8443"
    )
    entry = {"name": name, "addresses": list(addresses), "error": error}
    document = patch(document, "host.resolved_names", to={"value": [entry]})
    found = judging.judge(evidence_documents.evidence(document))["LXD-API-01", "server"]
    return found.verdict, found.reason


@pytest.mark.parametrize("address", ["192.0.2.10", "127.0.0.1", "2001:db8::1"])
def test_name_of_one_address_passes(address: str) -> None:
    assert judge(address)[0] is Outcome.PASS


def test_name_of_several_addresses_is_found() -> None:
    outcome, reason = judge("192.0.2.10", "198.51.100.10")
    assert outcome is Outcome.FAIL
    assert "which is 192.0.2.10, 198.51.100.10: multiple" in reason


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:0.0.0.0"])  # noqa: S104 - to be found
def test_name_of_a_wildcard_is_found(address: str) -> None:
    assert judge(address)[0] is Outcome.FAIL


def test_name_of_no_address_is_found() -> None:
    assert judge()[0] is Outcome.FAIL


def test_name_that_could_not_be_asked_for_cannot_be_told() -> None:
    assert judge(error="Temporary failure in name resolution")[0] is Outcome.ERROR
    assert judge("192.0.2.10", name="another")[0] is Outcome.ERROR


def test_localhost_resolves_to_loopback() -> None:
    found = resolved_names.resolve("localhost")
    assert set(found.addresses) <= {"127.0.0.1", "::1"}
    assert found.addresses
