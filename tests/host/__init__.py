"""Tests on a whole host."""

import pytest

pytest.register_assert_rewrite("tests.host.both_ways")
