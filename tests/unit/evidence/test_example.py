"""The example that ships: a whole host's evidence, which says all that a live audit would say."""

from __future__ import annotations

import collections
import json
import pathlib
import re

import pytest

from pytest_lxdsec.evidence import evidence_file, model, parts
from pytest_lxdsec.verdict import Outcome
from tests.support import judging

PATH = pathlib.Path(evidence_file.__file__).with_name("example.json")
AGAIN, ANEW = "gather it again", "record it anew: make example"
MOST_BYTES = 260_000


@pytest.fixture(scope="module")
def example() -> model.Evidence:
    return evidence_file.load(PATH)


@pytest.fixture(scope="module")
def results(example: model.Evidence) -> judging.Results:
    return judging.judge(example)


def test_no_part_is_missing(example: model.Evidence) -> None:
    missing = {
        name: dict(entry) for name, entry in example.document.items() if parts.MISSING in entry
    }
    assert missing == {}, ANEW


def test_everything_can_be_told(results: judging.Results) -> None:
    errors = {
        key: judging.text(result)
        for key, result in results.items()
        if result.verdict is Outcome.ERROR
    }
    assert errors == {}, ANEW


def test_it_is_of_today_s_sweep(results: judging.Results) -> None:
    """A control that an older sweep has nothing to say to leaves it to a person."""
    asked = {key: result.reason for key, result in results.items() if AGAIN in result.reason}
    assert asked == {}, ANEW


def test_it_shows_passes_and_findings_on_many_subjects(results: judging.Results) -> None:
    told = collections.Counter(result.verdict for result in results.values())
    assert told[Outcome.PASS] >= 60
    assert told[Outcome.FAIL] >= 25


def test_every_part_of_the_guide_is_judged(results: judging.Results) -> None:
    sections = {made.id: made.section for made in judging.controls()}
    judged = {
        sections[result.control]
        for result in results.values()
        if result.verdict in (Outcome.PASS, Outcome.FAIL)
    }
    assert judged == {made.section for made in judging.controls()}


def test_it_is_of_a_host_with_what_a_lab_lacks(example: model.Evidence) -> None:
    """AppArmor in force: a stacked label on every container's init."""
    labels = [container.label for container in example.containers]
    assert labels
    assert all("(enforce)" in label for label in labels)


def test_it_names_no_place_but_its_own() -> None:
    """No mirror, no directory of whoever recorded it."""
    text = PATH.read_text()
    assert set(re.findall(r"\w+://[^\s\"\\]*", text)) == {"ssh://root@lxd.example.net"}
    places = set(re.findall(r'"(/[a-z]\w*)', text))
    assert places <= {"/bin", "/dev", "/lxc", "/lxd", "/proc", "/run", "/sys", "/usr", "/var"}


def test_it_is_small_and_as_the_tool_writes_it(example: model.Evidence) -> None:
    text = PATH.read_text()
    assert len(text) <= MOST_BYTES
    assert text == evidence_file.dumps(example)
    assert json.loads(text)["version"] == evidence_file.VERSION
