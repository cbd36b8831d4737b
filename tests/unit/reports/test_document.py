"""The document: its order, its counts, its schema, and its way through a file."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import jsonschema
import pytest

from pytest_lxdsec import errors
from pytest_lxdsec.policy.waiver_audit import WaiverState
from pytest_lxdsec.reports import document, finding_identity, json_schema, report_files, wording
from pytest_lxdsec.reports.document import SectionState
from pytest_lxdsec.verdict import Outcome
from tests.support import report_documents as made


def saved(whole: document.Document, tmp_path: pathlib.Path) -> pathlib.Path:
    report_files.write(whole, tmp_path)
    return tmp_path / report_files.JSON


def test_sections_stand_in_the_guides_order_and_a_sites_own_after_them() -> None:
    whole = made.make([made.failed()])
    assert [section.anchor for section in whole.sections] == [
        "local-access-to-the-lxd-daemon",
        "bridged-nic-security",
        "Acme's rules",
    ]


def test_results_stand_by_control_host_and_object() -> None:
    keys = [
        (made.MAC, made.TWO, "nic/a"),
        (made.MAC, made.ONE, "nic/b"),
        (made.MAC, made.ONE, "nic/a"),
    ]
    keys.append((made.SOCKET, made.TWO, "host"))
    whole = made.make([made.failed(*key) for key in keys])
    found = [(one.control, one.host, one.subject) for one in whole.results]
    assert found == [keys[3], keys[2], keys[1], keys[0]]


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ([Outcome.PASS, Outcome.ERROR, Outcome.FAIL], SectionState.FAIL),
        ([Outcome.PASS, Outcome.ERROR], SectionState.CANNOT_TELL),
        ([Outcome.PASS, Outcome.WAIVED], SectionState.OK),
        ([Outcome.NOT_APPLICABLE, Outcome.WAIVED], SectionState.NOTHING_SEEN),
    ],
)
def test_a_section_is_as_bad_as_the_worst_in_it(
    verdicts: list[Outcome], state: SectionState
) -> None:
    results = [made.told(verdict) for verdict in verdicts]
    (section,) = made.make(results, controls=made.CONTROLS[:1]).sections
    assert section.state is state


def test_every_verdict_is_counted() -> None:
    counts = made.make([made.failed(), made.told(Outcome.PASS)]).counts
    assert counts == {outcome.value: 0 for outcome in Outcome} | {"fail": 1, "pass": 1}


def test_host_that_cannot_be_reached_counts_as_an_error() -> None:
    hosts = [made.host(), made.host(made.TWO), made.host("ssh://gone", "cannot reach it")]
    whole = made.make([made.told(Outcome.PASS)], hosts=hosts)
    assert (whole.counts["pass"], whole.counts["error"], whole.unreached) == (1, 1, 1)
    assert wording.title(whole) == "2 hosts: 1 cannot tell, 1 pass; 1 host could not be reached"


def test_waivers_that_fail_the_run_are_counted() -> None:
    waivers = [made.waiver(state) for state in WaiverState]
    whole = made.make([made.told(Outcome.PASS)], waivers=waivers)
    assert whole.wrong_waivers == 4
    assert wording.title(whole) == "2 hosts: 1 pass; 4 waivers to correct"


def test_shipped_schema_is_that_of_the_types() -> None:
    assert json_schema.shipped() == json_schema.schema(), (
        "python -m pytest_lxdsec.reports.schema makes it"
    )


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.shipped())


def test_report_is_valid_by_its_schema(tmp_path: pathlib.Path) -> None:
    content = json.loads(saved(made.full(), tmp_path).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json_schema.shipped()).validate(content)


def test_schema_refuses_another_verdict(tmp_path: pathlib.Path) -> None:
    content = json.loads(saved(made.full(), tmp_path).read_text(encoding="utf-8"))
    content["results"][0]["verdict"] = "fine"
    assert not jsonschema.Draft202012Validator(json_schema.shipped()).is_valid(content)


def test_report_is_read_as_it_was_written(tmp_path: pathlib.Path) -> None:
    whole = made.full()
    assert report_files.read("--lxd-baseline", saved(whole, tmp_path)) == whole


def test_same_audit_gives_the_same_bytes(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    report_files.write(made.full(), tmp_path / "a")
    results = reversed(made.full().results)
    other = dataclasses.replace(made.full(), results=tuple(results))
    again = document.make(
        tool=other.tool,
        complete=True,
        hosts=other.hosts,
        controls=reversed(other.controls),
        results=other.results,
        waivers=other.waivers,
        others=other.others,
    )
    report_files.write(again, tmp_path / "b")
    for name in report_files.WRITERS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_nothing_but_the_reports_is_left(tmp_path: pathlib.Path) -> None:
    report_files.write(made.full(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(report_files.WRITERS)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is no report.json"),
        ("[]", "is no report.json"),
        ('{"format": "lxdsec-evidence", "version": 1}', "is no report.json"),
        ('{"format": "lxdsec-report", "version": 99}', "is of version 99"),
        ('{"format": "lxdsec-report", "version": 1}', "is damaged"),
        ("[" * 100_000, "is no report.json"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(
    tmp_path: pathlib.Path, content: str, told: str
) -> None:
    path = tmp_path / "given.json"
    path.write_text(content)
    with pytest.raises(errors.UserError) as caught:
        report_files.read("--lxd-baseline", path)
    assert str(caught.value).startswith("--lxd-baseline: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_report_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.UserError, match="No such file"):
        report_files.read("--lxd-baseline", tmp_path / "gone.json")


def test_directory_that_is_a_file_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "taken"
    path.touch()
    with pytest.raises(errors.UserError, match="--lxd-report: cannot write"):
        report_files.prepare(path)


NIC = "nic/default/web1/eth0"


def seen(subject: str, observed: str, **several: tuple[str, ...]) -> finding_identity.Identity:
    return finding_identity.of(made.MAC, made.ONE, subject, observed, **several)


@pytest.mark.parametrize(
    ("subject", "first", "again"),
    [
        (NIC, "shared with 7 more", "shared with 8 more"),
        (NIC, "the rules for veth46cb4738 let it in", "the rules for veth0a1b2c3d let it in"),
        (NIC, "init runs (process 7)", "init runs (process 81)"),
        (NIC, "its net namespace (net:[4026531803])", "its net namespace (net:[4026532999])"),
        (NIC, "10.0.0.7 from 00:16:3e:00:00:18", "10.0.0.8 from 00:16:3e:aa:00:18"),
        (NIC, "fd42::1 to 2001:db8:0:0:0:0:0:1 gets in", "fd42::2 to 2001:db8::7 gets in"),
        ("host", "sh (process 7 of bob) holds it", "sh (process 81 of bob) holds it"),
        ("host", "/proc/7/exe is open", "/proc/81/exe is open"),
        ("host", "[fe80::28:72]:8443 is open", "[fe80::99:1]:8443 is open"),
        ("server", "it ends on 2099-01-01, in 40 days", "it ends on 2099-01-01, in 39 days"),
    ],
)
def test_what_changes_by_itself_makes_no_other_finding(
    subject: str, first: str, again: str
) -> None:
    assert seen(subject, first) == seen(subject, again)


@pytest.mark.parametrize(
    ("subject", "before", "now"),
    [
        ("host", "alice is in group lxd", "alice is in group lxd, bob is in group lxd"),
        ("host", "10.0.0.1:8443 is open", "10.0.0.2:8443 is open"),
        ("server/lxd1", "a is set", "a is set; b is set"),
        ("instance/default/web1", "security.nesting is true", "security.nesting is true; raw.lxc"),
        ("instance/default/web1", "/host/etc is the host's", "/host/root is the host's"),
        (NIC, "security.mac_filtering is not set", "security.ipv4_filtering is not set"),
        (NIC, "IPv4 UDP gets through", "IPv4 UDP gets through and IPv6 UDP gets through"),
    ],
)
def test_more_than_before_is_another_finding(subject: str, before: str, now: str) -> None:
    assert not seen(subject, now).is_in(seen(subject, before))


@pytest.mark.parametrize("subject", ["host", "server/lxd1", "instance/default/web1"])
def test_less_than_before_is_the_same_finding(subject: str) -> None:
    assert seen(subject, "b is set").is_in(seen(subject, "a is set; b is set"))


def test_finding_is_not_in_that_of_another_object() -> None:
    assert not seen(NIC, "it is set").is_in(seen("nic/default/web2/eth0", "it is set"))


def test_what_lasts_decides_where_it_is_told() -> None:
    first, again = (seen(NIC, told, lasting=("ids",)) for told in ("with a", "with b"))
    assert first == again
    assert not seen(NIC, "with a", lasting=("ids", "gids")).is_in(first)


def test_identity_does_not_depend_on_the_order_of_details() -> None:
    first = seen("host", "2 hold it", details=("bob (process 7 of bob)", "alice"))
    again = ("alice", "bob (process 81 of bob)")
    assert first == seen("host", "2 hold it", details=again)
