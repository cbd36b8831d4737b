"""Labs for tests: skipped with the reason where there can be none, red where one is required."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs

VARIABLE = "LXDSEC_LAB"  # `required` in .ci/run


@contextlib.contextmanager
def throw_away(
    scenario: labs.scenarios.Scenario = labs.scenarios.DEFAULT,
) -> Iterator[labs.Lab]:
    """A lab, ended with the block."""
    with contextlib.ExitStack() as stack:
        try:
            here = stack.enter_context(labs.throw_away(scenario=scenario))
        except labs.LabUnavailable as reason:
            if os.environ.get(VARIABLE) == "required":
                pytest.fail(f"a lab is required here: {reason}", pytrace=False)
            pytest.skip(str(reason))
        yield here
