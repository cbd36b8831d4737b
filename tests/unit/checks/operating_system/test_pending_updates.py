"""LXD-OS-01: what waits by apt, dnf and zypper, and the command that brings it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.sweep.system import dnf_zypper
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import Document, patch

DAY = 24 * 60 * 60
TAKEN = int(evidence_api.TAKEN.timestamp())

# The lists of dnf 4.14 and zypper 1.14 of a repository made for it; dnf 5's after its manual.
DNF_4 = "EX-2026:1 Important/Sec. demo-2-1.noarch\n"
DNF_4_ALL = "i EX-2026:1 Important/Sec. demo-2-1.noarch\n  EX-2026:2 Low/Sec. more-3-1.x86_64\n"
DNF_5 = """\
Name             Type     Severity  Package                        Issued
EX-2026-0a1b2c3d security Important demo-2-1.fc44.x86_64 2026-01-01 00:00:00
"""
ZYPPER = """\
<?xml version='1.0'?>
<stream>
<message type="info">Reading installed packages...</message>
<update-status version="0.6">
<update-list>
<update kind="patch" name="EX-2026:1" edition="1" arch="noarch" status="needed" \
category="security" severity="important" pkgmanager="true" restart="false" interactive="false">\
<summary>demo</summary><source url="file:/srv/repo" alias="x"/><issue-list/></update></update-list>
<blocked-update-list>
<update kind="patch" name="EX-2026:2" edition="1" arch="noarch" status="needed" \
category="security" severity="low" pkgmanager="false" restart="false" interactive="false"/>
</blocked-update-list>
</update-status>
</stream>
"""


def test_list_of_dnf_4_is_read() -> None:
    assert dnf_zypper.parse_dnf(DNF_4) == (
        dnf_zypper.Advisory(name="EX-2026:1", severity="Important", package="demo-2-1.noarch"),
    )


def test_list_of_what_is_installed_too_is_read() -> None:
    assert [one.name for one in dnf_zypper.parse_dnf(DNF_4_ALL)] == ["EX-2026:1", "EX-2026:2"]


def test_advisory_of_no_severity_is_read() -> None:
    (found,) = dnf_zypper.parse_dnf("EX-2026:1 Unknown/Sec. demo-2-1.noarch\n")
    assert found.severity == "Unknown"


def test_table_of_dnf_5_is_read() -> None:
    (found,) = dnf_zypper.parse_dnf(DNF_5)
    assert (found.severity, found.package) == ("Important", "demo-2-1.fc44.x86_64")


@pytest.mark.parametrize("line", ["Error: no cache", "EX-2026:1 bugfix demo-2-1.noarch"])
def test_line_that_is_no_advisory_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="unknown form"):
        dnf_zypper.parse_dnf(line)


def test_patches_that_wait_for_another_count() -> None:
    assert [one.name for one in dnf_zypper.parse_zypper(ZYPPER)] == ["EX-2026:1", "EX-2026:2"]


@pytest.mark.parametrize("text", ["", "System management is locked", "<stream/>"])
def test_answer_of_zypper_without_a_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zypper's output"):
        dnf_zypper.parse_zypper(text)


def test_index_is_as_old_as_its_oldest_repository() -> None:
    assert dnf_zypper.oldest([30, 0, 20]) == 0


def test_host_without_repositories_has_no_index() -> None:
    assert dnf_zypper.oldest([]) == 0


# --- the verdict -------------------------------------------------------------------------------


def host(manager: str, **changes: Any) -> Document:
    known = {"pending": [], "is_any_known": True, "index_time": TAKEN - DAY, **changes}
    document = patch(evidence_documents.baseline(), "host.packages", "apt", to=None)
    document = patch(document, "host.packages", "manager", to=manager)
    return patch(document, "host.packages", "advisories", to=known)


def judge(document: Document) -> Result:
    return judging.judge(evidence_documents.evidence(document))["LXD-OS-01", "host"]


def command(found: Result) -> str:
    assert found.finding
    return found.finding.remedy.command


PENDING = [{"name": "EX-2026:1", "severity": "Important", "package": "demo-2-1.noarch"}]


@pytest.mark.parametrize("manager", ["dnf", "zypper"])
def test_host_without_a_pending_advisory_passes(manager: str) -> None:
    assert judge(host(manager)).verdict is Outcome.PASS


@pytest.mark.parametrize(
    ("manager", "repair"),
    [
        ("dnf", "dnf upgrade --security --assumeyes"),
        ("zypper", "zypper --non-interactive patch --category security"),
    ],
)
def test_pending_advisory_is_found_and_brought(manager: str, repair: str) -> None:
    found = judge(host(manager, pending=PENDING))
    assert found.verdict is Outcome.FAIL
    assert "EX-2026:1 (Important: demo-2-1.noarch)" in found.reason
    assert command(found) == repair


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"index_time": 0}, "a repository of dnf has no index here: run dnf makecache"),
        ({"index_time": TAKEN - 30 * DAY}, "30 days old: run dnf makecache"),
        ({"is_any_known": False}, "no repository of dnf tells which updates are about security"),
    ],
)
def test_index_that_tells_nothing_is_no_pass(changes: dict[str, Any], why: str) -> None:
    found = judge(host("dnf", **changes))
    assert found.verdict is Outcome.ERROR
    assert why in found.reason


def test_manager_that_nobody_asked_is_no_pass() -> None:
    document = patch(host("yum"), "host.packages", "advisories", to=None)
    assert judge(document).reason == "cannot tell: no way to ask the package manager (yum)"


def by_apt(count: int, **changes: list[Any]) -> Document:
    upgrades = [evidence_sweep.upgrade(f"lib{n}", is_security=True) for n in range(count)]
    document = patch(
        evidence_documents.baseline(), "host.packages", "apt", "upgrades", to=upgrades
    )
    for key, value in changes.items():
        document = patch(document, "host.packages", "apt", key, to=value)
    return document


def test_few_updates_are_brought_alone() -> None:
    assert command(judge(by_apt(2))) == "apt-get install --only-upgrade --yes lib0 lib1"


def test_many_updates_are_brought_by_an_upgrade() -> None:
    assert command(judge(by_apt(9))) == "apt-get upgrade --with-new-pkgs --yes"


def test_what_is_on_hold_is_released_first() -> None:
    # An upgrade would leave it out, and the finding would come back for ever.
    wanted = " ".join(f"lib{n}" for n in range(9))
    assert command(judge(by_apt(9, held=["lib3"]))) == (
        f"apt-mark unhold lib3 && apt-get install --only-upgrade --yes {wanted}"
    )


def test_what_a_pin_keeps_away_is_named_with_its_version() -> None:
    assert command(judge(by_apt(2, kept_back=["lib1"]))) == (
        "apt-get install --only-upgrade --yes lib0 lib1=1.0-2"
    )


def six(last: str) -> Result:
    pending = [{**PENDING[0], "name": name} for name in (*"abcde", last)]
    return judge(host("dnf", pending=pending))


def test_every_update_of_many_is_told_one_by_one() -> None:
    first, other = (six(last).finding for last in "fg")
    assert first is not None
    assert other is not None
    assert first.observed == other.observed
    assert first.details != other.details
    assert len(first.details) == 6


def test_few_updates_are_told_once() -> None:
    found = judge(host("dnf", pending=PENDING)).finding
    assert found is not None
    assert found.details == ()
