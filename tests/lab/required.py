"""Labs for tests: without a lab the test is skipped, or fails if a lab is required."""

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
    """Run a lab for the length of a `with` block."""
    with contextlib.ExitStack() as stack:
        try:
            here = stack.enter_context(labs.throw_away(scenario=scenario))
        except labs.LabUnavailable as reason:
            if os.environ.get(VARIABLE) == "required":
                pytest.fail(f"a lab is required here: {reason}", pytrace=False)
            pytest.skip(str(reason))
        yield here
