"""What all tests share: pytester in a clean environment, and evidence made by hand."""

from __future__ import annotations

import pathlib

import pytest

from tests.support import evidence_documents

pytest_plugins = ["pytester"]
# What would make a session inside of a test another than the test asks for.
LEAKS = (
    "PYTEST_ADDOPTS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    "PYTEST_PLUGINS",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
)


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a pytester that knows nothing of how these tests themselves are run."""
    for name in LEAKS:
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\n")  # whatever lies above the directory is not looked at
    return pytester


@pytest.fixture(scope="session")
def evidence_file(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a saved file of evidence by which no control fails."""
    path = tmp_path_factory.mktemp("evidence") / "baseline.json"
    return evidence_documents.write(evidence_documents.baseline(), path)
