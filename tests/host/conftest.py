"""The host that all tests share; one that changes it puts it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import required, vm

pytest.register_assert_rewrite("tests.host.both_ways")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vm.Vm]:
    """A running Debian with systemd, AppArmor and LXD, and the default scenario on it."""
    with required.running(tmp_path_factory.mktemp("host")) as here:
        yield here
