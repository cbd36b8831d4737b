"""Files of evidence: those of the version before are read, too."""

from __future__ import annotations

import json

from pytest_lxdsec.evidence import evidence_file
from tests.support import evidence_documents


def test_version_1_is_read_with_the_names_of_its_parts() -> None:
    document = evidence_documents.baseline()
    old = {new: name for name, new in evidence_file.RENAMED.items()}
    parts = {old.get(name, name): entry for name, entry in document["parts"].items()}
    assert set(evidence_file.RENAMED) <= set(parts)
    before = evidence_file.loads(json.dumps(document), name="new.json")
    after = evidence_file.loads(
        json.dumps(document | {"version": 1, "parts": parts}), name="old.json"
    )
    assert evidence_file.dumps(after) == evidence_file.dumps(before)
