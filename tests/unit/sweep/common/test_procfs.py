"""Parsers of /proc, and the recognition of LXD's daemon and of monitors."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.access import audited_daemon
from pytest_lxdsec.sweep.common import lxd_daemons, procfs
from pytest_lxdsec.sweep.containers import containers

STATUS = """\
Name:\tsh\tx
Umask:\t0022
State:\tS (sleeping)
NSpid:\t4793\t12\t1
Uid:\t100000\t100000\t100000\t100000
Gid:\t100000\t100000\t100000\t100000
Groups:\t4 24 100000\x20
CapEff:\t000001ffffffffff
CapBnd:\t000001ffffffffff
NoNewPrivs:\t0
Seccomp:\t2
Seccomp_filters:\t1
"""


def test_status_holds_the_wanted_fields_only() -> None:
    found = procfs.status_fields(STATUS)
    assert set(found) == set(procfs.STATUS_FIELDS)
    assert found["Groups"] == "4 24 100000"


def test_name_cannot_forge_a_field() -> None:
    # The kernel escapes a line feed in a name.
    found = procfs.status_fields("Name:\tx\\nUid:\t1\nUid:\t0\t0\t0\t0\n")
    assert found == {"Uid": "0\t0\t0\t0"}


def test_kernel_thread_lacks_fields() -> None:
    assert "Groups" not in procfs.status_fields("Name:\tkthreadd\nUid:\t0\t0\t0\t0\n")


def test_ids_are_those_of_each_namespace() -> None:
    assert procfs.ids_by_namespace(procfs.status_fields(STATUS)) == (4793, 12, 1)


@pytest.mark.parametrize("name", ["sh", "a b", ") 1 (", "x) R 99 99"])
def test_parent_and_start_are_found_behind_any_name(name: str) -> None:
    rest = " ".join(str(number) for number in range(4, 53))
    assert procfs.stat_fields(f"42 ({name}) S {rest}\n") == (4, 22)


@pytest.mark.parametrize(
    ("words", "is_daemon"),
    [
        (("lxd", "--group", "lxd"), True),
        (("/usr/bin/lxd",), True),
        (("lxd", "--logfile", "/var/log/lxd/lxd.log"), True),
        (("lxd", "forkdns", "x"), False),
        (("lxd", "waitready"), False),
        (("[lxc monitor] /var/lib/lxd/containers c1",), False),
        ((), False),
    ],
)
def test_daemon_is_known_by_its_command_line(words: tuple[str, ...], *, is_daemon: bool) -> None:
    assert lxd_daemons.is_daemon_command(words) is is_daemon


PATH = "/var/lib/lxd/containers"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((f"[lxc monitor] {PATH} c1",), "c1"),
        ((f"[lxc monitor] {PATH} tenants_c1",), "tenants_c1"),
        # Another daemon's, a prefix of ours, a program with arguments, other titles.
        (("[lxc monitor] /srv/lxd/containers c1",), ""),
        ((f"[lxc monitor] {PATH}2 c1",), ""),
        ((f"[lxc monitor] {PATH} c1", "-s"), ""),
        ((f"[lxc monitor] {PATH}",), ""),
        (("lxd",), ""),
        ((), ""),
    ],
)
def test_monitor_of_our_path_is_known(arguments: tuple[str, ...], name: str) -> None:
    assert containers.monitored(arguments, PATH) == name


def container(name: str, pid: int) -> containers.Container:
    return containers.Container(
        lxc_path=PATH,
        lxc_name=name,
        pid=pid,
        status={},
        uid_map="",
        gid_map="",
        namespaces={},
        label="",
    )


def test_two_processes_with_one_name_are_both_left_out() -> None:
    found = containers.unambiguous([container("a", 3), container("b", 2), container("a", 1)])
    assert [(one.lxc_name, one.pid) for one in found] == [("b", 2)]


def daemon(*arguments: str, **environment: str) -> lxd_daemons.Daemon:
    return lxd_daemons.Daemon(
        pid=1,
        exe="/usr/bin/lxd",
        is_deleted=False,
        uid=0,
        gid=0,
        arguments=arguments,
        environment=environment,
        namespaces={},
        replaced=(),
    )


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({}, "/var/lib/lxd"),
        ({"LXD_DIR": ""}, "/var/lib/lxd"),
        ({"LXD_DIR": "/srv/lxd/"}, "/srv/lxd"),
        ({"SNAP_NAME": "lxd"}, "/var/snap/lxd/common/lxd"),
        ({"SNAP_NAME": "lxd", "LXD_DIR": "/var/snap/lxd/common/lxd/"}, "/var/snap/lxd/common/lxd"),
        ({"SNAP_NAME": "other"}, "/var/lib/lxd"),
    ],
)
def test_data_directory_is_where_lxd_finds_it(environment: dict[str, str], directory: str) -> None:
    assert daemon(**environment).directory == directory


@pytest.mark.parametrize(
    ("arguments", "group"),
    [
        (("--group", "admins"), "admins"),
        (("--logfile", "x", "--group=admins"), "admins"),
        (("--group",), None),
        ((), None),
    ],
)
def test_group_option_is_found(arguments: tuple[str, ...], group: str | None) -> None:
    assert audited_daemon.group_option(arguments) == group


@pytest.mark.parametrize(
    ("config", "group"),
    [
        ("daemon_debug=false\ndaemon_group=admins\n", "admins"),
        ('daemon_group="admins"\n', "admins"),
        ("daemon_debug=false\n", "lxd"),
        ("daemon_group=\n", ""),
    ],
)
def test_group_of_the_snap_is_read_from_its_configuration(config: str, group: str) -> None:
    assert audited_daemon.snap_group(config) == group
