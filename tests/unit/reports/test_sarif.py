"""`report.sarif`: valid SARIF 2.1.0, and fit for code scanning.

The schema in `tests/schemas` is that of Microsoft's SDK (MIT), as sarif-om ships it in its source
distribution on PyPI; every further `sarif-*.json` that lies there is asked too. It is the OASIS
committee's of before the standard's errata, which call a suppression's `state` `status`: none of
the two is used, and logs were seen to be valid by either.
"""

from __future__ import annotations

import dataclasses
import io
import json
import pathlib
from typing import Any

import jsonschema
import pytest

from pytest_lxdsec.policy.waiver_audit import WaiverState
from pytest_lxdsec.reports import document, sarif
from pytest_lxdsec.reports.document import Baseline, Document
from pytest_lxdsec.verdict import Outcome
from tests.support import report_documents as made

SCHEMAS = sorted((pathlib.Path(__file__).parents[2] / "schemas").glob("sarif-*.json"))


def log(whole: Document) -> Any:
    out = io.BytesIO()
    sarif.write(whole, out)
    return json.loads(out.getvalue())


def run(whole: Document) -> Any:
    (found,) = log(whole)["runs"]
    return found


def result(whole: Document) -> Any:
    (found,) = run(whole)["results"]
    return found


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_log_is_valid_by_the_schema(path: pathlib.Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    checker = jsonschema.validators.validator_for(schema)(schema)
    checker.validate(log(made.full()))


def test_rules_are_the_controls_with_section_and_severity() -> None:
    rules = {
        rule["id"]: rule for rule in run(made.make([made.failed()]))["tool"]["driver"]["rules"]
    }
    assert rules[made.MAC]["helpUri"].endswith("#bridged-nic-security")
    assert rules[made.SOCKET]["properties"]["security-severity"] == "9.5"
    assert "helpUri" not in rules[made.SITE]


def test_rule_index_leads_to_the_rule() -> None:
    found = run(made.full())
    rules = found["tool"]["driver"]["rules"]
    assert found["results"]
    for one in found["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]


def test_finding_is_told_with_its_repair() -> None:
    told = result(made.make([made.failed()]))
    assert (told["kind"], told["level"]) == ("fail", "error")
    assert made.finding().repair in told["message"]["text"]


def test_fingerprint_survives_another_wording_on_an_object() -> None:
    first = made.failed()
    again = dataclasses.replace(first, reason="it is set to false", seconds=9.0)
    prints = [result(made.make([one]))["partialFingerprints"] for one in (first, again)]
    assert prints[0] == prints[1]


def test_fingerprints_differ_by_control_host_and_object() -> None:
    results = [
        made.failed(),
        made.failed(on=made.TWO),
        made.failed(subject="nic/default/web3/eth0"),
        made.failed(made.SITE),
    ]
    found = run(made.make(results))["results"]
    assert len({json.dumps(one["partialFingerprints"]) for one in found}) == 4


def test_waived_finding_is_suppressed_with_the_reason() -> None:
    told = result(made.make([made.waived()]))
    (suppression,) = told["suppressions"]
    assert told["kind"] == "fail"
    assert suppression["justification"] == "waived until 2027-01-31 (ops): old router"


def test_what_cannot_be_told_is_open_and_no_alert() -> None:
    told = result(made.make([made.told(Outcome.ERROR)]))
    assert (told["kind"], told["level"]) == ("open", "none")


def test_what_passed_is_counted_and_not_listed() -> None:
    found = run(made.make([made.told(Outcome.PASS)]))
    assert found["results"] == []
    assert found["properties"]["counts"]["pass"] == 1


def test_what_fails_the_run_without_a_result_is_counted() -> None:
    whole = made.full()
    told = run(whole)["properties"]
    assert (told["unreached"], told["wrong_waivers"]) == (1, whole.wrong_waivers)
    assert told["counts"]["error"] == 2


def test_unreached_host_is_a_notification_and_no_success() -> None:
    (invocation,) = run(made.full())["invocations"]
    notification = invocation["toolExecutionNotifications"][0]
    assert "cannot reach ssh://gone" in notification["message"]["text"]
    assert invocation["executionSuccessful"] is False


def test_other_test_that_failed_is_a_notification_and_no_success() -> None:
    other = document.Other(name="test_a.py::test_b", state=document.State.FAILED, reason="no")
    (invocation,) = run(made.make(others=[other]))["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "test_a.py::test_b: no"
    assert invocation["executionSuccessful"] is False


def test_baseline_state_is_told() -> None:
    known = dataclasses.replace(made.failed(), baseline=Baseline.UNCHANGED)
    assert result(made.make([known]))["baselineState"] == "unchanged"


def test_no_more_results_are_told_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST", 4)
    whole = made.make(
        [
            made.failed(made.SITE),
            made.told(Outcome.ERROR),
            *(made.failed(subject=f"nic/{n}") for n in "ab"),
            made.failed(made.SOCKET, subject="host"),
            made.waived(),
        ],
        waivers=[made.waiver(WaiverState.EXPIRED)],
    )
    found = run(whole)
    told = [one["ruleId"] for one in found["results"]]
    assert told == [made.SOCKET, made.MAC, made.MAC, sarif.WAIVER_RULE]
    (invocation,) = found["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("3 results left out, the least severe")
    assert invocation["executionSuccessful"] is True


def test_limits_of_github_hold() -> None:
    assert sarif.MOST == 25_000
    for rule in run(made.full())["tool"]["driver"]["rules"]:
        assert len(rule["properties"]["tags"]) <= 10


def test_wrong_waiver_is_a_finding_in_the_policy_file() -> None:
    waivers = [made.waiver(WaiverState.EXPIRED), made.waiver(WaiverState.IN_USE)]
    told = result(made.make(waivers=waivers))
    place = told["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "policy.toml"}, "region": {"startLine": 3}}


def test_hostile_name_makes_no_link_and_no_path_upwards() -> None:
    told = result(made.make([made.failed(subject="nic/../[x](javascript:y)/..")]))
    uri = told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert ".." not in uri.split("/")
    assert "\\[x\\](javascript:y)" in told["message"]["text"]
