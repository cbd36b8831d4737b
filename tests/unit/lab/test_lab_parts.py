"""The parts of labs that need no lab: mounts, control groups, requirements, image, scenario."""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import tarfile

import pytest

from pytest_lxdsec import errors, lab
from pytest_lxdsec.lab import (
    cgroups,
    handle,
    image,
    lab_errors,
    launch,
    namespaces,
    requirements,
    scenario,
)

MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:22 / /sys rw - sysfs sysfs rw
25 24 0:23 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw,nsdelegate
26 22 0:24 / /run rw - tmpfs tmpfs rw
27 26 0:25 / /run/user/0 rw - tmpfs tmpfs rw
28 22 254:1 / /home rw - ext4 /dev/vdb rw
29 28 254:2 / /home/my\040files rw - btrfs /dev/vdc rw
30 22 0:30 / /srv/far rw - nfs4 server:/ rw
31 22 0:31 / /srv/fuse rw - fuse.sshfs host:/ rw
32 22 0:32 / /runner rw - tmpfs tmpfs rw
33 22 254:0 /hosts /etc/hosts rw - ext4 /dev/vda rw
35 22 254:0 /resolv /etc/resolv.conf rw - ext4 /dev/vda rw
34 22 254:3 / /srv/f\303\274r rw - xfs /dev/vdd rw
""".strip()


def test_mounts_of_the_machine_are_shown_without_fresh_ones() -> None:
    assert [str(path) for path in namespaces.to_show(MOUNTS)] == [
        "/home",
        "/home/my files",
        "/runner",
        "/etc/hosts",
        "/srv/für",
    ]


def test_control_groups_are_found_wherever_they_are_mounted() -> None:
    assert cgroups.hierarchy(MOUNTS) == pathlib.Path("/sys/fs/cgroup/unified")


def test_missing_cgroup2_is_reported() -> None:
    with pytest.raises(lab.LabUnavailable, match="mount -t cgroup2"):
        cgroups.hierarchy(MOUNTS.splitlines()[0])


def test_family_of_control_groups_that_cannot_be_made_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lxdsec").write_text("in the way")
    with pytest.raises(lab.LabUnavailable, match=r"lxdsec cannot be made \("):
        cgroups.create(str(tmp_path / "lxdsec" / "aaa"))


def test_missing_packages_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        shutil, "which", lambda tool, path: None if tool in ("nft", "lxd") else f"{path}/{tool}"
    )
    monkeypatch.setattr(requirements, "is_static", lambda _path: False)
    with pytest.raises(lab.LabUnavailable) as caught:
        requirements.check()
    assert str(caught.value) == (
        "lab: no lxd, nft, a static busybox: apt-get install lxd nftables busybox-static"
    )


def test_lxd_of_a_snap_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    link = tmp_path / "lxd"
    link.symlink_to("/snap/bin/lxd")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        shutil, "which", lambda tool, path: str(link) if tool == "lxd" else f"{path}/{tool}"
    )
    monkeypatch.setattr(requirements, "is_static", lambda _path: True)
    with pytest.raises(lab.LabUnavailable, match=r"no lxd: apt-get install lxd$"):
        requirements.check()


def test_lab_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(lab.LabUnavailable, match="needs root"):
        requirements.check()


def elf(*kinds: int) -> bytes:
    """Return a little-endian 64-bit ELF header with one program header of each kind."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    header[32:40] = (64).to_bytes(8, "little")
    header[54:56] = (56).to_bytes(2, "little")
    header[56:58] = len(kinds).to_bytes(2, "little")
    return bytes(header) + b"".join(kind.to_bytes(4, "little") + bytes(52) for kind in kinds)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(elf(1, 4), True), (elf(), True), (elf(6, 3, 1), False), (b"#!/bin/sh\n", False)],
)
def test_program_without_a_loader_is_static(
    tmp_path: pathlib.Path, content: bytes, *, expected: bool
) -> None:
    program = tmp_path / "busybox"
    program.write_bytes(content)
    assert requirements.is_static(program) is expected


def test_missing_program_is_not_static(tmp_path: pathlib.Path) -> None:
    assert not requirements.is_static(tmp_path / "busybox")


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> tarfile.TarFile:
    busybox = tmp_path / "busybox"
    busybox.write_text("#!/bin/sh\necho busybox\necho init\necho sh\necho ls\n")
    busybox.chmod(0o755)
    monkeypatch.setattr(image, "BUSYBOX", str(busybox))
    return tarfile.open(fileobj=io.BytesIO(image.build("x86_64")))


def test_image_names_its_architecture(archive: tarfile.TarFile) -> None:
    metadata = archive.extractfile("metadata.yaml")
    assert metadata is not None
    assert b"architecture: x86_64\n" in metadata.read()


def test_image_has_a_link_for_each_applet_but_not_for_busybox_itself(
    archive: tarfile.TarFile,
) -> None:
    links = {entry.name: entry.linkname for entry in archive if entry.issym()}
    assert links == {"rootfs/bin/sh": "busybox", "rootfs/bin/ls": "busybox"}
    assert archive.getmember("rootfs/bin/busybox").isreg()


def test_image_has_an_init_of_its_own(archive: tarfile.TarFile) -> None:
    init = archive.getmember("rootfs/sbin/init")
    assert (init.isreg(), init.mode) == (True, 0o755)


def test_instances_of_a_project_have_names_of_their_own() -> None:
    names = [(one.project, one.name) for one in scenario.DEFAULT.instances]
    assert len(names) == len(set(names))


def test_bare_scenario_has_no_instances() -> None:
    assert scenario.BARE.instances == ()


def test_scaled_scenario_keeps_the_base() -> None:
    plan = scenario.scaled(scenario.DEFAULT, 3)
    assert plan.instances[: len(scenario.DEFAULT.instances)] == scenario.DEFAULT.instances
    assert [one.name for one in plan.instances[-3:]] == ["c0001", "c0002", "c0003"]


def test_command_enters_every_namespace_and_leaves_the_environment() -> None:
    command = handle.Lab(id="aaa", pid=42, socket="").command("lxc", "list")
    assert command[:2] == ["nsenter", "--target=42"]
    assert {"--mount", "--net", "--pid", "--cgroup", "--ipc", "--uts", "--root"} < set(command)
    assert command[-2:] == ["lxc", "list"]
    assert "-i" in command


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("abc13", "lab: no lab 'abc13': did you mean abc123?"),
        ("zzz", "lab: no lab 'zzz': running: abc123, def456"),
    ],
)
def test_unknown_lab_message_names_the_nearest(
    wanted: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    labs = tuple(handle.Lab(id=name, pid=1, socket="") for name in ("abc123", "def456"))
    monkeypatch.setattr(launch, "running", lambda: labs)
    with pytest.raises(errors.UserError) as caught:
        lab.find(wanted)
    assert str(caught.value) == message


def test_unknown_lab_without_any_lab_names_the_command_to_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "running", tuple)
    with pytest.raises(errors.UserError, match="no lab is running: use lxdsec lab up"):
        lab.find("abc")


def test_lab_errors_belong_to_the_error_tree() -> None:
    assert issubclass(lab_errors.LabUnavailable, errors.LxdsecError)
    assert issubclass(lab_errors.LabBroken, errors.LxdsecError)
