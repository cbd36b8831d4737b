"""Hosts for tests: only where asked for, skipped with the reason where there can be none.

A host costs minutes of two processors the first time, so no plain run of all tests builds one:
`make test-host` asks for it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.host.faults import HostBroken, HostUnavailable

from . import ready, vm

VARIABLE = "LXDSEC_HOST"
WANTED, REQUIRED = "wanted", "required"  # required: what is missing is a failure


@contextlib.contextmanager
def running(directory: pathlib.Path, release: str = "") -> Iterator[vm.Vm]:
    """Run a host with the default scenario for the length of the block; see `ready.running`."""
    asked = os.environ.get(VARIABLE, "")
    if asked not in (WANTED, REQUIRED):
        pytest.skip("host: not asked for: make test-host")
    with contextlib.ExitStack() as stack:
        try:
            here = stack.enter_context(ready.running(directory, release))
        except (HostBroken, HostUnavailable) as reason:
            if asked == REQUIRED:
                pytest.fail(f"a host is required here: {reason}", pytrace=False)
            pytest.skip(str(reason))
        yield here
