"""The lab that these tests share: a real LXD with the default scenario."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs

from . import required


@pytest.fixture(scope="session")
def lab() -> Iterator[labs.Lab]:
    """Yield a running lab with the default scenario; a test must undo its changes."""
    with required.throw_away() as here:
        yield here
