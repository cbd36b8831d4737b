"""README's tables and example are true."""

from __future__ import annotations

import pathlib
import re

import pytest

from pytest_lxdsec import catalogue, options

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
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
