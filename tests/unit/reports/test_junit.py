"""`junit.xml`: valid by the strictest schema in use, and fit for every server that reads it.

The schema is Jenkins' (xunit-plugin, MIT), as pytest ships it in its source distribution.
"""

from __future__ import annotations

import dataclasses
import io
import pathlib

import lxml.etree
import pytest

from pytest_lxdsec.policy.waiver_audit import WaiverState
from pytest_lxdsec.reports import junit
from pytest_lxdsec.reports.document import Document
from pytest_lxdsec.verdict import Outcome
from tests.support import report_documents as made

SCHEMA = pathlib.Path(__file__).parents[2] / "schemas" / "junit-10.xsd"
Element = lxml.etree._Element


def parsed(whole: Document) -> Element:
    out = io.BytesIO()
    junit.write(whole, out)
    return lxml.etree.fromstring(out.getvalue())


def case(whole: Document) -> Element:
    (found,) = parsed(whole).iter("testcase")
    return found


def names(whole: Document) -> list[tuple[str | None, str | None]]:
    return [(one.get("classname"), one.get("name")) for one in parsed(whole).iter("testcase")]


def test_file_is_valid_by_jenkins_schema() -> None:
    lxml.etree.XMLSchema(lxml.etree.parse(SCHEMA)).assertValid(parsed(made.full()))


def test_control_characters_are_escaped() -> None:
    nasty = "eth\x00\x1b[31m\n\ufffe\ud800\u2028"
    whole = made.make([made.failed(subject=f"nic/{nasty}"), made.failed(subject="nic/b")])
    lxml.etree.XMLSchema(lxml.etree.parse(SCHEMA)).assertValid(parsed(whole))
    assert r"nic/eth\\x00\\x1b[31m" in str(names(whole))


def test_suites_are_sections_of_hosts_in_the_guides_order() -> None:
    results = [made.failed(on=made.TWO), made.failed(), made.failed(made.SOCKET, subject="host")]
    found = [suite.get("name") for suite in parsed(made.make(results)).iter("testsuite")]
    assert found == [
        f"Access to the LXD daemon › Local access to the LXD daemon — {made.ONE}",  # noqa: RUF001 - as menus do
        f"Network security › Bridged NIC security — {made.ONE}",  # noqa: RUF001 - as above
        f"Network security › Bridged NIC security — {made.TWO}",  # noqa: RUF001 - as above
    ]


def test_name_is_control_severity_title_and_object() -> None:
    classname, name = names(made.make([made.failed()]))[0]
    assert name == "[LXD-BRI-03][HIGH] What LXD-BRI-03 asks [nic/default/web1/eth0]"
    assert classname == (
        "ssh___root_lxd1_example.lxd_security.network_security.bridged_nic_security"
    )


def test_every_case_has_a_name_of_its_own() -> None:
    hosts = (made.host("a.b"), made.host("a_b"))
    twice = [made.failed(on="a.b"), made.failed(on="a.b"), made.failed(on="a_b")]
    found = names(made.make(twice, hosts=hosts))
    assert len(set(found)) == len(found) == 3


def test_long_names_are_cut_and_stay_apart() -> None:
    whole = made.make([made.failed(subject="x" * 600 + end) for end in "ab"])
    found = {name for _, name in names(whole)}
    assert len(found) == 2
    assert max(len(str(name)) for name in found) <= 512


def test_message_and_body_begin_with_what_is_wrong_where_and_the_link() -> None:
    (failure,) = case(made.make([made.failed()]))
    first = (
        "nic/default/web1/eth0: security.mac_filtering is not set — LXD security guide › "  # noqa: RUF001 - as menus do
        "Network security › Bridged NIC security — "  # noqa: RUF001 - as above
        "https://documentation.ubuntu.com/lxd/latest/explanation/security/#bridged-nic-security"
    )
    assert failure.get("message") == first
    assert (failure.text or "").splitlines()[0] == first


def test_body_says_all_that_is_needed_to_act() -> None:
    (failure,) = case(made.make([made.failed()]))
    found = made.finding()
    for part in (found.observed, found.expected, found.origin, found.repair, "2 objects"):
        assert part in (failure.text or "")
    told = "evidence: seen on 2026-11-23 at 12:30:00 UTC, kept in kept.json"
    assert told in (failure.text or "").splitlines()


@pytest.mark.parametrize(
    ("verdict", "tag", "begin"),
    [
        (Outcome.ERROR, "error", "nic/default/error/eth0: why: error"),
        (Outcome.NOT_APPLICABLE, "skipped", "not applicable: why"),
        (Outcome.MANUAL, "skipped", "manual: why"),
        (Outcome.NOT_ASSESSED, "skipped", "not assessed: why"),
    ],
)
def test_verdict_is_the_element_of_the_contract(verdict: Outcome, tag: str, begin: str) -> None:
    (element,) = case(made.make([made.told(verdict)]))
    assert element.tag == tag
    assert (element.get("message") or "").startswith(begin)


def test_pass_has_no_element() -> None:
    assert len(case(made.make([made.told(Outcome.PASS)]))) == 0


def test_waived_is_skipped_with_reason_and_end() -> None:
    (element,) = case(made.make([made.waived()]))
    assert element.tag == "skipped"
    assert (element.get("message") or "").startswith("waived until 2027-01-31 (ops): old router: ")


def test_tolerated_finding_does_not_fail_the_job() -> None:
    known = dataclasses.replace(made.failed(), tolerated="in the baseline")
    (element,) = case(made.make([known]))
    assert (element.tag, (element.get("message") or "")[:16]) == ("skipped", "in the baseline:")


def test_unreached_host_is_an_error() -> None:
    whole = made.make(hosts=(made.host("ssh://gone", "cannot reach ssh://gone: refused"),))
    (element,) = case(whole)
    assert element.tag == "error"
    assert element.get("message") == "cannot reach ssh://gone: refused"


def test_totals_are_those_of_the_cases() -> None:
    for suite in parsed(made.full()).iter("testsuite"):
        found = {"tests": len(suite.findall("testcase"))}
        for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            found[total] = len(suite.findall(f"testcase/{tag}"))
        assert {total: int(suite.get(total) or "") for total in found} == found


@pytest.mark.parametrize("state", list(WaiverState))
def test_waiver_that_is_wrong_fails_and_names_its_place(state: WaiverState) -> None:
    element = case(made.make(waivers=[made.waiver(state)]))
    (told,) = element
    expected = {True: "failure", False: "system-out"}[state.is_wrong]
    if state in (WaiverState.NOT_JUDGED, WaiverState.NO_HOST):
        expected = "skipped"
    assert told.tag == expected
    assert "policy.toml:3: waiver of LXD-BRI-03" in (told.get("message") or told.text or "")
