"""`lxdsec diff` and `--lxd-baseline`: what is new, gone, unchanged, and what nobody can say."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from pytest_lxdsec import errors
from pytest_lxdsec.control import Severity
from pytest_lxdsec.reports import baseline, comparison, finding_identity, report_files
from pytest_lxdsec.reports.baseline import Baseline
from pytest_lxdsec.reports.comparison import Comparison
from pytest_lxdsec.reports.document import Document, Result
from pytest_lxdsec.verdict import Outcome
from tests.support import report_documents as made

NIC = "nic/default/web1/eth0"
FAILED = made.failed(subject=NIC)
PASSED = made.told(Outcome.PASS, subject=NIC)
OTHER = made.told(Outcome.PASS, subject="nic/default/web2/eth0")


def counts(found: Comparison) -> tuple[int, int, int, int]:
    return len(found.new), len(found.fixed), len(found.unchanged), len(found.incomparable)


def compare(old: list[Result], new: list[Result]) -> Comparison:
    return comparison.compare(made.make(old), made.make(new))


def harder(whole: Document) -> Document:
    """Return the same audit with a control that asks something else."""
    changed = tuple(dataclasses.replace(one, severity=Severity.CRITICAL) for one in whole.controls)
    return dataclasses.replace(whole, controls=changed)


def newer(whole: Document) -> Document:
    return dataclasses.replace(whole, guide=dataclasses.replace(whole.guide, edition="2027-01-01"))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([PASSED], [FAILED], (1, 0, 0, 0)),
        ([], [FAILED], (1, 0, 0, 0)),
        ([FAILED], [PASSED], (0, 1, 0, 0)),
        ([FAILED], [FAILED], (0, 0, 1, 0)),
        ([PASSED], [PASSED], (0, 0, 0, 0)),
        ([FAILED], [], (0, 0, 0, 1)),
        ([FAILED], [made.told(Outcome.ERROR, subject=NIC)], (0, 0, 0, 1)),
        ([FAILED], [made.told(Outcome.NOT_APPLICABLE, subject=NIC)], (0, 0, 0, 1)),
        ([made.told(Outcome.ERROR, subject=NIC)], [FAILED], (1, 0, 0, 0)),
        ([FAILED], [made.waived(subject=NIC)], (0, 0, 1, 0)),
        ([made.waived(subject=NIC)], [FAILED], (1, 0, 0, 0)),
        ([PASSED], [made.waived(subject=NIC)], (0, 0, 0, 0)),
        ([PASSED], [made.told(Outcome.ERROR, subject=NIC)], (0, 0, 0, 1)),
        ([PASSED], [made.told(Outcome.NOT_ASSESSED, subject=NIC)], (0, 0, 0, 1)),
        ([PASSED], [made.told(Outcome.MANUAL, subject=NIC)], (0, 0, 0, 1)),
        ([PASSED], [made.told(Outcome.NOT_APPLICABLE, subject=NIC)], (0, 0, 0, 0)),
        ([FAILED], [FAILED, PASSED], (0, 0, 1, 0)),  # a site's control, run twice on one object
    ],
)
def test_findings_are_sorted(
    old: list[Result], new: list[Result], expected: tuple[int, int, int, int]
) -> None:
    assert counts(compare(old, new)) == expected


def test_new_findings_are_worse() -> None:
    assert compare([PASSED], [FAILED]).is_worse


@pytest.mark.parametrize("new", [FAILED, PASSED, OTHER, made.waived(subject=NIC)])
def test_what_was_found_before_is_not_worse(new: Result) -> None:
    assert not compare([FAILED], [new]).is_worse


# --- what is no longer looked at ---------------------------------------------------------------


@pytest.mark.parametrize("before", [PASSED, FAILED, made.waived(subject=NIC)])
@pytest.mark.parametrize("now", [Outcome.ERROR, Outcome.NOT_ASSESSED])
def test_what_can_no_longer_be_told_is_worse(before: Result, now: Outcome) -> None:
    assert compare([before], [made.told(now, subject=NIC)]).is_worse


@pytest.mark.parametrize("now", [Outcome.NOT_APPLICABLE, Outcome.MANUAL])
def test_what_needs_no_answer_now_is_not_worse(now: Outcome) -> None:
    assert not compare([PASSED], [made.told(now, subject=NIC)]).is_worse


@pytest.mark.parametrize("before", [PASSED, FAILED])
def test_control_that_is_not_run_now_is_worse_and_named(before: Result) -> None:
    found = compare([before], [])
    assert found.is_worse
    told = f"LXD-BRI-03 {made.ONE}: not run now; 1 object had an answer before"
    assert [one.text for one in found.unseen] == [told]


def test_control_that_is_run_on_another_host_only_is_worse() -> None:
    assert compare([PASSED], [dataclasses.replace(PASSED, host=made.TWO)]).is_worse


def test_object_that_is_gone_is_told_and_not_worse() -> None:
    found = compare([PASSED, OTHER], [OTHER])
    assert not found.is_worse
    told = f"{made.ONE} {NIC}: gone, or not looked at; 1 control passed on it before"
    assert [one.text for one in found.unseen] == [told]
    assert next(comparison.lines(found)) == "no longer looked at:"


def test_host_that_is_not_audited_now_is_worse_and_named() -> None:
    new = made.make([PASSED], hosts=[made.host(made.ONE)])
    found = comparison.compare(made.make([PASSED, made.failed(on=made.TWO)]), new)
    assert found.is_worse
    assert found.lost == (f"not audited now: {made.TWO}",)
    assert found.incomparable[0].note == "its host was not audited"


@pytest.mark.parametrize(("old", "new", "name"), [(True, False, "new"), (False, True, "old")])
def test_audit_that_is_not_whole_is_worse_and_told(*, old: bool, new: bool, name: str) -> None:
    sides = [made.make([PASSED], complete=complete) for complete in (old, new)]
    found = comparison.compare(*sides)
    assert found.is_worse
    told = f"the {name} audit was cut short, or nothing was run: results are missing"
    assert next(comparison.lines(found)) == told


def test_new_host_that_cannot_be_reached_is_worse() -> None:
    hosts = [made.host(), made.host(made.TWO), made.host("ssh://new", "cannot reach it")]
    assert comparison.compare(made.make(), made.make(hosts=hosts)).is_worse


def test_words_of_a_report_do_not_steer_a_terminal() -> None:
    hostile = dataclasses.replace(FAILED, subject="nic/\x1b]0;x\x07\nfixed:", reason="\x1b[2J")
    hosts = [made.host(), made.host(made.TWO), made.host("x", "\x1b[2J")]
    new = made.make([hostile], hosts=hosts)
    assert all(
        line.isprintable() for line in comparison.lines(comparison.compare(made.make(), new))
    )


def test_changed_control_cannot_be_compared_and_its_findings_are_worse() -> None:
    old = made.make([FAILED])
    found = comparison.compare(old, harder(old))
    assert counts(found) == (0, 0, 0, 1)
    assert found.is_worse


def test_other_edition_of_the_guide_cannot_be_compared() -> None:
    old = made.make([FAILED])
    found = comparison.compare(old, newer(old))
    assert found.incomparable[0].note == "the guide's edition is 2027-01-01, and was 2025-09-08"


def test_another_stranger_on_a_host_is_new() -> None:
    first = made.failed(made.SOCKET, subject="host")
    second = dataclasses.replace(first, reason="and another")
    assert counts(compare([first], [second])) == (1, 0, 0, 0)


def cut(last: str) -> Result:
    """Return a finding on a host that names the first of many, and has all one by one."""
    told = made.failed(made.SOCKET, subject="host")
    assert told.finding is not None
    seen = "2 are pending: a and 1 more"
    finding = dataclasses.replace(told.finding, observed=seen, details=("a", last))
    return dataclasses.replace(told, reason=seen, finding=finding)


def test_what_a_text_no_longer_names_is_new_too_and_named() -> None:
    found = compare([cut("b")], [cut("c")])
    assert counts(found) == (1, 0, 0, 0)
    assert found.new[0].note == "not before: c"


def test_baseline_does_not_know_what_a_text_no_longer_names() -> None:
    assert not knows(made.make([cut("b")]), cut("c"))
    assert knows(made.make([cut("b")]), cut("b"))


def blind(whole: Document) -> Document:
    hosts = tuple(made.host(one.name, f"cannot reach {one.name}") for one in whole.hosts)
    return dataclasses.replace(whole, hosts=hosts, results=(), controls=())


def test_host_that_can_no_longer_be_reached_is_worse_and_named() -> None:
    found = comparison.compare(made.make([FAILED]), blind(made.make()))
    assert found.is_worse
    lines = "\n".join(comparison.lines(found))
    assert f"not reached: cannot reach {made.ONE}" in lines
    assert "(its host could not be reached)" in lines


def test_host_that_was_out_of_reach_before_is_not_worse() -> None:
    whole = blind(made.make())
    assert not comparison.compare(whole, whole).is_worse


def test_another_process_number_is_the_same_finding() -> None:
    seen = [
        dataclasses.replace(made.failed(made.SOCKET, subject="host"), reason=reason)
        for reason in ("sh (process 7 of bob) holds gid 3", "sh (process 81 of bob) holds gid 3")
    ]
    assert counts(compare(seen[:1], seen[1:])) == (0, 0, 1, 0)


@pytest.mark.parametrize("subject", ["host", "instance/default/web1"])
def test_more_on_an_object_is_new_and_named(subject: str) -> None:
    first = made.failed(made.SOCKET, subject=subject)
    worse = dataclasses.replace(first, reason=f"{first.reason}; raw.lxc is set")
    found = compare([first], [worse])
    assert counts(found) == (1, 0, 0, 0)
    assert found.new[0].note == "not before: raw.lxc is set"
    assert counts(compare([worse], [first])) == (0, 0, 1, 0)


def test_more_of_what_is_accepted_is_not_new() -> None:
    worse = dataclasses.replace(made.waived(subject=NIC), reason="it is another thing")
    assert counts(compare([FAILED], [worse])) == (0, 0, 1, 0)


def test_lines_say_what_is_new_with_its_past_and_end_with_counts() -> None:
    found = list(comparison.lines(compare([PASSED], [FAILED])))
    assert found == [
        "new:",
        f"  LXD-BRI-03 {made.ONE} {NIC}: security.mac_filtering is not set (before: pass)",
        "",
        "1 new, 0 cannot be compared, 0 fixed, 0 unchanged, 0 no longer looked at",
    ]


def knows(old: Document, result: Result) -> bool:
    (asked,) = (one for one in made.CONTROLS if one.id == result.control)
    return Baseline(old).knows(asked, finding_identity.of_result(result))


def test_baseline_knows_what_failed() -> None:
    assert knows(made.make([FAILED]), FAILED)


@pytest.mark.parametrize("subject", ["host", "instance/default/web1"])
def test_baseline_knows_less_and_not_more(subject: str) -> None:
    first = made.failed(made.SOCKET, subject=subject)
    worse = dataclasses.replace(first, reason=f"{first.reason}; raw.lxc is set")
    assert not knows(made.make([first]), worse)
    assert knows(made.make([worse]), first)


@pytest.mark.parametrize("old", [PASSED, made.waived(subject=NIC), made.failed(on=made.TWO)])
def test_baseline_knows_nothing_else(old: Result) -> None:
    assert not knows(made.make([old]), FAILED)


def test_baseline_of_a_changed_control_knows_nothing() -> None:
    assert not knows(harder(made.make([FAILED])), FAILED)


def test_baseline_by_another_edition_of_the_guide_is_refused(tmp_path: pathlib.Path) -> None:
    report_files.write(newer(made.make([FAILED])), tmp_path)
    with pytest.raises(errors.UserError, match="is by the guide's edition 2027-01-01, this"):
        baseline.load(str(tmp_path / report_files.JSON))


def test_baseline_by_this_edition_of_the_guide_is_taken(tmp_path: pathlib.Path) -> None:
    report_files.write(made.make([FAILED]), tmp_path)
    found = baseline.load(str(tmp_path / report_files.JSON))
    assert found.knows(made.CONTROLS[0], finding_identity.of_result(FAILED))
