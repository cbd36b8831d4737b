"""`summary.md`: short, worst first, and nothing in it is markup but ours."""

from __future__ import annotations

import dataclasses
import html
import io
import re

from pytest_lxdsec.policy.waiver_audit import WaiverState
from pytest_lxdsec.reports import markdown
from pytest_lxdsec.reports.document import Document
from pytest_lxdsec.verdict import Outcome
from tests.support import report_documents as made

MIB = 1024 * 1024  # what GitHub takes


def text(whole: Document) -> str:
    out = io.BytesIO()
    markdown.write(whole, out)
    return out.getvalue().decode()


def test_worst_findings_come_first() -> None:
    found = text(made.make([made.failed(), made.failed(made.SOCKET, subject="host")]))
    assert found.index("CRITICAL LXD-LOC-01") < found.index("HIGH LXD-BRI-03")


def test_sections_are_told_with_link_and_state() -> None:
    found = text(made.make([made.failed()]))
    url = "https://documentation.ubuntu.com/lxd/latest/explanation/security/#bridged-nic-security"
    assert f"Bridged NIC security]({url}) | ❌ fail | 1 fail |" in found


def test_hostile_names_are_words() -> None:
    found = text(made.full())
    assert "<script>" not in found
    # A line that begins with an element is not read as Markdown.
    lines = "\n".join(line for line in found.splitlines() if not line.startswith("<"))
    assert re.search(r"(?<!\\)\]\(javascript", lines) is None
    assert "<!--" not in found


def test_what_was_seen_one_by_one_is_listed_in_part() -> None:
    frames = tuple(f"frame {number}" for number in range(7))
    found = dataclasses.replace(made.finding(), details=frames)
    result = dataclasses.replace(made.failed(), finding=found)
    told = text(made.make([result]))
    assert "\n  - frame 4\n  - ... and 2 more: `report.html` has all\n" in told


def test_repair_is_there_to_copy() -> None:
    command = "lxc config set 'a|b' user.x=\"<1>\" && lxc restart a"
    finding = dataclasses.replace(made.finding(), repair=command)
    result = dataclasses.replace(made.failed(), finding=finding)
    assert f"<pre>{html.escape(command)}</pre>" in text(made.make([result]))


def test_long_repair_is_never_cut() -> None:
    finding = dataclasses.replace(made.finding(), repair="lxc restart a && " * 1000)
    result = dataclasses.replace(made.failed(), finding=finding)
    found = text(made.make([result]))
    assert "lxc restart" not in found
    assert "which `report.html` has" in found


def test_findings_that_are_alike_are_one_with_all_commands() -> None:
    results = [
        dataclasses.replace(
            made.failed(subject=f"nic/{name}"),
            finding=dataclasses.replace(
                made.finding(), repair=f"repair {name}", origin=f"profile {name}"
            ),
        )
        for name in ("one", "two")
    ]
    found = text(made.make(results))
    assert found.count("<details>") == 1
    assert "<code>nic/two</code>: security.mac\\_filtering is not set, from profile two" in found
    assert "<pre>repair one\nrepair two</pre>" in found
    assert "changes 4 objects" in found


def test_many_findings_are_cut_and_it_says_so() -> None:
    long = "x" * 5000
    results = [
        dataclasses.replace(
            made.failed(subject=f"nic/{place}/{long}"),
            finding=dataclasses.replace(made.finding(), repair=f"repair {place} {long[:3000]}"),
        )
        for place in range(3000)
    ]
    found = text(made.make(results))
    assert len(found.encode()) < MIB
    assert "... and 110 more groups of findings: `report.html` has all." in found


def test_summary_is_never_longer_than_github_takes() -> None:
    """Many long names, each letter of which is six where it is escaped."""
    long = "&" * 900
    finding = dataclasses.replace(made.finding(), origin=long, details=(long,) * 5)
    results = [
        dataclasses.replace(
            made.failed(made.CONTROLS[place % 3].id, subject=f"{place}{long}"),
            finding=dataclasses.replace(finding, note=str(place // 20)),
        )
        for place in range(3000)
    ]
    found = text(made.make(results, waivers=[made.waiver(WaiverState.EXPIRED)] * 300))
    assert len(found.encode()) < MIB
    assert found.count("<details>") == found.count("</details>") > 1
    assert found.endswith("no room here: `report.html` has all.\n")


def test_what_could_not_be_told_is_apart_by_its_cause() -> None:
    found = text(made.make([made.told(Outcome.ERROR, subject=f"nic/{n}") for n in "abc"]))
    assert "### What could not be told" in found
    assert "why: error: LXD-BRI-03, 3 objects" in found


def test_wrong_waivers_come_first() -> None:
    waivers = [made.waiver(WaiverState.IN_USE), made.waiver(WaiverState.EXPIRED)]
    found = text(made.make(waivers=waivers))
    assert found.index("❌ expired") < found.index("in use")


def test_run_that_was_cut_short_says_so() -> None:
    assert "the run was cut short" in text(made.make(complete=False))
