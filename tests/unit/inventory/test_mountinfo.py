"""The kernel's table of mounts."""

from __future__ import annotations

import pytest

from pytest_lxdsec.inventory import mountinfo

TABLE = (
    "22 1 252:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "23 22 0:21 /sys /proc/sys ro,nosuid master:2 propagate_from:3 - proc proc rw\n"
    "24 22 252:0 /srv/a\\040b /mnt/a\\134b rw - ext4 /dev/vda1 rw\n"
    "25 22 0:60 / /mnt/a\\134b ro - tmpfs none rw\n"
)


def test_fields_are_read_and_escapes_undone() -> None:
    root, proc, data, _ = mountinfo.parse(TABLE)
    assert (root.device, root.point, root.kind) == ("252:0", "/", "ext4")
    assert proc.shared == ("master:2", "propagate_from:3")
    assert (data.root, data.point) == ("/srv/a b", "/mnt/a\\b")


def test_read_only_is_the_mounts_not_the_file_systems() -> None:
    root, proc, *_ = mountinfo.parse(TABLE)
    assert proc.is_read_only
    assert not root.is_read_only


def test_last_of_stacked_mounts_is_seen() -> None:
    seen = mountinfo.at(mountinfo.parse(TABLE), "/mnt/a\\b")
    assert seen is not None
    assert seen.kind == "tmpfs"


def test_path_within_a_file_system_is_found_through_a_mount() -> None:
    *_, data, _ = mountinfo.parse(TABLE)
    assert data.path_of("/srv/a b/c") == "/mnt/a\\b/c"
    assert data.path_of("/srv/a") is None
    assert data.path_of("/srv/a bc") is None


@pytest.mark.parametrize("text", ["", TABLE[:-1], TABLE + "26 22 0:1\n", TABLE + "\n"])
def test_table_that_is_cut_off_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mount"):
        mountinfo.parse(text)
