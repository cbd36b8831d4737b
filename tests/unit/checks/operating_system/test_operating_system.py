"""LXD-OS-02, LXD-OS-03 and LXD-VER-03: support, restarts, and members that were left behind."""

from __future__ import annotations

import datetime

import pytest

from pytest_lxdsec.checks.operating_system import vendor_support
from pytest_lxdsec.sweep.common import procfs
from pytest_lxdsec.sweep.system import pending_restarts
from pytest_lxdsec.verdict import CannotTell, Outcome
from tests.support import evidence_api, evidence_documents, judging
from tests.support.evidence_documents import GONE, Document, in_cluster, patch

DEBIAN = """\
version,codename,series,created,release,eol,eol-lts,eol-elts
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30,2033-06-30
,Sid,sid,1993-08-16
"""
LATEST = str(evidence_api.SUPPORTED.latest)


def judge(document: Document, control: str, subject: str = "host") -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))[control, subject]
    return found.verdict, found.reason


def on_debian(codename: str, table: str = DEBIAN) -> Document:
    release = {"ID": "debian", "VERSION_CODENAME": codename, "PRETTY_NAME": "Debian"}
    document = patch(evidence_documents.baseline(), "host.os", "release", to=release)
    return patch(document, "host.distribution", "table", to=table)


def released(**release: str) -> Document:
    return patch(evidence_documents.baseline(), "host.os", "release", to=release)


def test_release_in_support_passes_and_says_until_when() -> None:
    outcome, reason = judge(evidence_documents.baseline(), "LXD-OS-02")
    assert outcome is Outcome.PASS
    assert reason.startswith("Ubuntu 24.04.1 LTS is supported until 20")


def test_long_term_support_of_debian_counts() -> None:
    assert judge(on_debian("bookworm"), "LXD-OS-02")[1].endswith("until 2028-06-30")


def test_release_without_an_end_cannot_be_told() -> None:
    assert judge(on_debian("sid"), "LXD-OS-02")[0] is Outcome.ERROR


def test_release_that_the_table_does_not_know_cannot_be_told() -> None:
    outcome, reason = judge(on_debian("duke"), "LXD-OS-02")
    assert outcome is Outcome.ERROR
    assert "bring it up to date" in reason


def test_host_without_a_table_cannot_be_told() -> None:
    assert judge(on_debian("bookworm", ""), "LXD-OS-02")[0] is Outcome.ERROR


def test_unknown_distribution_cannot_be_told() -> None:
    document = released(ID="linuxmint", ID_LIKE="ubuntu", VERSION_CODENAME="noble")
    assert judge(document, "LXD-OS-02")[0] is Outcome.ERROR


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (evidence_api.TAKEN.date(), Outcome.PASS),
        (evidence_api.TAKEN.date() - datetime.timedelta(days=1), Outcome.FAIL),
        ("soon", Outcome.ERROR),
    ],
)
def test_support_end_of_os_release_decides(end: object, outcome: Outcome) -> None:
    document = released(ID="fedora", SUPPORT_END=str(end))
    assert judge(document, "LXD-OS-02")[0] is outcome


def test_extended_support_needs_a_contract_and_does_not_count() -> None:
    document = released(ID="ubuntu", VERSION_ID="14.04", PRETTY_NAME="Ubuntu 14.04")
    assert judge(document, "LXD-OS-02") == (
        Outcome.FAIL,
        "support of Ubuntu 14.04 ended on 2019-04-25",
    )


@pytest.mark.parametrize(
    ("running", "installed", "newer"),
    [
        ("6.1.0-9-amd64", ("6.1.0-9-amd64", "6.1.0-18-amd64"), ("6.1.0-18-amd64",)),
        ("6.1.0-18-amd64", ("6.1.0-9-amd64", "6.1.0-18-amd64"), ()),
        ("6.8.0-45-generic", ("6.8.0-45-generic", "6.8.0-1012-aws"), ()),
        ("6.1.0-9-cloud-amd64", ("6.1.0-9-cloud-amd64", "6.1.0-18-amd64"), ()),
        ("6.9.4-200.fc40.x86_64", ("6.9.4-200.fc40.x86_64", "6.10.3-200.fc40.x86_64"),
         ("6.10.3-200.fc40.x86_64",)),
        ("6.9-rc2", ("6.9-rc2", "6.9-rc10", "6.9.1"), ("6.9-rc10", "6.9.1")),
    ],
)  # fmt: skip
def test_newer_kernel_of_the_same_flavour_is_found(
    running: str, installed: tuple[str, ...], newer: tuple[str, ...]
) -> None:
    assert vendor_support.newer_kernels(running, installed) == newer


def test_kernel_that_is_not_installed_cannot_be_told() -> None:
    with pytest.raises(CannotTell, match="not among the 1 in /boot"):
        vendor_support.newer_kernels("6.18.44-fc", ("6.1.0-9-amd64",))


def test_rescue_image_is_no_kernel_of_its_own() -> None:
    names = ["vmlinuz-6.1.0-9-amd64", "vmlinuz-0-rescue-5ec1", "initrd.img-6.1.0-9-amd64", "grub"]
    assert pending_restarts.kernels(names) == ("6.1.0-9-amd64",)


def test_reboot_that_is_asked_for_is_found_whatever_the_kernel() -> None:
    place = ("host.restarts", "reboot_reasons")
    document = patch(evidence_documents.baseline(), *place, to=["libc6"])
    document = patch(document, "host.restarts", "kernels", to=[])
    assert judge(document, "LXD-OS-03") == (Outcome.FAIL, "a reboot is asked for by libc6")


def test_every_package_that_asks_for_a_reboot_is_told_one_by_one() -> None:
    asking = list("abcdef")
    place = ("host.restarts", "reboot_reasons")
    document = patch(evidence_documents.baseline(), *place, to=asking)
    found = judging.judge(evidence_documents.evidence(document))["LXD-OS-03", "host"].finding
    assert found is not None
    assert found.details == tuple(asking)


def test_newer_kernel_waits_for_a_reboot() -> None:
    document = patch(evidence_documents.baseline(), "host.os", "kernel", to="6.8.0-9-generic")
    assert judge(document, "LXD-OS-03")[1] == (
        "kernel 6.8.0-9-generic runs, and 6.8.0-45-generic is installed"
    )


def test_daemon_whose_program_was_replaced_needs_a_restart_only() -> None:
    document = patch(evidence_documents.baseline(), "host.daemons", 0, "is_deleted", to=True)
    found = judging.judge(evidence_documents.evidence(document))["LXD-OS-03", "host"]
    assert found.verdict is Outcome.FAIL
    assert "repair:   systemctl restart lxd" in judging.text(found)


def test_daemon_whose_libraries_were_replaced_needs_a_restart_only() -> None:
    library = "/usr/lib/x86_64-linux-gnu/libdqlite.so.0.0.1"
    document = patch(evidence_documents.baseline(), "host.daemons", 0, "replaced", to=[library])
    found = judging.judge(evidence_documents.evidence(document))["LXD-OS-03", "host"]
    assert found.verdict is Outcome.FAIL
    assert f"runs with files that were replaced since: {library}" in found.reason
    assert "repair:   systemctl restart lxd" in judging.text(found)


@pytest.mark.parametrize(
    "place",
    [
        ("host.daemons", 0, "replaced"),
        ("host.os", "build"),
        ("host.restarts", "running_image"),
        ("host.restarts", "snap_revision"),
    ],
    ids=str,
)
def test_what_older_evidence_did_not_look_at_is_not_said_to_run(place: tuple[str, str]) -> None:
    outcome, reason = judge(patch(evidence_documents.baseline(), *place, to=GONE), "LXD-OS-03")
    assert outcome is Outcome.MANUAL
    assert "gather it again" in reason


def test_snap_that_was_refreshed_beside_the_daemon_is_found() -> None:
    place = ("host.restarts", "snap_revision")
    document = patch(evidence_documents.baseline(), *place, to="33999")
    outcome, reason = judge(document, "LXD-OS-03")
    assert outcome is Outcome.FAIL
    assert "runs revision 33110 of the snap, and 33999 is installed" in reason


def test_kernel_of_the_same_name_may_be_another_build() -> None:
    place = ("host.restarts", "running_image")
    image = "6.8.0-45-generic (buildd@x) #45-Ubuntu SMP PREEMPT_DYNAMIC Mon Sep 30 12:02:04 2024"
    document = patch(evidence_documents.baseline(), *place, to=image)
    outcome, reason = judge(document, "LXD-OS-03")
    assert outcome is Outcome.FAIL
    assert "/boot has another build of it" in reason


def test_kernel_that_is_compared_by_its_name_only_is_said_to_be() -> None:
    document = evidence_documents.baseline()
    assert "the newest in /boot, the same build of it" in judge(document, "LXD-OS-03")[1]
    document = patch(document, "host.restarts", "running_image", to="")
    assert "the newest in /boot, by its name only" in judge(document, "LXD-OS-03")[1]


def test_image_of_a_kernel_says_which_build_it_is() -> None:
    head = bytearray(0x400)
    head[0x202:0x206], head[0x20E:0x210] = b"HdrS", (0x100).to_bytes(2, "little")
    head[0x300:0x310] = b"6.1.0 (me) #1 x\0"
    assert pending_restarts.image_version(bytes(head)) == "6.1.0 (me) #1 x"
    assert pending_restarts.image_version(bytes(head[:0x306])) == ""
    head[0x202:0x206] = b"MZMZ"
    assert pending_restarts.image_version(bytes(head)) == ""


MAPS = """\
00400000-00500000 r-xp 00000000 08:01 1 /usr/bin/lxd (deleted)
7f000000-7f001000 r--p 00000000 08:01 2 /usr/lib/liblxc.so.1 (deleted)
7f001000-7f002000 r-xp 00001000 08:01 2 /usr/lib/liblxc.so.1 (deleted)
7f002000-7f003000 r--p 00000000 08:01 3 /usr/share/locale/x (deleted)
7f003000-7f004000 rwxp 00000000 00:05 4 /memfd:ffi (deleted)
7f004000-7f005000 rwxs 00000000 00:05 5 /dev/zero (deleted)
7f005000-7f006000 r-xp 00000000 08:01 6 /usr/lib/libc.so.6
7f006000-7f007000 r-xp 00000000 08:01 7 /srv/my lib.so (deleted)
7f007000-7f008000 rw-p 00000000 00:00 0
7ffc0000-7ffc1000 r-xp 00000000 00:00 0 [vdso]
"""


def test_replaced_files_that_run_are_found_in_the_memory_of_a_process() -> None:
    expected = ("/srv/my lib.so", "/usr/bin/lxd", "/usr/lib/liblxc.so.1")
    assert procfs.replaced_in(MAPS) == expected


def test_evidence_can_be_judged_for_another_day() -> None:
    seen = evidence_documents.evidence(evidence_documents.baseline())
    later = seen.on(evidence_api.TAKEN.date() + datetime.timedelta(days=1000))
    assert judging.judge(later)["LXD-OS-02", "host"].verdict is Outcome.FAIL
    assert judging.judge(seen)["LXD-OS-02", "host"].verdict is Outcome.PASS
    assert later.header == seen.header


def test_standalone_server_has_no_members() -> None:
    outcome, _ = judge(evidence_documents.baseline(), "LXD-VER-03", "server")
    assert outcome is Outcome.NOT_APPLICABLE


def test_members_of_one_version_pass() -> None:
    document = in_cluster(evidence_documents.baseline(), LATEST)
    assert judge(document, "LXD-VER-03", "server/lxd1")[0] is Outcome.PASS


def test_member_that_was_left_behind_is_named() -> None:
    document = in_cluster(evidence_documents.baseline(), "5.0.2")
    outcome, reason = judge(document, "LXD-VER-03", "server/lxd2")
    assert outcome is Outcome.FAIL
    assert "lxd2 runs 5.0.2" in reason


def test_member_that_tells_no_version_cannot_be_told() -> None:
    document = in_cluster(evidence_documents.baseline(), LATEST)
    document = patch(document, "servers", 1, "environment", to=GONE)
    assert judge(document, "LXD-VER-03", "server/lxd1")[0] is Outcome.ERROR


def test_member_that_was_not_asked_cannot_be_told() -> None:
    document = in_cluster(evidence_documents.baseline(), LATEST)
    document = patch(document, "servers", 1, to=evidence_documents.value(document, "servers", 0))
    assert judge(document, "LXD-VER-03", "server/lxd1")[0] is Outcome.ERROR
