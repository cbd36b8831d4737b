"""Parts: declared once each, redacted, and read through one place."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lxdsec.evidence import model, parts, redact
from pytest_lxdsec.verdict import CannotTell, NotAssessed
from tests.support import evidence_api, evidence_documents


def declared() -> dict[str, parts.Part[object]]:
    return {n: p for n, p in vars(model.Evidence).items() if isinstance(p, parts.Part)}


def test_no_two_attributes_read_the_same_part() -> None:
    assert len(model.PARTS) == len(declared())


def test_only_parts_of_our_own_making_are_kept_as_they_are() -> None:
    whole = {name for name, part in model.PARTS.items() if part.redaction is redact.unchanged}
    assert whole == {*model.HOST_PARTS, "probes", "trials"}


@pytest.mark.parametrize("attribute", declared())
def test_missing_part_raises_its_reason(attribute: str) -> None:
    name = declared()[attribute].name
    document = evidence_documents.patch(
        evidence_documents.baseline(), name, to={parts.MISSING: "the disk is full"}
    )
    evidence = evidence_documents.evidence(document)
    with pytest.raises(CannotTell, match=rf"^no {name}: the disk is full$"):
        getattr(evidence, attribute)
    assert evidence.absent(name) == "the disk is full"


def test_part_that_was_not_asked_for_is_not_assessed() -> None:
    document = evidence_documents.without_host(evidence_documents.baseline())
    with pytest.raises(NotAssessed, match=r"^no host\.daemons: the target is an API"):
        _ = evidence_documents.evidence(document).daemons


# Fields that LXD sends as null if they are empty, each in an otherwise valid object.
NULLABLE = (
    ("certificates", "projects", evidence_api.certificates()[0]),
    ("images", "aliases", evidence_api.images()[0]),
    ("groups", "permissions", {"name": "admins"}),
    ("provider_groups", "groups", {"name": "staff"}),
    (
        "identities",
        "expires_at",
        {"authentication_method": "tls", "type": "Client certificate", "id": "1", "name": "web"},
    ),
)


@pytest.mark.parametrize("wrong", [True, {"a": "b"}, [["a"]], [{"a": ["b"]}]], ids=repr)
@pytest.mark.parametrize(("name", "field", "entry"), NULLABLE)
def test_wrong_type_is_not_read_as_null(
    name: str, field: str, entry: dict[str, Any], wrong: object
) -> None:
    """Null means no projects, no permissions, no expiry; a value of another type does not."""
    part = model.PARTS[name]
    for value, readable in ((None, 1), (wrong, 0)):
        found = part.decode(part.redacted({parts.VALUE: [{**entry, field: value}]}))
        assert isinstance(found, parts.Listing)
        assert len(found.objects) == readable


def test_listing_of_another_type_is_missing() -> None:
    part = model.PARTS["groups"]
    for wrong in ({"name": "a"}, "text", None):
        assert isinstance(part.decode(part.redacted({parts.VALUE: wrong})), parts.Absent)
