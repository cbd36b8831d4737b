"""What has to happen before any test of the checkout is imported."""

from __future__ import annotations

import pytest

# Modules of tests that assert and are no test files: pytest explains a failed assertion only in
# those it was told of before their first import, which may be by any directory's conftest.py.
pytest.register_assert_rewrite("tests.lab.both_ways", "tests.host.both_ways")
