"""The schema of `report.json`: made from `document`, and shipped as a file that programs can read.

`python -m pytest_lxdsec.reports.schema` writes the file; a test holds it to the types.
"""

from __future__ import annotations

import importlib.resources
import json
import pathlib
from typing import Any

import msgspec

from .document import VERSION, Document

FILE = "report.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = f"A report of pytest-lxdsec, version {VERSION}"


def schema() -> dict[str, Any]:
    """Return the schema of this version."""
    (reference,), definitions = msgspec.json.schema_components([Document])
    for definition in definitions.values():
        # The docstring's first paragraph; what follows explains attributes to programmers.
        definition["description"] = definition["description"].partition("\n\n")[0]
    made = {"$schema": DIALECT, "title": TITLE, **reference, "$defs": definitions}
    content: dict[str, Any] = json.loads(json.dumps(made))
    return content


def shipped() -> dict[str, Any]:
    """Return the file that comes with the package."""
    found = importlib.resources.files(__package__ or "") / FILE
    content: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return content


def _text() -> str:
    return json.dumps(schema(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    pathlib.Path(__file__).with_name(FILE).write_text(_text(), encoding="utf-8")
