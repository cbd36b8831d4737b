"""What a suite without a plan does: one `lxc exec` for each check of each container.

Run by `bench` inside a lab, with testinfra's own `lxc://` backend: what anybody would write
first. It checks less than we do.
"""

from __future__ import annotations

import json
import subprocess

import pytest
import testinfra

FILES = ("/etc/passwd", "/etc/group", "/proc/self/status", "/proc/self/uid_map", "/proc/mounts")
CHECKS = tuple((file, test) for file in FILES for test in ("-e", "-r", "-f", "-s"))


def containers() -> list[str]:
    listed = subprocess.run(
        ["lxc", "list", "--format=json"], check=True, capture_output=True, timeout=60
    )
    return sorted(entry["name"] for entry in json.loads(listed.stdout))


@pytest.mark.parametrize("name", containers())
@pytest.mark.parametrize(("file", "test"), CHECKS)
def test_file(name: str, file: str, test: str) -> None:
    host = testinfra.get_host(f"lxc://{name}")
    assert host.run("test %s %s", test, file).rc in (0, 1)
