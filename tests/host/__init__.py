"""Tests on a complete host: a virtual machine with Debian, systemd and LXD."""

import pytest

pytest.register_assert_rewrite("tests.host.both_ways")
