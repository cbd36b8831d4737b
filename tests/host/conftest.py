"""The host that all tests share; a test must undo its changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.both_ways import Verdicts

from . import both_ways, required, vm


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[vm.Vm]:
    """Yield a running Debian with systemd, AppArmor and LXD, and the default scenario on it."""
    with required.running(tmp_path_factory.mktemp("host")) as here:
        yield here


@pytest.fixture(scope="session")
def at_rest(host: vm.Vm) -> Verdicts:
    """Return the results of all controls on the unchanged host."""
    return both_ways.judge(host)
