"""LXD-API-10: authorities, and their revocation lists."""

from __future__ import annotations

import os

import pytest

from pytest_lxdsec.sweep.remote import pki
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_certificates, evidence_documents, evidence_sweep, judging
from tests.support.evidence_api import TAKEN
from tests.support.evidence_certificates import YEAR
from tests.support.evidence_documents import Document, configure_server, patch

STARTED = 1000
SNAP = {"SNAP_NAME": "lxd"}
CA = evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, common_name="ca")
GOOD = evidence_certificates.crl(TAKEN - YEAR, TAKEN + YEAR)


def judge(document: Document) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-API-10", "server"]
    return found.verdict, found.reason


def with_files(*, changed: int = 0, document: Document | None = None, **texts: str) -> Document:
    made = document or evidence_documents.baseline()
    for name, text in texts.items():
        place = name.replace("_", ".")
        entry = evidence_sweep.pki_file(place, text, changed=changed)
        made = patch(made, "host.pki", "files", evidence_sweep.PKI_FILES.index(place), to=entry)
    return made


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("true", Outcome.FAIL), ("1", Outcome.FAIL), ("false", Outcome.PASS), ("", Outcome.PASS)],
)
def test_trust_in_all_that_the_authority_signs_is_found(value: str, outcome: Outcome) -> None:
    document = configure_server(evidence_documents.baseline(), "core.trust_ca_certificates", value)
    assert judge(document)[0] is outcome


def test_authority_without_a_list_revokes_nothing() -> None:
    outcome, reason = judge(with_files(server_ca=CA))
    assert outcome is Outcome.FAIL
    assert "without ca.crl: no certificate can be revoked" in reason


def test_list_that_is_signed_in_date_and_loaded_passes() -> None:
    assert judge(with_files(server_ca=CA, ca_crl=GOOD))[0] is Outcome.PASS


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\x30\x82", "is not a revocation list in PEM format"),
        (CA, "is not a revocation list in PEM format"),
        (f"{GOOD[:60]}\n-----END X509 CRL-----\n", "cannot be read"),
        (evidence_certificates.crl(TAKEN - 2 * YEAR, TAKEN - YEAR), "expired on"),
        (evidence_certificates.crl_without_end(TAKEN - YEAR), "has no next update time"),
        (
            evidence_certificates.crl(TAKEN - YEAR, TAKEN + YEAR, signer="rsa2048"),
            "is not signed by",
        ),
    ],
    # Certificates are new in each process: their texts name no test.
    ids=["binary", "certificate", "cut", "outdated", "endless", "stranger's"],
)
def test_list_that_revokes_nothing_is_found(text: str, fault: str) -> None:
    outcome, reason = judge(with_files(server_ca=CA, ca_crl=text))
    assert outcome is Outcome.FAIL
    assert fault in reason


def test_list_that_came_after_the_daemons_start_is_not_in_force() -> None:
    document = with_files(changed=STARTED + 1, server_ca=CA, ca_crl=GOOD)
    assert "has changed since LXD was started" in judge(document)[1]


def test_cluster_has_an_authority_of_its_own() -> None:
    document = with_files(cluster_crt=CA, cluster_ca=CA)
    assert judge(document)[0] is Outcome.FAIL
    assert judge(with_files(cluster_ca=CA))[0] is Outcome.PASS  # no cluster: nobody reads it


def of_version(version: str, package: str = "") -> Document:
    document = with_files(server_ca=CA, ca_crl=GOOD)
    for part in (("server",), ("servers", 0)):
        document = patch(document, *part, "environment", "server_version", to=version)
    document = patch(document, "host.server", "environment", to={} if package else SNAP)
    return patch(document, "host.packages", "lxd", to=package)


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        ("5.0.3", Outcome.FAIL),
        ("5.0.4", Outcome.PASS),
        ("5.21.1", Outcome.FAIL),
        ("5.21.2", Outcome.PASS),
        ("5.20", Outcome.FAIL),
        ("6.1", Outcome.PASS),
    ],
)
def test_release_that_looks_at_no_list_is_found(version: str, outcome: Outcome) -> None:
    assert judge(of_version(version))[0] is outcome


def test_build_of_a_distribution_may_have_the_fix() -> None:
    outcome, reason = judge(of_version("5.0.2", "5.0.2-5+deb12u6"))
    assert outcome is Outcome.ERROR
    assert "5.0.2-5+deb12u6" in reason


def test_package_that_is_not_what_runs_has_no_say() -> None:
    document = of_version("5.21.1", "5.0.2-5+deb12u6")
    assert judge(document)[0] is Outcome.FAIL


def test_start_of_a_process_is_known_to_the_second() -> None:
    with open("/proc/stat", encoding="ascii") as file:  # noqa: PTH123 - as the sweep does
        text = file.read()
    assert pki.started(os.getpid(), text) > pki.started(1, text) - 1
    with pytest.raises(ValueError, match="no time of boot"):
        pki.started(1, "cpu 1 2 3\n")
