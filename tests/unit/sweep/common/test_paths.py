"""Paths resolved below another root, and the files at them."""

from __future__ import annotations

import os
import pathlib
import socket
import stat
import struct

import pytest

from pytest_lxdsec.sweep.common import context, files, paths

ACL = "system.posix_acl_access"


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make a root with /srv/data/file, /etc, and links between them."""
    (tmp_path / "srv/data").mkdir(parents=True)
    (tmp_path / "srv/data/file").write_text("")
    (tmp_path / "etc").mkdir()
    return tmp_path


def resolved(root: pathlib.Path, path: str) -> str:
    return paths.resolve(str(root), path)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/srv/data/file", "/srv/data/file"),
        ("//srv/./data//file/", "/srv/data/file"),
        ("/srv/data/../data/file", "/srv/data/file"),
        ("/../../srv", "/srv"),
        ("/srv/..", "/"),
        ("/", "/"),
        ("/srv/nothing/there", "/srv/nothing/there"),
    ],
)
def test_path_without_links(root: pathlib.Path, path: str, real: str) -> None:
    assert resolved(root, path) == real


def test_absolute_link_starts_at_the_other_root(root: pathlib.Path) -> None:
    (root / "etc/link").symlink_to("/srv/data")
    assert resolved(root, "/etc/link/file") == "/srv/data/file"


def test_relative_link_starts_where_it_is(root: pathlib.Path) -> None:
    (root / "etc/link").symlink_to("../srv/./data")
    assert resolved(root, "/etc/link/file") == "/srv/data/file"


def test_link_does_not_climb_above_the_other_root(root: pathlib.Path) -> None:
    (root / "etc/link").symlink_to("../../../../../../../etc")
    assert resolved(root, "/etc/link/passwd") == "/etc/passwd"


def test_parent_of_a_link_is_that_of_its_target(root: pathlib.Path) -> None:
    (root / "etc/link").symlink_to("/srv/data")
    assert resolved(root, "/etc/link/..") == "/srv"


def test_link_to_a_link_is_followed(root: pathlib.Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("/srv")
    assert resolved(root, "/a") == "/srv"


@pytest.mark.parametrize("links", [("a:a",), ("a:b", "b:a"), ("a:/b/x", "b:/a")])
def test_loop_of_links_is_an_error(root: pathlib.Path, links: tuple[str, ...]) -> None:
    for link in links:
        name, _, target = link.partition(":")
        (root / name).symlink_to(target)
    found = paths.find(str(root), "/a")
    assert (found.path, found.exists, found.error) == (
        "/a",
        True,
        "Too many levels of symbolic links",
    )


def test_as_many_links_as_the_kernel_follows(root: pathlib.Path) -> None:
    for number in range(paths.MOST_LINKS):
        (root / f"l{number + 1}").symlink_to(f"l{number}")
    (root / "l0").mkdir()
    assert resolved(root, f"/l{paths.MOST_LINKS}") == "/l0"
    (root / f"l{paths.MOST_LINKS + 1}").symlink_to(f"l{paths.MOST_LINKS}")
    with pytest.raises(OSError, match="Too many levels"):
        resolved(root, f"/l{paths.MOST_LINKS + 1}")


@pytest.mark.parametrize("path", ["/nothing/../etc", "/srv/data/file/../file", "/srv/data/file/x"])
def test_path_through_a_file_leads_nowhere(root: pathlib.Path, path: str) -> None:
    found = paths.find(str(root), path)
    assert (found.exists, found.error) == (False, "")


def test_dangling_link_leads_nowhere(root: pathlib.Path) -> None:
    (root / "link").symlink_to("/nothing")
    found = paths.find(str(root), "/link")
    assert (found.path, found.exists) == ("/nothing", False)


def test_found_file_is_called_by_its_real_path_below_the_root(root: pathlib.Path) -> None:
    (root / "link").symlink_to("/srv/data/file")
    found = paths.find(str(root), "/link")
    assert found.path == "/srv/data/file"
    assert found.inode == (root / "srv/data/file").stat().st_ino


def test_directories_above_are_named_up_to_the_root() -> None:
    assert paths.above("/var/lib/lxd/unix.socket") == ("/var/lib/lxd", "/var/lib", "/var", "/")
    assert paths.above("/") == ()


def test_file_is_what_stat_says(root: pathlib.Path) -> None:
    file = root / "srv/data/file"
    file.chmod(0o640)
    status = file.stat()
    assert files.look_at(str(file), shown="/file") == files.File(
        path="/file",
        exists=True,
        uid=status.st_uid,
        gid=status.st_gid,
        mode=0o640,
        kind="file",
        device=status.st_dev,
        inode=status.st_ino,
    )


def test_link_is_not_followed_by_default(root: pathlib.Path) -> None:
    (root / "link").symlink_to("/srv")
    assert files.look_at(str(root / "link")).kind == "link"


def test_access_list_is_shown_in_hexadecimal(root: pathlib.Path) -> None:
    file = root / "srv/data/file"
    # linux/posix_acl_xattr.h: version 2, then tag, permissions, id of each entry.
    entries = ((0x01, 6, -1), (0x02, 4, 1000), (0x04, 4, -1), (0x10, 4, -1), (0x20, 0, -1))
    text = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(file, ACL, text)
    except OSError as error:
        pytest.skip(f"no access lists on this file system: {error.strerror}")
    assert files.look_at(str(file)).acl == text.hex()


def test_name_that_is_too_long_is_an_error_and_not_absence(root: pathlib.Path) -> None:
    found = paths.find(str(root), "/" + "x" * 300)
    assert (found.exists, found.error) == (True, "File name too long")


def test_kinds_are_distinguished(root: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        os.mkfifo(root / "fifo")
        kinds = [
            files.look_at(str(root / name)).kind for name in ("socket", "fifo", "etc", "etc/.")
        ]
    assert kinds == ["socket", "fifo", "directory", "directory"]
    assert files.kind_of(stat.S_IFCHR) == "char"
    assert files.kind_of(stat.S_IFBLK) == "block"


def test_files_of_the_kernel_are_looked_at_each() -> None:
    found = files.kernel_files(context.Context(context.Question(server_pid=1)))
    assert tuple(file.path for file in found) == files.KERNEL_FILES
