"""Changes in a lab stay in it, and its processes see a machine of their own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab

# The fixture skips the tests if this machine cannot run a lab, or fails them if it must.
pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(scope="module")
def here() -> Iterator[lab.Lab]:
    with lab.throw_away(scenario=lab.scenarios.BARE) as bare:
        yield bare


def test_account_made_inside_is_not_on_the_machine(here: lab.Lab) -> None:
    done = here.shell("useradd --groups lxd lxdsec-guest && getent group lxd")
    assert b"lxdsec-guest" in done.stdout
    assert "lxdsec-guest" not in pathlib.Path("/etc/group").read_text()


def test_file_of_the_machine_is_changed_in_the_view_only(
    here: lab.Lab, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "file"
    file.write_text("machine")
    done = here.shell(f"cat {file}; echo lab > {file}; cat {file}")
    assert done.stdout == b"machinelab\n"
    assert file.read_text() == "machine"


MOUNTED = """\
mount -t tmpfs tmpfs /srv && echo machine > /srv/file && mkdir /srv/deep
mount -t tmpfs tmpfs /srv/deep && echo deep > /srv/deep/file
mount --bind /etc/fstab /etc/hostname && mount --bind /etc/fstab /etc/resolv.conf
exec "$0" -c "$1"
"""
LOOK = """\
from pytest_lxdsec import lab
with lab.throw_away(scenario=lab.scenarios.BARE) as here:
    done = here.shell("cat /srv/file /srv/deep/file; echo lab > /srv/file; hostname")
print(done.stdout.decode() + open("/srv/file").read())
"""


def test_other_file_systems_of_the_machine_are_part_of_the_view() -> None:
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-e", "-c", MOUNTED, sys.executable, LOOK],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(lab.__file__).parents[2])},
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"machine\ndeep\nlab\nmachine\n\n"


NESTED = """\
from pytest_lxdsec import lab
with lab.throw_away(scenario=lab.scenarios.BARE) as here:
    print(here.shell("lxc project list -f csv").stdout.decode())
"""


def test_lab_starts_where_the_root_is_an_overlay_and_cgroup2_at_its_usual_place(
    here: lab.Lab,
) -> None:
    packages = str(pathlib.Path(lab.__file__).parents[2])
    done = here.run("env", f"PYTHONPATH={packages}", sys.executable, "-c", NESTED)
    assert b"tenants" in done.stdout
    assert here.run("find", "/run/lxdsec", "/sys/fs/cgroup/lxdsec").stdout == b""


def test_name_servers_of_the_machine_are_not_asked(here: lab.Lab) -> None:
    assert b"nameserver" not in here.run("cat", "/etc/resolv.conf").stdout


def test_programs_and_packages_of_the_machine_are_there(here: lab.Lab) -> None:
    assert here.shell("dpkg-query -W -f '${Status}' lxd").stdout == b"install ok installed"


@pytest.mark.parametrize("setting", ["/proc/sys/kernel/printk", "/proc/sys/vm/swappiness"])
def test_setting_of_the_whole_kernel_is_read_only(here: lab.Lab, setting: str) -> None:
    done = here.shell(f": > {setting}")
    assert b"Read-only file system" in done.stderr


def test_setting_of_the_network_is_the_labs_own(here: lab.Lab) -> None:
    file = "/proc/sys/net/ipv4/ip_default_ttl"
    before = pathlib.Path(file).read_text()
    assert here.shell(f"echo 33 > {file}; cat {file}").stdout == b"33\n"
    assert pathlib.Path(file).read_text() == before


def test_slab_directory_can_be_closed_in_the_view_only(here: lab.Lab) -> None:
    slab = pathlib.Path("/sys/kernel/slab")
    if not slab.is_dir():
        pytest.skip("this kernel has no /sys/kernel/slab")
    before = slab.stat().st_mode
    assert here.shell(f"chmod 711 {slab}; stat -c %a {slab}").stdout == b"711\n"
    assert slab.stat().st_mode == before


def test_host_name_is_the_labs_own(here: lab.Lab) -> None:
    assert here.run("hostname").stdout == b"lab\n"
    assert os.uname().nodename != "lab"


def test_process_one_is_the_labs_init(here: lab.Lab) -> None:
    inside = here.run("readlink", "/proc/1/ns/pid").stdout.decode().strip()
    assert inside == str(pathlib.Path(f"/proc/{here.pid}/ns/pid").readlink())
    assert inside != str(pathlib.Path("/proc/self/ns/pid").readlink())


def test_network_has_no_route_outside(here: lab.Lab) -> None:
    routes = here.shell("ip route show default; ip -6 route show default").stdout
    assert routes == b""


def test_root_of_the_control_groups_is_the_labs_own(here: lab.Lab) -> None:
    done = here.shell("stat -f -c %T /sys/fs/cgroup; ls -d /sys/fs/cgroup/init.scope")
    assert done.stdout == b"cgroup2fs\n/sys/fs/cgroup/init.scope\n"


def test_current_directory_is_the_labs_root(here: lab.Lab) -> None:
    assert here.run("pwd").stdout == b"/\n"


def test_environment_of_the_outside_stays_outside(
    here: lab.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LXD_SOCKET", "/nowhere")
    names = {line.partition(b"=")[0] for line in here.run("env").stdout.splitlines()}
    assert names == {b"HOME", b"PATH", b"LANG", b"USER"}


def test_command_gets_its_input_and_gives_its_status(here: lab.Lab) -> None:
    done = here.run("sh", "-c", "tr a-z A-Z; exit 7", input=b"abc")
    assert (done.stdout, done.returncode) == (b"ABC", 7)


def test_command_that_takes_too_long_is_killed_inside(here: lab.Lab) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        here.run("sleep", "4242", timeout=0.3)
    assert here.run("pgrep", "-f", "sleep 4242").stdout == b""


def test_orphan_is_reaped(here: lab.Lab) -> None:
    adopted = "setsid -f sleep 0.5; until pgrep --parent 1 -x sleep; do :; done"
    reaped = "while pgrep --parent 1 -x sleep; do sleep 0.05; done"
    assert here.run("sh", "-c", adopted, timeout=10).returncode == 0
    assert here.run("sh", "-c", reaped, timeout=10).returncode == 0


def test_daemon_leaves_the_machines_lxd_directory_alone(here: lab.Lab) -> None:
    inside = here.run("ls", "/var/lib/lxd").stdout.split()
    assert b"unix.socket" in inside
    machine = pathlib.Path("/var/lib/lxd/unix.socket")
    assert not machine.exists() or not machine.samefile(here.socket)
