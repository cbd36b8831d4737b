"""A container with LXD's socket among its mounts is an administrator of the host.

It is tried from inside: otherwise LXD-LOC-05 and LXD-LOC-06 might call a harmless mount critical.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from pytest_lxdsec.lab import Lab
from tests.support import judging

from . import both_ways, required

PERL = "/usr/bin/perl"  # every Debian has it, and it needs no module for a socket
ASK = (
    "socket(S, 1, 1, 0) && connect(S, pack('S a108', 1, '/door')) || die $!;"
    'syswrite(S, "GET /1.0 HTTP/1.0\\r\\n\\r\\n"); undef $/; print <S>'
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Yield a lab for this module alone, with the socket mounted in one container."""
    with required.throw_away() as lab:
        both_ways.run(
            lab,
            "lxc config device add privileged door disk"
            " source=/var/lib/lxd/unix.socket path=/door",
        )
        yield lab


def ask(lab: Lab) -> str:
    """Send a request to the socket from inside the container, with the host's perl."""
    for path in (PERL, *libraries()):
        both_ways.run(lab, f"lxc file push --create-dirs {path} privileged{path}")
    done = lab.run("lxc", "exec", "privileged", "--", PERL, "-e", ASK, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def libraries() -> list[str]:
    """Return the paths of perl's shared libraries and its loader."""
    done = subprocess.run(["ldd", PERL], stdout=subprocess.PIPE, text=True, check=True)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def test_container_with_the_socket_is_trusted_and_found(lab: Lab) -> None:
    answer = json.loads(ask(lab).partition("\r\n\r\n")[2])
    assert answer["metadata"]["auth"] == "trusted"
    assert answer["metadata"]["config"] == {"core.https_address": "[::]:8443"}
    found = judging.judge(both_ways.see(lab))
    for control in ("LXD-LOC-05", "LXD-LOC-06"):
        assert found[control, "instance/default/privileged"].verdict.value == "fail"
