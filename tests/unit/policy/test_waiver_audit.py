"""The audit of waivers: what is accepted must still be there, and be no wider than was said."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

import pytest

from pytest_lxdsec.policy import waiver_audit
from pytest_lxdsec.policy.waiver_audit import Covered, Judged, WaiverState
from pytest_lxdsec.policy.waivers import Waiver
from pytest_lxdsec.verdict import Outcome

LAST_DAY = datetime.date(2027, 1, 31)
LONG_BEFORE = datetime.date(2026, 6, 1)
WAIVER = Waiver(
    control="LXD-UNP-01",
    subject="instance/default/web*",
    reason="old workload",
    owner="ops",
    expires=LAST_DAY,
    source="policy.toml:1",
)


def judged(
    *results: Outcome,
    objects: int | None = None,
    unknown: str = "",
    on: datetime.date = LONG_BEFORE,
    most: int | None = None,
) -> Judged:
    number = len(results) if objects is None else objects
    covered = Covered(objects=number, results=results, unknown=unknown)
    waiver = dataclasses.replace(WAIVER, max_subjects=most)
    (found,) = waiver_audit.audit([waiver], on=on, covered=lambda _: covered)
    return found


def test_waiver_of_a_finding_is_in_use() -> None:
    assert judged(Outcome.WAIVED, Outcome.PASS).state is WaiverState.IN_USE


def test_expired_waiver_is_wrong_whatever_it_covers() -> None:
    found = judged(Outcome.FAIL, on=LAST_DAY + datetime.timedelta(days=1))
    assert found.state is WaiverState.EXPIRED
    assert found.text == "expired on 2027-01-31: repair, or ops renews it"


@pytest.mark.parametrize(
    ("days", "text"),
    [(0, "expires today"), (1, "expires in 1 day,"), (30, "expires in 30 days,")],
)
def test_waiver_that_expires_soon_is_told_and_not_wrong(days: int, text: str) -> None:
    found = judged(Outcome.WAIVED, on=LAST_DAY - datetime.timedelta(days=days))
    assert found.state is WaiverState.EXPIRING
    assert not found.state.is_wrong
    assert found.text.startswith(text)


def test_waiver_that_expires_in_31_days_is_in_use() -> None:
    found = judged(Outcome.WAIVED, on=LAST_DAY - datetime.timedelta(days=31))
    assert found.state is WaiverState.IN_USE


def test_waiver_that_matches_nothing_is_wrong() -> None:
    assert judged(objects=0).state is WaiverState.MATCHES_NOTHING


def test_waiver_of_what_may_be_hidden_is_not_judged() -> None:
    found = judged(objects=0, unknown="no instances: no access")
    assert (found.state, found.text) == (WaiverState.NOT_JUDGED, "no instances: no access")


def test_waiver_for_no_audited_host_is_told_and_not_wrong() -> None:
    covered = Covered(objects=0, results=(), unknown="no audited host is it", has_host=False)
    (found,) = waiver_audit.audit([WAIVER], on=LONG_BEFORE, covered=lambda _: covered)
    assert (found.state, found.text) == (WaiverState.NO_HOST, "no audited host is it")
    assert found.state.is_told
    assert not found.state.is_wrong


def test_waiver_wider_than_it_says_is_wrong() -> None:
    found = judged(Outcome.WAIVED, Outcome.WAIVED, most=1)
    assert found.state is WaiverState.TOO_WIDE
    assert "covers 2 objects and says at most 1" in found.text


def test_waiver_as_wide_as_it_says_is_in_use() -> None:
    assert judged(Outcome.WAIVED, Outcome.WAIVED, most=2).state is WaiverState.IN_USE


@pytest.mark.parametrize("others", [(), (Outcome.NOT_APPLICABLE,), (Outcome.PASS,)])
def test_waiver_of_what_passes_is_not_needed(others: Sequence[Outcome]) -> None:
    assert judged(Outcome.PASS, *others).state is WaiverState.NOT_NEEDED


@pytest.mark.parametrize(
    "results",
    [
        (Outcome.PASS, Outcome.ERROR),
        (Outcome.PASS, Outcome.NOT_ASSESSED),
        (Outcome.NOT_APPLICABLE,),
    ],
)
def test_waiver_is_never_called_needless_without_having_seen_all(
    results: Sequence[Outcome],
) -> None:
    assert judged(*results).state is WaiverState.NOT_JUDGED


def test_waiver_is_not_judged_where_not_all_was_looked_at() -> None:
    assert judged(Outcome.PASS, objects=2).state is WaiverState.NOT_JUDGED


def test_waiver_in_use_is_known_from_what_was_looked_at() -> None:
    assert judged(Outcome.WAIVED, objects=2).state is WaiverState.IN_USE
