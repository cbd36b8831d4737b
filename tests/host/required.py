"""Hosts for tests: only on request, else the test is skipped.

The first host costs minutes of two processors, so a plain run of all tests does not build it:
`make test-host` requests it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import pytest

from tests.host.host_errors import HostBroken, HostUnavailable

from . import ready, vm

VARIABLE = "LXDSEC_HOST"
WANTED, REQUIRED = "wanted", "required"  # required: a missing requirement is a failure


@contextlib.contextmanager
def running(directory: pathlib.Path, release: str = "") -> Iterator[vm.Vm]:
    """Run a host with the default scenario for the length of a `with` block.

    See `ready.running` for the arguments.
    """
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
