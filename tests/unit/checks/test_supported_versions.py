"""LXD-VER-01 and LXD-VER-02: data that have grown old, and support that is paid for."""

from __future__ import annotations

import datetime

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_documents, judging
from tests.support.evidence_documents import GONE, Document, in_cluster, patch, without_host

DATA = evidence_api.RELEASES
A_YEAR = datetime.timedelta(days=365)
DAY = datetime.timedelta(days=1)
LTS = str(evidence_api.SUPPORTED.latest)
ENDED = "4.0.13"  # support has ended, and that of Ubuntu Pro has not


def judge(
    document: Document,
    control: str = "LXD-VER-01",
    subject: str = "server",
    age: datetime.timedelta = DAY,
) -> tuple[Outcome, str]:
    seen = evidence_documents.evidence(document).on(DATA.as_of + age)
    found = judging.judge(seen)[control, subject]
    return found.verdict, found.reason


def running(version: str) -> Document:
    document = evidence_documents.baseline()
    for part in (("server",), ("servers", 0)):
        document = patch(document, *part, "environment", "server_version", to=version)
    return document


def on_ubuntu(has_pro: object) -> Document:
    return patch(running(ENDED), "host.os", "has_pro", to=has_pro)


def test_latest_feature_release_passes_while_the_data_are_young() -> None:
    assert judge(running(str(DATA.feature)), age=A_YEAR)[0] is Outcome.PASS


def test_latest_feature_release_of_old_data_is_for_people_to_judge() -> None:
    outcome, reason = judge(running(str(DATA.feature)), age=A_YEAR + DAY)
    assert outcome is Outcome.MANUAL
    assert "more than a year old" in reason


def test_end_of_support_holds_and_the_age_of_the_data_is_told() -> None:
    outcome, reason = judge(running(LTS), age=A_YEAR + DAY)
    assert outcome is Outcome.PASS
    assert "more than a year old" in reason


def test_age_of_young_data_is_not_told() -> None:
    assert "old" not in judge(running(LTS), age=A_YEAR)[1]


def test_newest_bugfix_release_of_old_data_is_for_people_to_judge() -> None:
    assert judge(running(LTS), "LXD-VER-02", age=A_YEAR)[0] is Outcome.PASS
    outcome, reason = judge(running(LTS), "LXD-VER-02", age=A_YEAR + DAY)
    assert outcome is Outcome.MANUAL
    assert "was the newest of its series" in reason


@pytest.mark.parametrize(
    ("has_pro", "outcome"),
    [(True, Outcome.MANUAL), (False, Outcome.FAIL), (GONE, Outcome.MANUAL)],
)
def test_support_that_is_paid_for_is_for_people_to_judge(
    has_pro: object, outcome: Outcome
) -> None:
    assert judge(on_ubuntu(has_pro))[0] is outcome


def test_only_ubuntu_has_ubuntu_pro() -> None:
    document = patch(on_ubuntu(GONE), "host.os", "release", "ID", to="debian")
    assert judge(document)[0] is Outcome.FAIL


def test_without_the_host_nobody_knows_of_ubuntu_pro() -> None:
    outcome, reason = judge(without_host(running(ENDED)))
    assert outcome is Outcome.MANUAL
    assert "until 2030-06-30" in reason


def test_host_of_another_member_may_have_ubuntu_pro() -> None:
    document = in_cluster(on_ubuntu(has_pro=False), ENDED)
    assert judge(document, subject="server/lxd1")[0] is Outcome.FAIL
    assert judge(document, subject="server/lxd2")[0] is Outcome.MANUAL


def test_support_by_ubuntu_pro_ends_too() -> None:
    over = datetime.date(2030, 7, 1) - DATA.as_of
    assert judge(on_ubuntu(has_pro=True), age=over)[0] is Outcome.FAIL
