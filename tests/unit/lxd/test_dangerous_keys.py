"""Keys that weaken a wall, by LXD's own reading of their values."""

from __future__ import annotations

import pytest

from pytest_lxdsec.lxd import dangerous_keys, versions
from pytest_lxdsec.lxd.dangerous_keys import Boundary
from pytest_lxdsec.verdict import CannotTell

V5, V6 = versions.parse("5.0.2"), versions.parse("6.9")


def keys(config: dict[str, str], wall: Boundary, version: versions.Version = V5) -> list[str]:
    return [found.key for found in dangerous_keys.of(config, wall, version)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("raw.apparmor", "mount,"),
        ("raw.seccomp", "2\ndenylist\n"),
        ("security.syscalls.deny_default", "false"),
        ("security.syscalls.deny_default", "Off"),
        ("security.syscalls.blacklist_default", "0"),
        ("security.syscalls.allow", "read"),
        ("security.syscalls.whitelist", "read"),
        ("security.nesting", "YES"),
        ("nvidia.driver.capabilities", "all\nlxc.idmap ="),
        ("linux.sysctl.kernel.core_pattern", "|/bin/x"),
        ("linux.sysctl.vm.overcommit_memory", "1"),
    ],
)
def test_key_that_loosens_the_confinement_is_found(key: str, value: str) -> None:
    assert keys({key: value}, Boundary.CONFINEMENT) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("security.nesting", "false"),
        ("security.nesting", "enabled"),  # LXD stores it, and leaves nesting off
        ("security.syscalls.deny_default", "TRUE"),
        ("security.syscalls.deny_compat", "true"),
        ("security.syscalls.deny", "bpf\nptrace"),
        ("security.syscalls.intercept.mknod", "true"),  # ignored for privileged containers
        ("security.devlxd", "true"),
        ("security.privileged", "true"),
        ("nvidia.driver.capabilities", "all"),
        ("raw.seccomp", ""),
        ("linux.sysctl.net.ipv4.ip_forward", "1"),
        ("linux.sysctl.kernel.shmmni", "4096"),
        ("linux.sysctl.kernel.sem", "32000 1024000000 500 32000"),
        ("linux.sysctl.fs.mqueue.msg_max", "10"),
    ],
)
def test_key_that_tightens_or_does_nothing_is_not(key: str, value: str) -> None:
    assert keys({key: value}, Boundary.CONFINEMENT) == []


@pytest.mark.parametrize(
    "key",
    [
        "security.syscalls.intercept.mount",
        "security.syscalls.intercept.mknod",
        "security.syscalls.intercept.bpf.devices",
    ],
)
def test_interception_undoes_what_the_user_namespace_refuses(key: str) -> None:
    assert keys({key: "on"}, Boundary.IDS) == [key]
    assert keys({key: "off"}, Boundary.IDS) == []


def test_file_systems_that_may_be_mounted_are_named() -> None:
    (found,) = dangerous_keys.of(
        {"security.syscalls.intercept.mount.allowed": "ext4"}, Boundary.IDS, V5
    )
    assert "'ext4'" in found.text


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("security.syscalls.whitelist", "read", True, False),
        ("security.syscalls.blacklist_default", "false", True, False),
    ],
)
def test_key_counts_in_the_releases_that_honour_it(
    key: str, value: str, *, old: bool, new: bool
) -> None:
    assert bool(keys({key: value}, Boundary.CONFINEMENT, V5)) is old
    assert bool(keys({key: value}, Boundary.CONFINEMENT, V6)) is new


@pytest.mark.parametrize(("version", "counts"), [(V5, False), (V6, True)])
def test_delegated_bpf_counts_since_lxd_has_it(version: versions.Version, *, counts: bool) -> None:
    assert bool(keys({"security.delegate_bpf": "true"}, Boundary.IDS, version)) is counts


@pytest.mark.parametrize(
    ("line", "walls"),
    [
        ("lxc.idmap =", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("LXC.IdMap = u 0 0 1", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.id_map = u 0 0 1", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("  lxc.include = /tmp/x", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.namespace.share.net = host", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.net.0.type = none", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.mount.entry = /etc etc none bind 0 0", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.hook.pre-start = /bin/sh", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.apparmor.profile = unconfined", {Boundary.CONFINEMENT}),
        ("lxc.aa_profile = unconfined", {Boundary.CONFINEMENT}),
        ("lxc.seccomp.profile =", {Boundary.CONFINEMENT}),
        ("lxc.cap.drop =", {Boundary.CONFINEMENT}),
        ("lxc.cap.keep = sys_admin", {Boundary.CONFINEMENT}),
        ("lxc.cgroup2.devices.allow = a", {Boundary.CONFINEMENT}),
        ("lxc.no_new_privs = 0", {Boundary.CONFINEMENT}),
        ("lxc.console.logfile = /etc/cron.d/x", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.console.buffer.logfile = /etc/cron.d/x", {Boundary.IDS, Boundary.CONFINEMENT}),
        ("lxc.console.path = /dev/sda", {Boundary.IDS, Boundary.CONFINEMENT}),
    ],
)
def test_line_of_raw_lxc_is_found_for_the_walls_it_weakens(
    line: str, walls: set[Boundary]
) -> None:
    config = {"raw.lxc": f"# a comment\n\n{line}\n"}
    assert {wall for wall in Boundary if keys(config, wall)} == walls


@pytest.mark.parametrize(
    "line",
    [
        "lxc.cap.drop = sys_admin",
        "lxc.no_new_privs = 1",
        "lxc.environment = A=(redacted)",
        "lxc.cgroup2.memory.high = 1G",
        "lxc.signal.halt = SIGTERM",
        "#lxc.idmap =",
        "lxc.console.path = none",
        "lxc.console.logfile =",
        "lxc.console.buffer.size = 1MB",
        "lxc.console.rotate = 1",
    ],
)
def test_harmless_line_is_neither_found_nor_unknown(line: str) -> None:
    config = {"raw.lxc": line}
    assert [keys(config, wall) for wall in Boundary] == [[], []]
    assert dangerous_keys.unknown(config) == ()


def test_line_that_nobody_knows_is_told() -> None:
    assert dangerous_keys.unknown({"raw.lxc": "lxc.brand.new = 1\nlxc.log.level = 1"}) == (
        "lxc.brand.new",
    )
    assert dangerous_keys.unknown({"raw.lxc": "lxc.console.brand.new = 1"}) == (
        "lxc.console.brand.new",
    )


@pytest.mark.parametrize(("modules", "judges"), [("overlay,nbd", True), (" ", False)])
def test_modules_that_the_host_is_to_load_are_for_a_person(modules: str, *, judges: bool) -> None:
    assert bool(dangerous_keys.to_judge({"linux.kernel_modules": modules})) is judges


def test_hidden_value_is_never_judged() -> None:
    with pytest.raises(CannotTell):
        keys({"raw.apparmor": "(redacted)"}, Boundary.CONFINEMENT)
