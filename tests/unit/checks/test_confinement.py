"""The controls for containers on evidence made by hand: each trap of the facts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_lxdsec.policy import Policy
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import GONE, add, attach, configure, patch, value

Document = dict[str, Any]
BUILDER, WEB = "instance/default/builder1", "instance/default/web1"
WALLS = ("host.confinement", "builder1")
POOL = f"{evidence_sweep.LXD_DIR}/storage-pools/default"


def well() -> Document:
    return evidence_documents.with_privileged(evidence_documents.baseline())


def judge(document: Document, control: str, subject: str, *, site: Policy | None = None) -> Result:
    return judging.judge(evidence_documents.evidence(document), site=site)[control, subject]


def mounted(line: str) -> Document:
    seen = value(well(), *WALLS, "mountinfo")
    return patch(well(), *WALLS, "mountinfo", to=f"{seen}{line}\n")


# --- what of the host is passed in --------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("500 400 252:0 /etc /mnt ro - ext4 /dev/vda1 rw", "/mnt is the host's /etc, read-only"),
        ("500 400 0:21 / /mnt/proc rw - proc proc rw", "/mnt/proc is the host's /proc"),
        ("500 400 0:22 / /mnt rw - sysfs sysfs rw", "/mnt is the host's /sys"),
        ("500 400 0:29 / /mnt rw - cgroup2 cgroup2 rw", "/mnt is the host's /sys/fs/cgroup"),
        ("500 400 0:5 /vda /data rw - devtmpfs udev rw", "/data is the host's /dev/vda"),
        ("500 400 0:60 / /mnt rw - tmpfs tmpfs rw", "/mnt is the host's"),
        (
            f"500 400 252:0 {POOL}/containers/web1/rootfs /mnt rw - ext4 /dev/vda1 rw",
            "containers/web1/rootfs, read-write",
        ),
        # A disk that the daemon has not mounted is the host's no less.
        (
            "500 400 8:17 / /mnt rw - ext4 /dev/sdb1 rw",
            "/mnt is a disk of the host's, /dev/sdb1 (8:17), read-write",
        ),
        ("500 400 0:97 / /mnt rw - btrfs /dev/sdc rw", "/mnt is a disk of the host's, /dev/sdc"),
        # In their place, too: what LXD shows there is the container's own.
        ("500 400 0:21 / /proc rw - proc proc rw", "/proc is the host's /proc"),
        ("500 400 0:22 / /sys ro - sysfs sysfs rw", "/sys is the host's /sys, read-only"),
        ("500 400 0:29 / /sys/fs/cgroup rw - cgroup2 none rw", "is the host's /sys/fs/cgroup"),
        (
            "500 400 0:29 /lxc.payload.web1 /mnt rw - cgroup2 none rw",
            "/mnt is the host's /sys/fs/cgroup/lxc.payload.web1",
        ),
    ],
)
def test_path_of_the_host_is_found_by_what_is_mounted(line: str, found: str) -> None:
    result = judge(mounted(line), "LXD-PRV-06", BUILDER)
    assert result.verdict is Outcome.FAIL
    assert found in result.reason


@pytest.mark.parametrize(
    "line",
    [
        "500 400 0:90 / /run rw - tmpfs tmpfs rw",  # its own
        "500 400 0:96 / /mnt rw - nfs4 10.0.0.1:/srv rw",  # no file system that the host has
        "500 400 0:95 / /proc/stat rw - fuse.lxcfs lxcfs rw",
        f"500 400 252:0 {POOL}/custom/default_data /data rw - ext4 /dev/vda1 rw",
        f"500 400 252:0 {POOL}/containers/builder1/rootfs/srv /mnt rw - ext4 /dev/vda1 rw",
    ],
)
def test_its_own_mounts_and_volumes_are_not_the_hosts(line: str) -> None:
    assert judge(mounted(line), "LXD-PRV-06", BUILDER).verdict is Outcome.PASS


@pytest.mark.parametrize(
    "root",
    [
        "252:0 / / rw - ext4 /dev/vda1 rw",
        f"252:0 {POOL}/containers/web1/rootfs / rw - ext4 /dev/vda1 rw",
        "252:0 /srv/storage-pools/default/containers/builder1/rootfs / rw - ext4 /dev/vda1 rw",
    ],
)
def test_root_that_is_not_the_pools_is_the_hosts(root: str) -> None:
    result = judge(rooted(root), "LXD-PRV-06", BUILDER)
    assert result.verdict is Outcome.FAIL
    assert result.reason.startswith("its root is the host's /")


def rooted(root: str) -> Document:
    """With the first line of the container's table, its root, told otherwise."""
    _, _, rest = value(well(), *WALLS, "mountinfo").partition("\n")
    return patch(well(), *WALLS, "mountinfo", to=f"400 300 {root}\n{rest}")


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        (f"dir:{POOL}/containers/builder1/rootfs", Outcome.PASS),
        ("/", Outcome.FAIL),
        ("", Outcome.ERROR),
    ],
)
def test_root_that_the_daemon_has_not_mounted_is_what_liblxc_was_told(
    told: str, outcome: Outcome
) -> None:
    """A pool on its own disk is not mounted after a restart of the daemon."""
    document = rooted("252:7 /rootfs / rw - ext4 /dev/dm-7 rw")
    line = f"lxc.rootfs.path = {told}\n" * bool(told)
    text = value(well(), *WALLS, "lxc_conf", "text") + line
    document = patch(document, *WALLS, "lxc_conf", "text", to=text)
    assert judge(document, "LXD-PRV-06", BUILDER).verdict is outcome


def remounted(old: str, new: str) -> Document:
    seen = value(well(), *WALLS, "mountinfo")
    assert old in seen
    return patch(well(), *WALLS, "mountinfo", to=seen.replace(old, new))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (remounted("/sys /proc/sys ro", "/sys /proc/sys rw"), "/proc/sys"),
        (remounted("/ /sys ro", "/ /sys rw"), "/sys"),
        (mounted("500 402 0:71 / /dev/.lxc/proc rw - proc proc rw"), "/dev/.lxc/proc/sys"),
        (mounted("500 400 0:72 / /dev/.lxc/sys rw - sysfs sysfs rw"), "/dev/.lxc/sys"),
        (mounted("500 403 0:71 /sys/vm /proc/sys/vm rw - proc proc rw"), "/proc/sys/vm"),
        # What lies below it is not what closes it.
        (remounted("403 402 0:71", "403 399 0:71"), "/proc/sys"),
    ],
)
def test_settings_of_the_kernel_that_can_be_written_are_found(
    document: Document, place: str
) -> None:
    result = judge(document, "LXD-PRV-06", BUILDER)
    assert f"{place} lets its root write to the kernel's settings" in result.reason


@pytest.mark.parametrize(
    "line",
    [
        "500 403 0:71 /sys/net /proc/sys/net rw - proc proc rw",
        "500 404 0:72 /devices/virtual/net /sys/devices/virtual/net rw - sysfs sysfs rw",
    ],
)
def test_settings_of_its_own_network_are_its_own(line: str) -> None:
    assert judge(mounted(line), "LXD-PRV-06", BUILDER).verdict is Outcome.PASS


def test_nesting_that_gave_it_the_mounts_is_taken_away() -> None:
    document = mounted("500 402 0:71 / /dev/.lxc/proc rw - proc proc rw")
    document = configure(document, "default/builder1", "security.nesting", "true")
    result = judge(document, "LXD-PRV-06", BUILDER)
    assert result.finding is not None
    assert "unset builder1 security.nesting" in result.finding.remedy.command


def test_device_is_known_by_its_number_not_its_name() -> None:
    nodes = {"/dev/null2": "b 8:0"}
    result = judge(patch(well(), *WALLS, "nodes", to=nodes), "LXD-PRV-06", BUILDER)
    assert "/dev/null2 is the host's device b 8:0" in result.reason


def test_device_that_brings_it_is_removed_where_it_is_set() -> None:
    document = mounted("500 400 252:0 /etc /mnt/x rw - ext4 /dev/vda1 rw")
    disk = {"type": "disk", "source": "/etc", "path": "mnt/x"}
    result = judge(attach(document, "default/builder1", "x", disk), "LXD-PRV-06", BUILDER)
    assert result.finding is not None
    assert result.finding.remedy.command.startswith("lxc config device remove builder1 x")


@pytest.mark.parametrize("programs", [{}, {"/": 3}, {"/lxc.payload.builder1": 0, "/": 1}])
def test_program_above_all_containers_limits_none(programs: dict[str, int]) -> None:
    result = judge(
        patch(well(), *WALLS, "devices", "programs", to=programs), "LXD-PRV-06", BUILDER
    )
    assert "no devices cgroup limits" in result.reason


def test_init_may_live_below_its_own_control_group() -> None:
    group = "/lxc.payload.builder1/init.scope"
    document = patch(well(), *WALLS, "devices", "group", to=group)
    assert judge(document, "LXD-PRV-06", BUILDER).verdict is Outcome.PASS


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        ("c *:* m\nb *:* m\nc 1:3 rwm\nc 136:* rwm\n", Outcome.PASS),
        ("a *:* rwm\n", Outcome.FAIL),
        ("b *:* rwm\n", Outcome.FAIL),
        ("c 1:3 rwm\nb 8:0 r\n", Outcome.FAIL),
        ("nonsense\n", Outcome.ERROR),
    ],
)
def test_list_of_v1_is_read(rules: str, outcome: Outcome) -> None:
    devices = {"group": "", "programs": {}, "rules": rules, "error": ""}
    document = patch(well(), *WALLS, "devices", to=devices)
    assert judge(document, "LXD-PRV-06", BUILDER).verdict is outcome


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("lxc.cgroup2.devices.allow = a", Outcome.FAIL),
        ("lxc.cgroup2.devices.allow = b 8:* rwm", Outcome.FAIL),
        ("lxc.cgroup2.devices.allow = c 10:249 rwm", Outcome.PASS),
    ],
)
def test_program_allows_what_liblxc_was_told(line: str, outcome: Outcome) -> None:
    text = value(well(), *WALLS, "lxc_conf", "text") + line + "\n"
    document = patch(well(), *WALLS, "lxc_conf", "text", to=text)
    assert judge(document, "LXD-PRV-06", BUILDER).verdict is outcome


# --- seccomp ------------------------------------------------------------------------------------


def test_filter_of_another_file_is_not_lxds() -> None:
    told = value(well(), *WALLS, "lxc_conf", "text") + "lxc.seccomp.profile = /etc/own\n"
    result = judge(patch(well(), *WALLS, "lxc_conf", "text", to=told), "LXD-PRV-02", BUILDER)
    assert "its filter is from /etc/own" in result.reason


def test_active_filter_that_refuses_nothing_is_found_and_a_pending_restart_told() -> None:
    document = patch(well(), *WALLS, "seccomp_policy", "text", to="2\ndenylist\n[all]\n")
    result = judge(document, "LXD-PRV-02", BUILDER)
    assert "lets reject_force_umount" in result.reason
    assert "a restart is pending" in result.reason


def test_seccomp_of_an_unreadable_file_cannot_be_told() -> None:
    document = patch(well(), *WALLS, "seccomp_policy", to={"text": "", "error": "gone"})
    assert judge(document, "LXD-PRV-02", BUILDER).verdict is Outcome.ERROR


# --- namespaces ---------------------------------------------------------------------------------


def test_namespace_of_another_container_is_found() -> None:
    theirs = value(well(), "host.containers", "web1", "namespaces", "ipc")
    document = patch(well(), "host.containers", "builder1", "namespaces", "ipc", to=theirs)
    result = judge(document, "LXD-PRV-04", BUILDER)
    assert result.reason == f"its ipc namespace ({theirs}) is that of web1"


def test_namespace_of_the_host_is_found_where_the_daemon_has_another() -> None:
    document = patch(well(), "host.containers", "builder1", "namespaces", "mnt", to="mnt:[1]")
    document = patch(document, "host.view", "namespaces", "mnt", to="mnt:[1]")
    assert judge(document, "LXD-PRV-04", BUILDER).reason.endswith("is that of the host")


def test_namespace_of_another_daemons_container_is_found() -> None:
    theirs = evidence_sweep.neighbour(70)
    document = patch(well(), "host.view", "neighbours", to=[theirs])
    ipc = theirs["namespaces"]["ipc"]
    document = patch(document, "host.containers", "builder1", "namespaces", "ipc", to=ipc)
    result = judge(document, "LXD-PRV-04", BUILDER)
    assert result.reason.endswith("is that of c1 of /var/lib/incus/containers (pid 9001)")


# --- keys ---------------------------------------------------------------------------------------


def test_key_of_a_stopped_privileged_container_counts() -> None:
    document = configure(well(), "default/spare1", "security.privileged", "1")
    document = configure(document, "default/spare1", "raw.seccomp", "2\nallowlist\n")
    result = judge(document, "LXD-PRV-05", "instance/default/spare1")
    assert result.verdict is Outcome.FAIL
    assert result.finding is not None
    assert "restart" not in result.finding.remedy.command


def test_unknown_line_of_raw_lxc_cannot_be_told() -> None:
    document = configure(well(), "default/builder1", "raw.lxc", "lxc.brand.new = 1")
    assert judge(document, "LXD-PRV-05", BUILDER).verdict is Outcome.ERROR
    document = configure(well(), "default/web1", "raw.lxc", "lxc.brand.new = 1")
    assert judge(document, "LXD-UNP-06", WEB).verdict is Outcome.ERROR


@pytest.mark.parametrize(("control", "name"), [("LXD-PRV-05", "builder1"), ("LXD-UNP-06", "web1")])
def test_modules_of_the_host_are_for_a_person_to_judge(control: str, name: str) -> None:
    document = configure(well(), f"default/{name}", "linux.kernel_modules", "overlay")
    result = judge(document, control, f"instance/default/{name}")
    assert result.verdict is Outcome.MANUAL
    assert "load 'overlay'" in result.reason


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("both 0 0", "includes host uid 0 (root)"),
        ("both 1000 1000", "includes host uid 1000 (alice)"),
        ("gid 27 27", "includes host gid 27 (sudo)"),
        ("uid 995-1005 5-15", "includes host uid 1000 (alice), host uid 1001 (mallory)"),
        ("both 100010 1000", "subordinate uids 100000-165535 of alice"),
        ("both 5000000 0", "makes its root host uid 5000000"),
    ],
)
def test_raw_idmap_is_judged_by_whom_it_reaches(raw: str, found: str) -> None:
    result = judge(configure(well(), "default/web1", "raw.idmap", raw), "LXD-UNP-06", WEB)
    assert result.verdict is Outcome.FAIL
    assert found in result.reason


def test_raw_idmap_to_free_ids_undoes_nothing() -> None:
    document = configure(well(), "default/web1", "raw.idmap", "both 5000000 1000")
    assert judge(document, "LXD-UNP-06", WEB).verdict is Outcome.PASS


@pytest.mark.parametrize(
    ("control", "raw", "outcome"),
    [
        ("LXD-UNP-02", "", Outcome.MANUAL),
        ("LXD-UNP-06", "both 5000000 1000", Outcome.MANUAL),
        ("LXD-UNP-06", "", Outcome.PASS),
    ],
)
def test_accounts_that_nobody_can_list_may_have_ids_of_the_map(
    control: str, raw: str, outcome: Outcome
) -> None:
    """SSSD gives the users of a domain ids from 200000 on: LXD's default range has those."""
    document = patch(well(), "host.group_holders", "unlisted", to=["sss"])
    if raw:
        document = configure(document, "default/web1", "raw.idmap", raw)
    assert judge(document, control, WEB).verdict is outcome
    site = Policy(trusted_directories=("sss",))
    assert judge(document, control, WEB, site=site).verdict is Outcome.PASS


# --- the map in force ---------------------------------------------------------------------------


def test_privilege_taken_away_without_a_restart_is_told_as_such() -> None:
    document = configure(well(), "default/builder1", "security.privileged", "false")
    result = judge(document, "LXD-UNP-03", BUILDER)
    assert "the configuration says unprivileged, the kernel still maps the host's" in result.reason
    assert "a restart is pending" in result.reason


def test_base_that_is_not_in_force_is_found() -> None:
    document = configure(well(), "default/web1", "security.idmap.base", "3000000")
    assert "kernel still maps uids from 1262144" in judge(document, "LXD-UNP-03", WEB).reason


def shared(start: int, size: int) -> Document:
    """With web1 not isolated, and this map in force and in LXD's records."""
    document = configure(well(), "default/web1", "security.idmap.isolated", "false")
    line = f"0 {start} {size}"
    for kind in ("uid_map", "gid_map"):
        document = patch(document, "host.containers", "web1", kind, to=f"{line}\n")
    return evidence_documents.record_map(document, "default/web1", line)


def test_size_without_isolation_has_no_effect() -> None:
    document = configure(
        shared(1_000_000, 1_000_000_000), "default/web1", "security.idmap.size", "1000"
    )
    assert judge(document, "LXD-UNP-03", WEB).verdict is Outcome.PASS


def test_container_that_is_not_isolated_has_all_ids_of_lxds() -> None:
    """Every user of LXD can edit the map that LXD has recorded."""
    result = judge(shared(1_262_144, 65536), "LXD-UNP-03", WEB)
    assert "says not isolated, the kernel maps 65536 uids from 1262144" in result.reason
    assert result.finding is not None
    assert "config set web1 security.idmap.isolated=true" in result.finding.remedy.command
    assert "config set web1 security.idmap.isolated=false" in result.finding.remedy.command


def test_range_that_is_none_of_lxds_cannot_be_told() -> None:
    assert judge(shared(5_000_000, 1000), "LXD-UNP-03", WEB).verdict is Outcome.ERROR


def test_range_of_lxds_by_the_file_is_its_range() -> None:
    document = shared(100_000, 10_000_001)
    text = "root:5:5\nRoot:100000:10000001\nroot:200000:65536\n"
    document = patch(
        document, "host.subordinate_ids", to={"value": {"subuid": text, "subgid": text}}
    )
    assert judge(document, "LXD-UNP-03", WEB).verdict is Outcome.PASS


def test_map_within_which_raw_idmap_takes_ids_is_the_configured_one() -> None:
    document = configure(well(), "default/web1", "raw.idmap", "both 5000000 1000")
    lines = "0 1262144 1000\n1000 5000000 1\n1001 1263145 64535\n"
    for kind in ("uid_map", "gid_map"):
        document = patch(document, "host.containers", "web1", kind, to=lines)
    entries = [
        {"Isuid": True, "Isgid": True, "Hostid": host, "Nsid": inside, "Maprange": count}
        for inside, host, count in ((0, 1262144, 1000), (1000, 5000000, 1), (1001, 1263145, 64535))
    ]
    for key in ("volatile.idmap.next", "volatile.idmap.current"):
        document = configure(document, "default/web1", key, json.dumps(entries))
    assert judge(document, "LXD-UNP-03", WEB).verdict is Outcome.PASS


def test_record_edited_by_hand_is_found() -> None:
    document = evidence_documents.record_map(well(), "default/web1", "0 7000000 65536")
    assert "a restart would give it" in judge(document, "LXD-UNP-03", WEB).reason


def test_without_lxds_record_nobody_knows_what_a_restart_would_do() -> None:
    document = patch(
        well(), "instances", "default/web1", "expanded_config", "volatile.idmap.next", to=GONE
    )
    assert judge(document, "LXD-UNP-03", WEB).verdict is Outcome.ERROR


# --- isolation, and who it is with --------------------------------------------------------------


def test_declared_group_may_share_its_ids() -> None:
    document = configure(well(), "default/web1", "security.idmap.isolated", "no")
    site = Policy(sharing_groups=(("default/web*",),))
    assert judge(document, "LXD-UNP-04", WEB).verdict is Outcome.FAIL
    assert judge(document, "LXD-UNP-04", WEB, site=site).verdict is Outcome.PASS


def test_containers_of_another_member_do_not_share_with_these() -> None:
    """Members allocate each for itself, so the same ranges are normal."""
    document = well()
    for part, path in (("server", ()), ("servers", (0,))):
        where = (*path, "environment", "server_clustered")
        document = patch(document, part, *where, to=True)
    for index in range(len(value(document, "instances"))):
        document = patch(document, "instances", index, "location", to="lxd1")
    document = patch(document, "instances", "tenants/web1", "location", to="lxd2")
    results = judging.judge(evidence_documents.evidence(document))
    assert results["LXD-UNP-05", WEB].verdict is Outcome.PASS
    assert results["LXD-UNP-05", "instance/tenants/web1"].verdict is Outcome.ERROR
    assert results["LXD-UNP-07", "instance/tenants/web1"].verdict is Outcome.ERROR


def test_container_of_another_daemon_may_not_have_the_same_ids() -> None:
    """Not that of a privileged one either, whose ids are the host's."""
    theirs = evidence_sweep.neighbour(4)  # as web1
    document = patch(well(), "host.view", "neighbours", to=[theirs])
    result = judge(document, "LXD-UNP-05", WEB)
    assert "with c1 of /var/lib/incus/containers (pid 9001)" in result.reason
    assert result.finding is not None
    assert "lxc config set web1 security.idmap.base=" in result.finding.remedy.command
    privileged = theirs | {"uid_map": "0 0 4294967295\n", "gid_map": "0 0 4294967295\n"}
    privileged["namespaces"] = evidence_sweep.namespaces(0)
    document = patch(well(), "host.view", "neighbours", to=[privileged])
    assert judge(document, "LXD-UNP-05", WEB).verdict is Outcome.PASS


def test_no_range_that_another_daemons_container_leaves_free_is_told_with_the_finding() -> None:
    theirs = evidence_sweep.neighbour(4)
    theirs["uid_map"] = theirs["gid_map"] = "0 1000000 1000000000\n"
    document = patch(well(), "host.view", "neighbours", to=[theirs])
    result = judge(document, "LXD-UNP-05", WEB)
    assert result.verdict is Outcome.FAIL
    assert result.finding is not None
    assert "other subordinate IDs" in result.finding.remedy.note


def test_container_that_lxd_does_not_list_counts_for_the_others() -> None:
    theirs = evidence_sweep.container("gone1", 4) | {"pid": 9002}
    result = judge(add(well(), "host.containers", entry=theirs), "LXD-UNP-05", WEB)
    assert "with gone1 of " in result.reason


@pytest.mark.parametrize(("daemons", "outcome"), [(2, Outcome.ERROR), (1, Outcome.PASS)])
def test_containers_of_another_daemon_that_nobody_looked_for_cannot_be_told(
    daemons: int, outcome: Outcome
) -> None:
    document = patch(well(), "host.view", "neighbours", to=GONE)
    found = [evidence_sweep.daemon() | {"pid": 4242 + number} for number in range(daemons)]
    document = patch(document, "host.daemons", to={"value": found})
    assert judge(document, "LXD-UNP-05", WEB).verdict is outcome
    assert judge(document, "LXD-PRV-04", BUILDER).verdict is outcome


ENFORCED = ("LXD-UNP-02", "LXD-UNP-03", "LXD-UNP-05", "LXD-LOC-06")


@pytest.mark.parametrize("status", ["Error", "Stopped"])
@pytest.mark.parametrize("control", ENFORCED)
def test_container_with_a_living_init_is_judged_whatever_lxd_says(
    control: str, status: str
) -> None:
    document = patch(well(), "instances", "default/web1", "status", to=status)
    assert judge(document, control, WEB).verdict is Outcome.PASS


@pytest.mark.parametrize("control", [*ENFORCED, "LXD-UNP-07", "LXD-NAM-03"])
def test_whether_one_runs_of_which_lxd_does_not_know_cannot_be_told(control: str) -> None:
    """LXD's word for whatever did not answer it in time is Error."""
    document = patch(well(), "instances", "default/spare1", "status", to="Error")
    assert judge(document, control, "instance/default/spare1").verdict is Outcome.ERROR


def test_one_that_may_run_somewhere_does_not_hide_the_others() -> None:
    """All processes were looked at, so whom the others meet is known."""
    document = patch(well(), "instances", "default/spare1", "status", to="Error")
    assert judge(document, "LXD-UNP-05", WEB).verdict is Outcome.PASS


def test_stopped_container_does_not_run_by_lxds_word_alone() -> None:
    document = evidence_documents.without_host(well())
    result = judge(document, "LXD-UNP-02", "instance/default/spare1")
    assert result.verdict is Outcome.NOT_APPLICABLE


def test_frozen_container_is_judged() -> None:
    db1 = "instance/default/db1"
    assert judge(well(), "LXD-UNP-02", db1).verdict is Outcome.PASS
    assert judge(well(), "LXD-UNP-03", db1).verdict is Outcome.PASS


def test_container_whose_process_vanished_cannot_be_told() -> None:
    containers = [c for c in value(well(), "host.containers") if c["lxc_name"] != "builder1"]
    document = patch(well(), "host.containers", to={"value": containers})
    results = judging.judge(evidence_documents.evidence(document))
    for number in (1, 2, 3, 4, 6, 7):
        assert results[f"LXD-PRV-0{number}", BUILDER].verdict is Outcome.ERROR


def test_virtual_machine_is_not_applicable() -> None:
    results = judging.judge(evidence_documents.evidence(well()))
    mine = ("LXD-UNP-", "LXD-PRV-", "LXD-NAM-03")
    found = {
        control: result.verdict
        for (control, subject), result in results.items()
        if subject == "instance/default/vm1" and control.startswith(mine)
    }
    assert len(found) == 15
    assert set(found.values()) == {Outcome.NOT_APPLICABLE}


# --- names --------------------------------------------------------------------------------------


def told(document: Document, old: str, new: str) -> Document:
    output = value(document, "probes", "default/web1", "output")
    assert old in output
    return patch(document, "probes", "default/web1", "output", to=output.replace(old, new))


def test_names_of_others_that_can_be_read_are_told() -> None:
    lines = "name cfs_rq[0]:/lxc.payload.tenants_web1/x\nname x(3:lxc.payload.web1)\nend\n"
    document = told(well(), "slab: no: Permission denied", "slab: ok")
    result = judge(told(document, "end\n", lines), "LXD-NAM-03", WEB)
    assert "they contain tenants/web1" in result.reason
    assert "default/web1" not in result.reason


@pytest.mark.parametrize("file", ["/sys/kernel/slab", "/proc/sched_debug"])
def test_file_that_root_inside_may_have_unmounted_cannot_be_told(file: str) -> None:
    document = told(well(), f"{file}: no: Permission denied", f"{file}: absent")
    assert judge(document, "LXD-NAM-03", WEB).verdict is Outcome.ERROR
    # Where the host has none either, there is none.
    control = evidence_sweep.control().replace(f"{file}: ok", f"{file}: absent")
    document = patch(document, "host.control", to={"value": control})
    assert judge(document, "LXD-NAM-03", WEB).verdict is Outcome.PASS


DEBUGFS = "500 405 0:7 / /sys/kernel/debug rw - debugfs debugfs rw\n"


@pytest.mark.parametrize(
    ("mount", "mode", "outcome"),
    [
        ("", 0o755, Outcome.PASS),  # nobody in a user namespace can mount it
        (DEBUGFS, 0o700, Outcome.PASS),
        (DEBUGFS, 0o755, Outcome.ERROR),
    ],
)
def test_debugfs_that_shows_no_file_inside_says_why(
    mount: str, mode: int, outcome: Outcome
) -> None:
    document = told(well(), "sched/debug: no: Permission denied", "sched/debug: absent")
    seen = value(document, "host.confinement", "web1", "mountinfo")
    document = patch(document, "host.confinement", "web1", "mountinfo", to=seen + mount)
    document = patch(document, "host.kernel_files", "/sys/kernel/debug", "mode", to=mode)
    assert judge(document, "LXD-NAM-03", WEB).verdict is outcome


@pytest.mark.parametrize(
    ("label", "rules", "outcome"),
    [
        ("", "", Outcome.PASS),
        ("unconfined", "", Outcome.ERROR),
        ("", "/sys/kernel/debug/** r,", Outcome.ERROR),
    ],
)
def test_debugfs_is_closed_to_the_hosts_root_by_lxds_profile_alone(
    label: str, rules: str, outcome: Outcome
) -> None:
    document = well()
    output = value(document, "probes", "default/builder1", "output")
    output = output.replace("sched/debug: no: Permission denied", "sched/debug: absent")
    document = patch(document, "probes", "default/builder1", "output", to=output)
    if label:
        document = patch(document, "host.containers", "builder1", "label", to=label)
    if rules:
        document = configure(document, "default/builder1", "raw.apparmor", rules)
    assert judge(document, "LXD-NAM-03", BUILDER).verdict is outcome


def test_file_that_the_host_cannot_read_either_tells_nothing() -> None:
    control = evidence_sweep.control().replace("slab: ok", "slab: no: Permission denied")
    document = patch(well(), "host.control", to={"value": control})
    assert judge(document, "LXD-NAM-03", WEB).verdict is Outcome.ERROR


@pytest.mark.parametrize(
    ("debugfs", "file", "outcome"),
    [
        (0o700, 0o444, Outcome.PASS),
        (0o755, 0o444, Outcome.FAIL),
        (0o755, 0o400, Outcome.PASS),
    ],
)
def test_scheduler_is_closed_by_itself_or_by_what_is_above(
    debugfs: int, file: int, outcome: Outcome
) -> None:
    document = patch(well(), "host.kernel_files", "/sys/kernel/debug", "mode", to=debugfs)
    where = ("host.kernel_files", "/sys/kernel/debug/sched/debug", "mode")
    assert judge(patch(document, *where, to=file), "LXD-NAM-02", "host").verdict is outcome


@pytest.mark.parametrize(
    ("mounted", "outcome"),
    [
        ("0:7 / /mnt/debug rw - debugfs none rw,mode=755", Outcome.FAIL),
        ("0:7 / /mnt/debug rw - debugfs none rw", Outcome.ERROR),
        ("0:7 / /sys/kernel/debug rw - debugfs none rw", Outcome.PASS),
        ("0:8 / /mnt/debug rw - tmpfs none rw,mode=755", Outcome.PASS),
    ],
)
def test_debugfs_is_looked_for_where_it_need_not_be(mounted: str, outcome: Outcome) -> None:
    document = well()
    for path in ("/proc/sched_debug", "/sys/kernel/debug/sched/debug"):
        document = patch(document, "host.kernel_files", path, "exists", to=False)
    table = f"{evidence_sweep.HOST_MOUNTS}500 24 {mounted}\n"
    document = patch(document, "host.view", "mountinfo", to=table)
    assert judge(document, "LXD-NAM-02", "host").verdict is outcome


def at_boot(lines: list[str], *units: Document) -> Document:
    found = [{"file": f"/etc/tmpfiles.d/{n}.conf", "line": line} for n, line in enumerate(lines)]
    boot = {"has_tmpfiles": True, "tmpfiles": found, "units": list(units)}
    document = patch(well(), "host.at_boot", to={"value": boot})
    return patch(document, "host.kernel_files", "/proc/sched_debug", "exists", to=False)


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (["z /sys/kernel/slab 0700"], Outcome.PASS),
        (["z! /sys/kernel/sla? 700 root root"], Outcome.PASS),
        (["z /sys/kernel/slab ~0700"], Outcome.PASS),
        (["z /sys/kernel/slab :0700"], Outcome.FAIL),
        (["z /sys/kernel/slab :~0700"], Outcome.FAIL),
        (["z /sys/kernel/slab 0755"], Outcome.FAIL),
        (["z /sys/kernel/slab"], Outcome.FAIL),
        (["z /sys/kernel/slab 0700 lxd"], Outcome.FAIL),
        (["d /sys/kernel/slab 0700"], Outcome.FAIL),
        # Of two for one path the first file wins.
        (["z /sys/kernel/slab 0755", "z /sys/kernel/slab 0700"], Outcome.FAIL),
        ([], Outcome.FAIL),
    ],
)
def test_line_of_tmpfiles_counts_if_it_closes(lines: list[str], outcome: Outcome) -> None:
    assert judge(at_boot(lines), "LXD-NAM-04", "host").verdict is outcome


@pytest.mark.parametrize(
    ("command", "before", "enabled", "outcome"),
    [
        ("/bin/chmod 700 /sys/kernel/slab/", "lxd.service", True, Outcome.PASS),
        ("/bin/sh -c 'chmod go= /sys/kernel/slab'", "sysinit.target", True, Outcome.PASS),
        ("/bin/chmod 755 /sys/kernel/slab", "lxd.service", True, Outcome.FAIL),
        ("/bin/chmod 700 /sys/kernel/slab", "lxd.service", False, Outcome.FAIL),
        ("/bin/chmod 700 /sys/kernel/slab", "nginx.service", True, Outcome.FAIL),
        ("/bin/chmod 700 /sys/kernel/slabs", "lxd.service", True, Outcome.FAIL),
    ],
)
def test_unit_counts_if_it_closes_before_lxd(
    command: str, before: str, *, enabled: bool, outcome: Outcome
) -> None:
    unit = {
        "file": "/etc/systemd/system/names.service",
        "commands": [command],
        "before": [before],
        "is_enabled": enabled,
    }
    assert judge(at_boot([], unit), "LXD-NAM-04", "host").verdict is outcome


def test_probe_that_failed_in_one_container_is_that_containers_error() -> None:
    probe = {"project": "default", "name": "web1", "output": "", "error": "no /bin/sh"}
    probes = [
        p for p in value(well(), "probes") if p["name"] != "web1" or p["project"] == "tenants"
    ]
    document = add(patch(well(), "probes", to={"value": probes}), "probes", entry=probe)
    results = judging.judge(evidence_documents.evidence(document))
    assert results["LXD-UNP-07", WEB].verdict is Outcome.ERROR
    assert results["LXD-UNP-07", "instance/tenants/web1"].verdict is Outcome.PASS


def without(output: str, *attempts: str) -> str:
    """Return what the probe prints where there is nothing to try these on."""
    lines = (line.partition(": ")[0] for line in output.splitlines())
    kept = zip(lines, output.splitlines(), strict=True)
    return "".join(
        f"{what}: absent\n" if what.startswith(attempts) else f"{line}\n" for what, line in kept
    )


@pytest.mark.parametrize(
    ("gone", "outcome", "found"),
    [
        (
            ("write /proc/sys/kernel/modprobe", "write /proc/sys/kernel/modules_disabled"),
            Outcome.PASS,
            "this kernel has no file or device to try it on: govern kernel modules",
        ),
        (("write", "mknod", "open", "mount"), Outcome.ERROR, "nothing was refused"),
    ],
)
def test_what_no_kernel_has_was_refused_to_nobody(
    gone: tuple[str, ...], outcome: Outcome, found: str
) -> None:
    output = without(value(well(), "probes", "default/web1", "output"), *gone)
    document = patch(well(), "probes", "default/web1", "output", to=output)
    control = without(evidence_sweep.control(), *gone)
    result = judge(patch(document, "host.control", to={"value": control}), "LXD-UNP-07", WEB)
    assert result.verdict is outcome
    assert found in result.reason
