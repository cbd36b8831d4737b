"""LXD-API-08 and LXD-API-09: who may do everything, in 5.0, 5.21 and 6.x; and with what key."""

from __future__ import annotations

import pytest

from pytest_lxdsec.policy import Policy
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_certificates, evidence_documents, judging
from tests.support.evidence_api import TAKEN, Json
from tests.support.evidence_certificates import YEAR
from tests.support.evidence_documents import Document, add, patch

STORED = "certificate/c1c1c1c1c1c1"
NOBODY = Policy(admins=())


def judge(
    document: Document, subject: str = STORED, site: Policy = NOBODY, control: str = "LXD-API-08"
) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document), site=site)[control, subject]
    return found.verdict, judging.text(found) if found.finding else found.reason


def stored(**changes: object) -> Document:
    document = evidence_documents.baseline()
    for field, value in changes.items():
        document = patch(document, "certificates", 0, field, to=value)
    return document


def identity(kind: str, *groups: str, method: str = "tls") -> Json:
    """Return an identity as 5.21 and 6.x list it."""
    return {
        "authentication_method": method,
        "type": kind,
        "id": "alice@example.org" if method == "oidc" else "a1" * 32,
        "name": "alice",
        "groups": list(groups),
        "tls_certificate": evidence_api.CERTIFICATE if method == "tls" else "",
    }


def group(name: str, entitlement: str, entity: str = "server", url: str = "/1.0") -> Json:
    permission = {"entity_type": entity, "url": url, "entitlement": entitlement}
    return {"name": name, "permissions": [permission]}


def with_identity(entry: Json, *groups: Json) -> Document:
    document = add(evidence_documents.baseline(), "identities", entry=entry)
    for one in groups:
        document = add(document, "groups", entry=one)
    return document


TLS = "certificate/a1a1a1a1a1a1"
OIDC = "certificate/alice@example.org"


def test_restricted_client_is_no_administrator() -> None:
    assert judge(evidence_documents.baseline())[0] is Outcome.PASS


@pytest.mark.parametrize("projects", [[], ["tenants"], None])
def test_unrestricted_client_is_one_whatever_its_projects(projects: object) -> None:
    assert judge(stored(restricted=False, projects=projects))[0] is Outcome.FAIL


def test_without_a_policy_it_is_for_people_to_say() -> None:
    outcome, reason = judge(stored(restricted=False), site=Policy())
    assert outcome is Outcome.MANUAL
    assert "add it to policy api.admins" in reason


@pytest.mark.parametrize("name", ["ci", "C1" * 32, "c1c1c1c1c1c1"])
def test_administrator_that_is_named_passes(name: str) -> None:
    assert judge(stored(restricted=False), site=Policy(admins=(name,)))[0] is Outcome.PASS


@pytest.mark.parametrize("name", ["c", "c1c1", "ci2", ""])
def test_part_of_a_name_is_not_the_name(name: str) -> None:
    assert judge(stored(restricted=False), site=Policy(admins=(name,)))[0] is Outcome.FAIL


def test_metrics_client_is_no_administrator() -> None:
    assert judge(stored(type="metrics", restricted=False))[0] is Outcome.PASS


def test_server_certificate_without_a_cluster_is_one() -> None:
    outcome, text = judge(stored(type="server"))
    assert outcome is Outcome.FAIL
    assert "lxc config trust remove" in text


def test_repair_restricts_the_client() -> None:
    _, text = judge(stored(restricted=False))
    assert f"/1.0/certificates/{'c1' * 32}" in text


@pytest.mark.parametrize(
    "kind", ["Client certificate (unrestricted)", "Initial UI token bearer", "Server certificate"]
)
def test_identity_of_a_full_type_is_one(kind: str) -> None:
    assert judge(with_identity(identity(kind)), TLS)[0] is Outcome.FAIL


def test_identity_that_is_stored_too_is_judged_once() -> None:
    document = with_identity(identity("Client certificate (restricted)") | {"id": "c1" * 32})
    subjects = {
        subject
        for control, subject in judging.judge(evidence_documents.evidence(document))
        if control == "LXD-API-08"
    }
    assert subjects == {STORED}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (group("ops", "admin"), Outcome.FAIL),
        (group("ops", "permission_manager"), Outcome.FAIL),
        (group("ops", "can_edit_groups"), Outcome.FAIL),
        (group("ops", "can_edit_identities"), Outcome.FAIL),
        (group("ops", "can_edit"), Outcome.FAIL),
        (group("ops", "can_view"), Outcome.PASS),
        (group("ops", "can_edit_identity_provider_groups"), Outcome.FAIL),
        (group("ops", "can_edit_projects"), Outcome.FAIL),
        (group("ops", "project_manager"), Outcome.FAIL),
        (group("ops", "storage_pool_manager"), Outcome.PASS),
        (group("ops", "can_edit", entity="project"), Outcome.PASS),
        (group("ops", "can_edit", entity="identity"), Outcome.FAIL),
        (group("ops", "can_edit", entity="certificate"), Outcome.FAIL),
        (group("ops", "can_edit", entity="identity_provider_group"), Outcome.FAIL),
        (group("ops", "can_delete", entity="identity"), Outcome.PASS),
        (group("ops", "can_edit", entity="group", url="/1.0/auth/groups/ops"), Outcome.FAIL),
        (group("ops", "can_edit", entity="group", url="/1.0/auth/groups/op"), Outcome.PASS),
        (group("ops", "can_view", entity="group", url="/1.0/auth/groups/ops"), Outcome.PASS),
        (group("o p", "can_edit", entity="group", url="/1.0/auth/groups/o%20p"), Outcome.FAIL),
    ],
)
def test_group_decides_what_a_fine_grained_client_may(found: Json, outcome: Outcome) -> None:
    document = with_identity(identity("Client certificate", found["name"]), found)
    assert judge(document, TLS)[0] is outcome


def test_editor_of_another_group_of_ones_own_is_an_administrator() -> None:
    edit = group("ops", "can_edit", entity="group", url="/1.0/auth/groups/dev")
    dev = group("dev", "can_view")
    document = with_identity(identity("Client certificate", "dev", "ops"), edit, dev)
    assert judge(document, TLS)[0] is Outcome.FAIL


def test_built_in_group_of_administrators_needs_no_permission() -> None:
    admins = {"name": "admins", "permissions": []}
    _, text = judge(with_identity(identity("Client certificate", "admins"), admins), TLS)
    assert f"lxc auth identity group remove tls/{'a1' * 32} admins" in text


def test_group_that_is_not_listed_cannot_be_told() -> None:
    assert judge(with_identity(identity("Client certificate", "ops")), TLS)[0] is Outcome.ERROR


def test_client_of_an_identity_provider_is_judged_by_its_groups() -> None:
    document = with_identity(identity("OIDC client", "ops", method="oidc"), group("ops", "admin"))
    assert judge(document, OIDC)[0] is Outcome.FAIL
    assert judge(document, OIDC, Policy(admins=("alice@example.org",)))[0] is Outcome.PASS


def test_group_of_the_provider_that_makes_administrators_is_for_people_to_judge() -> None:
    document = with_identity(identity("OIDC client", method="oidc"), group("ops", "admin"))
    document = add(document, "provider_groups", entry={"name": "sre", "groups": ["ops"]})
    outcome, reason = judge(document, OIDC)
    assert outcome is Outcome.MANUAL
    assert "if the identity provider has it in sre" in reason


PROVIDED = "certificate/identity-provider-group/sre"


def with_provided(*groups: Json) -> Document:
    """Return a provider's group that maps to these groups, before any login."""
    document = evidence_documents.baseline()
    for one in groups:
        document = add(document, "groups", entry=one)
    entry = {"name": "sre", "groups": [one["name"] for one in groups]}
    return add(document, "provider_groups", entry=entry)


def test_group_of_the_provider_is_judged_before_anybody_logs_in() -> None:
    outcome, reason = judge(with_provided(group("ops", "admin")), PROVIDED)
    assert outcome is Outcome.MANUAL
    assert "only the provider knows its members" in reason
    assert judge(with_provided(group("ops", "can_view")), PROVIDED)[0] is Outcome.PASS


def test_group_of_the_provider_may_be_named() -> None:
    document = with_provided(group("ops", "admin"))
    assert judge(document, PROVIDED, Policy(admins=("sre",)))[0] is Outcome.PASS


def test_group_of_the_provider_for_a_group_that_is_not_listed_cannot_be_told() -> None:
    entry = {"name": "sre", "groups": ["ops"]}
    document = add(evidence_documents.baseline(), "provider_groups", entry=entry)
    assert judge(document, PROVIDED)[0] is Outcome.ERROR


def with_options(*options: str) -> Document:
    document = evidence_documents.baseline()
    for option in options:
        document = evidence_documents.configure_server(document, option, "https://login.example")
    return document


@pytest.mark.parametrize("option", ["candid.api.url", "oidc.issuer"])
def test_service_whose_every_user_is_an_administrator_is_found(option: str) -> None:
    outcome, text = judge(with_options(option), f"certificate/{option}")
    assert outcome is Outcome.FAIL
    assert f"lxc config unset {option}" in text


def test_service_that_divides_rights_is_for_people_to_judge() -> None:
    document = with_options("candid.api.url", "rbac.api.url")
    assert judge(document, "certificate/candid.api.url")[0] is Outcome.MANUAL


def test_provider_whose_users_are_in_groups_is_no_client_by_itself() -> None:
    document = with_options("oidc.issuer")
    known = ["access_management", "projects"]
    for part in (("server",), ("servers", 0)):
        document = patch(document, *part, "api_extensions", to=known)
    found = judging.judge(evidence_documents.evidence(document))
    assert ("LXD-API-08", "certificate/oidc.issuer") not in found


def test_name_of_two_clients_names_neither() -> None:
    other = evidence_documents.value(evidence_documents.baseline(), "certificates", 0)
    document = stored(restricted=False)
    document = add(document, "certificates", entry=other | {"fingerprint": "d2" * 32})
    outcome, text = judge(document, site=Policy(admins=("ci",)))
    assert outcome is Outcome.FAIL
    assert "2 clients are called ci" in text
    assert judge(document, site=Policy(admins=("c1" * 32,)))[0] is Outcome.PASS


def test_trust_in_an_identity_ends_as_identities_do() -> None:
    document = with_identity(identity("Initial UI token bearer", method="bearer"))
    _, text = judge(document, TLS)
    assert f"lxc auth identity delete bearer/{'a1' * 32}" in text


def test_certificate_that_lxd_does_not_tell_cannot_be_told() -> None:
    document = with_identity(identity("Client certificate") | {"tls_certificate": ""})
    assert judge(document, TLS, control="LXD-API-09")[0] is Outcome.ERROR


def test_client_that_was_only_invited_has_no_certificate() -> None:
    entry = identity("Client certificate (pending)") | {"tls_certificate": ""}
    outcome, _ = judge(with_identity(entry), TLS, control="LXD-API-09")
    assert outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("ends", "extensions", "outcome"),
    [
        ("2126-01-01T00:00:00.123456789Z", [], Outcome.MANUAL),
        ("0001-01-01T00:00:00Z", [], Outcome.MANUAL),
        (None, [], Outcome.MANUAL),
        (None, ["access_management_expiry"], Outcome.NOT_APPLICABLE),
        ("2020-01-01T00:00:00Z", [], Outcome.NOT_APPLICABLE),
        ("soon", [], Outcome.ERROR),
    ],
)
def test_token_of_a_bearer_is_for_people_to_judge(
    ends: object, extensions: list[str], outcome: Outcome
) -> None:
    entry = identity("Client token bearer", method="bearer") | {"expires_at": ends}
    document = patch(with_identity(entry), "server", "api_extensions", to=extensions)
    assert judge(document, TLS, control="LXD-API-09")[0] is outcome


def test_identity_without_a_certificate_has_no_key() -> None:
    document = with_identity(identity("OIDC client", method="oidc"))
    assert judge(document, OIDC, control="LXD-API-09")[0] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("pem", "outcome"),
    [
        (evidence_api.CERTIFICATE, Outcome.PASS),
        (evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="rsa2048"), Outcome.PASS),
        (evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="rsa1024"), Outcome.FAIL),
        (evidence_certificates.pem(TAKEN - YEAR, TAKEN + YEAR, kind="ec192"), Outcome.FAIL),
        (evidence_certificates.pem(TAKEN - 2 * YEAR, TAKEN - YEAR), Outcome.FAIL),
        (evidence_certificates.SHA1, Outcome.FAIL),
        ("", Outcome.ERROR),
        ("no certificate", Outcome.ERROR),
    ],
)
def test_certificate_is_looked_into(pem: str, outcome: Outcome) -> None:
    assert judge(stored(certificate=pem), control="LXD-API-09")[0] is outcome
