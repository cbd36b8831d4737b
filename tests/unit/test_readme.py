"""README's tables and example are true."""

from __future__ import annotations

import pathlib
import re

import pytest

from pytest_lxdsec import options
from pytest_lxdsec.guide import sections
from pytest_lxdsec.session import catalogue

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    text = README.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_option_table_names_every_option() -> None:
    told = [row[0].strip("`") for row in rows("Options")]
    assert told == [
        option.flag if option.is_switch else f"{option.flag}={option.metavar}"
        for option in options.OPTIONS
    ]


def test_option_table_says_what_repeats() -> None:
    told = {row[0].strip("`").partition("=")[0] for row in rows("Options") if "(repeat" in row[1]}
    assert told == {option.flag for option in options.OPTIONS if option.repeats}


def test_control_table_is_the_catalogue() -> None:
    told = [tuple(row) for row in rows("Controls")]
    assert told == [
        (f"[{made.id}]({made.guide_url})", made.severity.value, made.level.value, made.title)
        for made in catalogue.packaged()
    ]


OUTPUT = README.partition("<!-- output: begin -->")[2].partition("<!-- output: end -->")[0]


def test_output_tells_of_controls_as_they_are() -> None:
    told = re.findall(r"^(CRITICAL|HIGH|MEDIUM|LOW) (LXD-\w+-\d+) (.+)$", OUTPUT, re.MULTILINE)
    known = {made.id: (made.severity.value.upper(), made.title) for made in catalogue.packaged()}
    assert len(told) > 1
    assert [(severity, title) for severity, _, title in told] == [known[one] for _, one, _ in told]


def test_output_tells_the_state_of_every_section() -> None:
    told = re.findall(r"^(\w.*?) {2,}(?:FAIL|ok|CANNOT TELL)", OUTPUT, re.MULTILINE)
    sections_ = {" > ".join(sections.BY_ANCHOR[c.section].path) for c in catalogue.packaged()}
    assert set(told) == sections_


def test_output_has_every_result_of_the_run() -> None:
    (collected,) = re.findall(r"^collected (\d+) items", OUTPUT, re.MULTILINE)
    ended = OUTPUT.rstrip("`\n ").rpartition("\n")[2]
    assert sum(map(int, re.findall(r"(\d+) (?:failed|passed|skipped|error)", ended))) == int(
        collected
    )


def example() -> str:
    found = re.search(r"<!-- example: test_site.py -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_example_control_judges_every_instance(
    pytester: pytest.Pytester, evidence_file: pathlib.Path
) -> None:
    pytester.makepyfile(test_site=example())
    result = pytester.runpytest(
        "test_site.py", f"--lxd-host=evidence:{evidence_file}", "-k", "test_memory_is_limited"
    )
    outcomes = result.parseoutcomes()
    assert outcomes.get("errors", 0) == 0
    assert outcomes.get("failed", 0) + outcomes.get("passed", 0) > 1
    result.stdout.fnmatch_lines(["*ACME-01 Containers have a memory limit*"])
