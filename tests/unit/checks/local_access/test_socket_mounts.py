"""LXD-LOC-06: a mount is known by what it shows, not by its names."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.containers import socket_mounts as table
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import Document, add, attach, configure, patch

WEB1 = "instance/default/web1"
SOCKET_INODE = 99  # `evidence_sweep.sockets`
LXD_INODE = 100
MOUNTINFO = r"""
67 42 8:1 / / rw,relatime - ext4 /dev/sda1 rw
568 166 8:1 /srv/with\040space /door\134x rw,relatime shared:478 - ext4 /dev/sda1 rw
569 166 0:52 / /shifted rw - shiftfs /var/lib/lxd rw,passthrough=3
"""


def judge(document: Document, subject: str = WEB1) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-LOC-06", subject]
    return found.verdict, judging.text(found) if found.finding else found.reason


def mounted(mount: evidence_sweep.Json, document: Document | None = None) -> Document:
    base = evidence_documents.baseline() if document is None else document
    return add(base, "host.mounts", "containers", "web1", "mounts", entry=mount)


def test_own_root_beside_the_socket_passes() -> None:
    outcome, text = judge(evidence_documents.baseline())
    assert outcome is Outcome.PASS
    assert "/ is /var/snap/lxd/common/lxd/storage-pools/default/containers/web1/rootfs" in text


@pytest.mark.parametrize(
    ("root", "inode", "how"),
    [
        (evidence_sweep.SOCKET, SOCKET_INODE, "LXD's socket"),
        ("/srv/hard-link", SOCKET_INODE, "LXD's socket"),
        (evidence_sweep.LXD_DIR, LXD_INODE, "a directory that holds LXD's socket"),
        ("/srv/bound", LXD_INODE, "a directory that holds LXD's socket"),
        ("/var/snap", 7777, "a mount that shows LXD's socket"),
        ("/", 7777, "a mount that shows LXD's socket"),
    ],
)
def test_socket_is_found_under_any_name(root: str, inode: int, how: str) -> None:
    outcome, text = judge(mounted(evidence_sweep.mount("/mnt/x", root, inode)))
    assert outcome is Outcome.FAIL
    assert f"/mnt/x in the container is {how}" in text


def test_mount_that_the_daemon_does_not_see_is_known_by_its_place() -> None:
    mount = evidence_sweep.mount("/mnt", "/var/snap/lxd", 0)
    mount["file"]["exists"] = False
    assert judge(mounted(mount))[0] is Outcome.FAIL


def test_same_path_of_another_file_system_is_another_file() -> None:
    mount = evidence_sweep.mount("/mnt", "/var/snap/lxd", 7777) | {"device": "252:9"}
    assert judge(mounted(mount))[0] is Outcome.PASS


def test_name_that_only_begins_alike_is_another_directory() -> None:
    mount = evidence_sweep.mount("/mnt", "/var/snap/lx", 7777)
    assert judge(mounted(mount))[0] is Outcome.PASS


def test_mount_that_cannot_be_looked_at_is_not_clean() -> None:
    mount = evidence_sweep.mount("/mnt", "/srv/x", 7777)
    mount["file"]["error"] = "Input/output error"
    assert judge(mounted(mount))[0] is Outcome.ERROR


def test_mount_of_what_was_deleted_is_not_clean() -> None:
    mount = evidence_sweep.mount("/mnt", "/srv/other.socket//deleted", 7777)
    mount["file"]["exists"] = False
    assert judge(mounted(mount)) == (
        Outcome.ERROR,
        "cannot tell: /mnt shows a file of the host that was deleted since",
    )


def test_uncertain_mount_does_not_hide_one_that_is_the_socket() -> None:
    gone = evidence_sweep.mount("/mnt", "/srv/other//deleted", 7777)
    held = evidence_sweep.mount("/door", evidence_sweep.SOCKET, SOCKET_INODE)
    assert judge(mounted(held, mounted(gone)))[0] is Outcome.FAIL


def test_socket_of_two_names_makes_no_directory_clean() -> None:
    document = patch(evidence_documents.baseline(), "host.mounts", "sockets", 0, "links", to=2)
    outcome, text = judge(document)
    assert outcome is Outcome.ERROR
    assert "has 2 names (hard links)" in text


def test_container_without_its_table_is_not_clean() -> None:
    document = patch(
        evidence_documents.baseline(), "host.mounts", "containers", "web1", "error", to="it ended"
    )
    assert judge(document)[0] is Outcome.ERROR


def test_stopped_instance_has_no_mounts() -> None:
    outcome, _ = judge(evidence_documents.baseline(), "instance/default/spare1")
    assert outcome is Outcome.NOT_APPLICABLE


SOCKET_MOUNT = evidence_sweep.mount("/door/lxd", evidence_sweep.LXD_DIR, LXD_INODE)


@pytest.mark.parametrize("path", ["/door", "door/", "//door", "/door/lxd"])
def test_repair_takes_the_device_away(path: str) -> None:
    device = {"type": "disk", "source": "/var/snap/lxd/common", "path": path}
    document = attach(evidence_documents.baseline(), "default/web1", "gate", device)
    _, text = judge(mounted(SOCKET_MOUNT, document))
    assert "lxc config device remove web1 gate --project default" in text


def test_repair_takes_raw_lxc_away() -> None:
    line = "lxc.mount.entry = /var/snap/lxd/common/lxd door/lxd none bind,create=dir 0 0"
    document = configure(evidence_documents.baseline(), "default/web1", "raw.lxc", line)
    _, text = judge(mounted(SOCKET_MOUNT, document))
    assert "lxc config unset web1 raw.lxc --project default && lxc restart web1" in text


def test_repair_of_what_nobody_configured_is_a_restart() -> None:
    _, text = judge(mounted(SOCKET_MOUNT))
    assert "repair:   lxc restart web1 --project default" in text


def test_kernels_table_is_read() -> None:
    found = table.entries(MOUNTINFO)
    assert [(one.number, one.device, one.root, one.point) for one in found] == [
        (67, "8:1", "/", "/"),
        (568, "8:1", "/srv/with space", "/door\\x"),
        (569, "0:52", "/", "/shifted"),
    ]
    assert (found[2].kind, found[2].source) == ("shiftfs", "/var/lib/lxd")


def test_line_that_is_no_mount_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a mount"):
        table.entries("67 42 8:1 / /\n")
