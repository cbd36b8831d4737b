"""The lab that these tests share: one real LXD with the default scenario."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs

from . import required


@pytest.fixture(scope="session")
def lab() -> Iterator[labs.Lab]:
    """A running lab with the default scenario; a test puts back what it changes."""
    with required.throw_away() as here:
        yield here
