"""The control group of which the sweep reads the list of devices (v1)."""

from __future__ import annotations

import pathlib

import pytest

from pytest_lxdsec.sweep.containers import device_cgroup


@pytest.mark.parametrize("init", ["/lxc.payload.c1", "/lxc.payload.c1/init.scope"])
def test_list_is_that_of_the_group_that_lxd_made(tmp_path: pathlib.Path, init: str) -> None:
    """A group that root inside creates may be narrower for init than for other processes."""
    inner = tmp_path / "lxc.payload.c1" / "init.scope"
    inner.mkdir(parents=True)
    (inner.parent / "devices.list").write_text("a *:* rwm\n")
    (inner / "devices.list").write_text("c 1:3 rwm\n")
    table = f"30 20 0:40 / {tmp_path} rw - cgroup cgroup rw,devices\n"
    found = device_cgroup.Hierarchies(table).control_of(f"5:devices:{init}\n")
    assert found.rules == "a *:* rwm\n"
