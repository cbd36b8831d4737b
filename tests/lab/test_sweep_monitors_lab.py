"""Processes that only claim to be a container's monitor are not believed: real processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.lab import scenario

from . import sweeping, waiting

MONITOR = "[lxc monitor] /var/lib/lxd/containers plain"

# A container's root: bash with its libraries, and a copy of it under the name of LXD's program.
FURNISH = r"""
root=/var/lib/lxd/storage-pools/default/containers/privileged/rootfs
mkdir $root/ill && cp /bin/bash $root/ill/lxd
for file in $(ldd /bin/bash | grep -o '/[^ ]*'); do
    test -e $root$file || { install -D $file $root$file && echo $file >> $root/ill/brought; }
done
"""
CLEAR = r"""
root=/var/lib/lxd/storage-pools/default/containers/privileged/rootfs
for file in $(cat $root/ill/brought); do rm $root$file; done
rm -r $root/ill
"""
# It changes its title but stays the same process; its first child is a PID 1.
BECOME = 'exec -a "{title}" {program} <<< "sleep 4242; :"'


def titled(title: str, program: str) -> str:
    return BECOME.format(title=title, program=program)


@contextlib.contextmanager
def running(lab: labs.Lab, script: str) -> Iterator[int]:
    """Run a process tree in the lab; yield the id of the process with the title."""
    lab.shell(f"setsid -f {script} > /dev/null 2>&1 < /dev/null")
    waiting.until(lambda: bool(sleepers(lab)))
    (child,) = sleepers(lab)
    try:
        yield parent(lab, child)
    finally:
        lab.shell(f"kill -9 {child} {parent(lab, child)}")
        waiting.until(lambda: not sleepers(lab))


def sleepers(lab: labs.Lab) -> list[int]:
    return [int(word) for word in lab.run("pgrep", "-xf", "sleep 4242").stdout.split()]


def parent(lab: labs.Lab, pid: int) -> int:
    return int(lab.run("ps", "-o", "ppid=", "-p", str(pid)).stdout)


@pytest.fixture
def furnished(lab: labs.Lab) -> Iterator[None]:
    assert lab.shell(FURNISH).returncode == 0
    yield
    assert lab.shell(CLEAR).returncode == 0


@pytest.mark.usefixtures("furnished")
def test_root_of_a_privileged_container_is_not_believed_to_be_a_monitor(lab: labs.Lab) -> None:
    hostile = titled(MONITOR, "/ill/lxd")
    with running(lab, f"lxc exec privileged -- unshare -p /ill/lxd -c '{hostile}'") as pid:
        seen = disguise(lab, pid)
        found = sweeping.containers(sweeping.parts(lab))
    # It looks like a monitor except for its namespace.
    assert seen == (MONITOR, "lxd", ["0"] * 4, True)
    assert found[scenario.PLAIN]["pid"] == sweeping.states(lab)[scenario.PLAIN]["state"]["pid"]


def disguise(lab: labs.Lab, pid: int) -> tuple[str, str, list[str], bool]:
    """Return a process's title, program, user ids and user namespace, as seen by the host."""
    script = (
        f"tr -d '\\0' < /proc/{pid}/cmdline; echo; basename $(readlink /proc/{pid}/exe); "
        f"grep ^Uid: /proc/{pid}/status; readlink /proc/{pid}/ns/user /proc/1/ns/user"
    )
    title, program, uids, own, host_ = lab.shell(script).stdout.decode().splitlines()
    return title, program, uids.split()[1:], own == host_


@pytest.mark.parametrize(
    ("title", "program"),
    [
        # Like a setuid program that a user of the host started under this name.
        (MONITOR, "/bin/bash"),
        # Like a monitor of another daemon on this host.
        ("[lxc monitor] /srv/lxd/containers plain", "/run/ill/lxd"),
    ],
)
def test_process_of_the_host_is_not_believed_to_be_our_monitor(
    lab: labs.Lab, title: str, program: str
) -> None:
    lab.shell("mkdir -p /run/ill && cp /bin/bash /run/ill/lxd")
    with running(lab, f"unshare -p bash -c '{titled(title, program)}'"):
        found = sweeping.containers(sweeping.parts(lab))
    lab.shell("rm -r /run/ill")
    assert found[scenario.PLAIN]["pid"] == sweeping.states(lab)[scenario.PLAIN]["state"]["pid"]


def test_container_of_another_daemon_is_a_neighbour(lab: labs.Lab) -> None:
    lab.shell("mkdir -p /run/ill && cp /bin/bash /run/ill/lxd")
    title = "[lxc monitor] /srv/lxd/containers plain"
    with running(lab, f"unshare -Up --map-root-user bash -c '{titled(title, '/run/ill/lxd')}'"):
        of_itself = sweeping.parts(lab)["host.view"]["value"]["neighbours"]
    with running(lab, f"unshare -p bash -c '{titled(title, '/run/ill/lxd')}'") as pid:
        found = sweeping.parts(lab)["host.view"]["value"]["neighbours"]
        (init,) = lab.run("pgrep", "-P", str(pid)).stdout.split()
    lab.shell("rm -r /run/ill")
    # A process in a user namespace of its own is not the host's root, whatever its title.
    assert of_itself == []
    assert [(one["lxc_path"], one["lxc_name"]) for one in found] == [
        ("/srv/lxd/containers", "plain")
    ]
    assert found[0]["pid"] == int(init)


def test_two_monitors_of_one_name_are_both_not_believed(lab: labs.Lab) -> None:
    # Only the host's root can cause this; then the container cannot be determined.
    lab.shell("mkdir -p /run/ill && cp /bin/bash /run/ill/lxd")
    with running(lab, f"unshare -p bash -c '{titled(MONITOR, '/run/ill/lxd')}'"):
        found = sweeping.containers(sweeping.parts(lab))
    lab.shell("rm -r /run/ill")
    assert scenario.PLAIN not in found
    assert scenario.ISOLATED in found
