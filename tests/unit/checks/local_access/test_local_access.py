"""LXD-LOC-02 and LXD-LOC-04: closed data, and who carries the socket's group."""

from __future__ import annotations

import pytest

from pytest_lxdsec.policy import Policy
from pytest_lxdsec.sweep.access import group_processes, setgid_files
from pytest_lxdsec.sweep.containers import socket_mounts
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import Document, add, patch

DATA = ("host.data_directories", 0)
PLACE = socket_mounts.SocketPlace(
    path="/s", device="8:1", root="/var/lib/lxd/unix.socket", links=1
)


def judge(document: Document, control: str, site: Policy | None = None) -> tuple[Outcome, str]:
    seen = evidence_documents.evidence(document)
    found = judging.judge(seen, site=site)[f"LXD-{control}", "host"]
    return found.verdict, found.reason


@pytest.mark.parametrize(
    ("path", "to", "outcome"),
    [
        (("keys", 0, "mode"), 0o400, Outcome.PASS),
        (("keys", 0, "mode"), 0o640, Outcome.FAIL),
        (("keys", 0, "mode"), 0o604, Outcome.FAIL),
        (("keys", 0, "uid"), 1000, Outcome.FAIL),
        (("keys", 0, "acl"), "0200", Outcome.FAIL),
        (("keys", 0, "exists"), False, Outcome.ERROR),
        (("keys",), [], Outcome.ERROR),
        (("database", "mode"), 0o711, Outcome.FAIL),
        (("database", "error"), "Input/output error", Outcome.ERROR),
        (("directory", "mode"), 0o731, Outcome.FAIL),
        (("directory", "uid"), 102, Outcome.FAIL),
    ],
)
def test_data_is_roots_alone(path: tuple[str | int, ...], to: object, outcome: Outcome) -> None:
    document = patch(evidence_documents.baseline(), *DATA, *path, to=to)
    assert judge(document, "LOC-02")[0] is outcome


def carried(exe: str, uid: int, **changes: object) -> Document:
    entry = evidence_sweep.carrier(7009, exe, uid) | changes
    return add(evidence_documents.baseline(), "host.group_processes", entry=entry)


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (carried("bash", 1000), Outcome.PASS),
        (carried("bash", 1001), Outcome.FAIL),
        (carried("bash", 4711), Outcome.FAIL),
        (carried("bash", 0), Outcome.PASS),
        (carried("su", 0, uids=[0, 1001]), Outcome.FAIL),
        (carried("bash", 1001, sees_socket=False), Outcome.PASS),
        (carried("dnsmasq", evidence_sweep.NOBODY), Outcome.PASS),
        (carried("dnsmasq", 1001), Outcome.FAIL),
        (carried("python3", evidence_sweep.NOBODY), Outcome.FAIL),
        (carried("bash", 1001, uids=[]), Outcome.ERROR),
    ],
)
def test_process_is_judged_by_whose_it_is(document: Document, outcome: Outcome) -> None:
    assert judge(document, "LOC-04")[0] is outcome


def test_policy_says_whom_to_trust() -> None:
    trusting = Policy(trusted_users=("mallory", "alice"))
    assert judge(carried("bash", 1001), "LOC-04", trusting)[0] is Outcome.PASS
    assert judge(carried("bash", 1000), "LOC-04", Policy(trusted_users=()))[0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("mode", "gid", "outcome"),
    [
        (0o2755, evidence_sweep.LXD_GID, Outcome.FAIL),
        (0o2745, evidence_sweep.LXD_GID, Outcome.PASS),  # without the group's x it has no effect
        (0o2755, 5, Outcome.PASS),
    ],
)
def test_setgid_file_of_the_group_is_found(mode: int, gid: int, outcome: Outcome) -> None:
    entry = evidence_sweep.file("/opt/door", 9, mode=mode, gid=gid)
    document = add(evidence_documents.baseline(), "host.setgid_files", "files", entry=entry)
    assert judge(document, "LOC-04")[0] is outcome


def test_file_system_that_was_not_searched_is_not_clean() -> None:
    place = ("host.setgid_files", "unsearched")
    document = patch(evidence_documents.baseline(), *place, to=["/home"])
    assert judge(document, "LOC-04")[0] is Outcome.ERROR


MOUNTINFO = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:1 /srv /mnt rw - ext4 /dev/sda1 rw
3 1 8:2 / /home rw,nosuid - ext4 /dev/sda2 rw
4 1 0:50 / /net rw - nfs4 server:/ rw
5 1 0:51 / /var/lib/lxd/devlxd rw - tmpfs tmpfs rw
6 1 0:5 / /proc rw - proc proc rw
7 1 8:3 /@a /a rw - btrfs /dev/sda3 rw
8 1 8:3 /@b /b rw - btrfs /dev/sda3 rw
"""


def test_each_local_file_system_is_searched_once() -> None:
    found = setgid_files.places(socket_mounts.entries(MOUNTINFO), ["/var/lib/lxd"])
    assert found == (("/", "/a", "/b"), ("/net",))


def test_socket_is_seen_through_a_mount_that_shows_it() -> None:
    assert group_processes.shows("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", [PLACE])
    assert not group_processes.shows("1 0 8:1 /srv / rw - ext4 /dev/sda1 rw\n", [PLACE])
    assert not group_processes.shows("1 0 8:9 / / rw - ext4 /dev/sdb1 rw\n", [PLACE])
