"""Hypothesis is slow to import: only a search that draws frames does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_lxdsec.firewall.spoofing import random_search, search

LISTED = """
import sys
from pytest_lxdsec.session import catalogue
assert catalogue.packaged()
print(*({"hypothesis", "pylxd", "requests", "testinfra"} & set(sys.modules)))
"""


def test_controls_are_listed_without_heavy_imports() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTED], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "\n"


@pytest.mark.parametrize("examples", [20, 100])
def test_sample_is_the_same_in_every_process(examples: int) -> None:
    sample = random_search._sample(examples)
    assert len(sample) > examples / 2
    assert all(isinstance(recipe, search.Recipe) and not recipe.kind for recipe in sample)
    code = (
        "from pytest_lxdsec.firewall.spoofing import random_search\n"
        f"print(random_search._sample({examples}))"
    )
    for seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert done.stdout == f"{sample}\n"
