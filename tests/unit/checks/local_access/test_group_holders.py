"""LXD-LOC-03: everybody who gets the socket's group, by whatever way."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lxdsec.policy import Policy
from pytest_lxdsec.sweep.access import group_holders
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import patch

GID = evidence_sweep.LXD_GID


def judge(site: Policy | None = None, **changes: Any) -> tuple[Outcome, str]:
    document = evidence_documents.baseline()
    for key, value in changes.items():
        document = patch(document, "host.group_holders", key, to=value)
    evidence = evidence_documents.evidence(document)
    found = judging.judge(evidence, site=site)["LXD-LOC-03", "host"]
    return found.verdict, found.reason


def shadow(**changes: Any) -> list[dict[str, Any]]:
    entry = {"name": "lxd", "has_password": False, "administrators": [], "members": []}
    return [entry | changes]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shadows": shadow(administrators=["mallory"])}, "mallory (administrator of lxd)"),
        ({"shadows": shadow(members=["mallory"])}, "mallory (member of lxd by gshadow)"),
        ({"shadows": shadow(has_password=True)}, "knows the group's password (newgrp lxd)"),
        ({"by_login": [{"gid": GID, "users": ["mallory"]}]}, "mallory (gets lxd at login)"),
    ],
)
def test_way_to_the_group_that_its_list_does_not_show_is_found(
    changes: dict[str, Any], told: str
) -> None:
    outcome, reason = judge(**changes)
    assert outcome is Outcome.FAIL
    assert told in reason


def test_shadow_of_another_group_is_of_no_interest() -> None:
    entry = shadow(name="games", administrators=["mallory"])
    assert judge(shadows=entry)[0] is Outcome.PASS


def test_who_is_named_twice_is_told_once() -> None:
    _, reason = judge(
        shadows=shadow(administrators=["mallory"]),
        by_login=[{"gid": GID, "users": ["mallory"]}],
    )
    assert reason.count("mallory") == 1


def test_directory_that_cannot_be_listed_is_the_sites_to_judge() -> None:
    outcome, reason = judge(unlisted=["sss"])
    assert outcome is Outcome.MANUAL
    assert "policy local.trusted_directories" in reason


def test_directory_that_the_site_has_judged_is_believed() -> None:
    assert judge(Policy(trusted_directories=("sss",)), unlisted=["sss"])[0] is Outcome.PASS


def test_stranger_is_a_finding_whatever_cannot_be_listed() -> None:
    assert judge(unlisted=["sss"], shadows=shadow(members=["mallory"]))[0] is Outcome.FAIL


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("passwd: files systemd\ngroup: files [SUCCESS=merge] systemd\n", ()),
        ("passwd: files sss # and more\n", ("sss",)),
        ("group:files[NOTFOUND=return UNAVAIL=continue]ldap\n", ("ldap",)),
        ("initgroups: winbind\n", ("winbind",)),
        ("hosts: files dns\nshadow: sss\n", ()),
        ("", ()),
    ],
)
def test_services_without_a_full_list_are_named(text: str, found: tuple[str, ...]) -> None:
    assert group_holders.incomplete(text) == found


@pytest.mark.parametrize(
    ("password", "has_one"),
    [("", False), ("!", False), ("*", False), ("!$6$x", False), ("$6$salt$hash", True)],
)
def test_password_that_nobody_can_type_is_none(password: str, has_one: bool) -> None:  # noqa: FBT001  an example
    (found,) = group_holders.shadows(f"lxd:{password}:a,b:c\n")
    assert found.has_password is has_one
    assert (found.administrators, found.members) == (("a", "b"), ("c",))


def test_odd_line_is_not_quoted_since_it_may_hold_a_hash() -> None:
    with pytest.raises(ValueError, match="line 1") as caught:
        list(group_holders.shadows("lxd:$6$salt$hash:\n"))
    assert "$6$" not in str(caught.value)
