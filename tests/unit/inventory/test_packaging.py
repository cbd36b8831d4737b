"""LXD-VER-02: whose build runs, where a package is installed as well."""

from __future__ import annotations

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, judging
from tests.support.evidence_documents import Document, in_cluster, patch

DEBIAN = "5.0.2-5+deb12u6"
SNAP = {"SNAP_NAME": "lxd", "SNAP": "/snap/lxd/current"}


def judge(document: Document, subject: str = "server") -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))["LXD-VER-02", subject]
    return found.verdict, found.reason


def running(version: str, *, package: str, is_snap: bool = False) -> Document:
    document = evidence_documents.baseline()
    for part in (("server",), ("servers", 0)):
        document = patch(document, *part, "environment", "server_version", to=version)
    document = patch(document, "host.server", "environment", to=SNAP if is_snap else {})
    return patch(document, "host.packages", "lxd", to=package)


@pytest.mark.parametrize("package", [DEBIAN, "5.0.2+git20231211.1364ae4-9"])
def test_build_of_a_distribution_is_for_its_package_manager(package: str) -> None:
    outcome, reason = judge(running("5.0.2", package=package))
    assert outcome is Outcome.NOT_APPLICABLE
    assert package in reason


def test_package_beside_the_snap_that_runs_has_no_say() -> None:
    assert judge(running("5.0.2", package=DEBIAN, is_snap=True))[0] is Outcome.FAIL


@pytest.mark.parametrize("package", [DEBIAN, "1:0.10", ""])
def test_package_of_another_version_has_no_say(package: str) -> None:
    assert judge(running("5.21.1", package=package))[0] is Outcome.FAIL


def test_package_that_is_no_version_cannot_be_told() -> None:
    assert judge(running("5.0.2", package="five"))[0] is Outcome.ERROR


def test_package_of_one_member_says_nothing_of_another() -> None:
    document = in_cluster(running("5.0.2", package=DEBIAN), "5.0.2")
    assert judge(document, "server/lxd1")[0] is Outcome.NOT_APPLICABLE
    outcome, reason = judge(document, "server/lxd2")
    assert outcome is Outcome.ERROR
    assert "name that host with --lxd-host" in reason
