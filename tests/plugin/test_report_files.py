"""`--lxd-report`, `--lxd-baseline` and the audit of waivers, in sessions of pytest."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import lxml.etree
import pytest

from pytest_lxdsec.reports import report_files
from tests.support import evidence_documents, evidence_failing

from . import sessions

SCHEMA = pathlib.Path(__file__).parents[1] / "schemas" / "junit-10.xsd"
DISTRIBUTIONS = [(), ("-n2",)]
POLICY = """\
[[waiver]]
control = "LXD-UNP-01"
subject = "instance/default/builder1"
reason = "nested builds"
owner = "ops"
expires = {expires}
max_subjects = 1

[[waiver]]
control = "LXD-BRI-03"
subject = "nic/default/gone/eth0"
reason = "old router"
owner = "ops"
expires = 2099-01-31
"""
IN_USE, UNUSED = "policy.toml:1", "policy.toml:9"


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Evidence by which every control fails somewhere."""
    path = tmp_path_factory.mktemp("evidence") / "bad.json"
    return evidence_documents.write(evidence_failing.failing(), path)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("evidence") / "good.json"
    return evidence_documents.write(evidence_documents.baseline(), path)


def audit(directory: pathlib.Path, evidence: pathlib.Path, *arguments: str) -> sessions.Session:
    return sessions.run(
        directory, f"--lxd-host=evidence:{evidence}", "--lxd-report=out", *arguments
    )


def report(directory: pathlib.Path) -> Any:
    return json.loads((directory / "out" / report_files.JSON).read_text(encoding="utf-8"))


def names(directory: pathlib.Path) -> list[tuple[str, str]]:
    found = sessions.cases(directory / "out" / "junit.xml")
    return [(case.classname, case.name) for case in found]


def fingerprints(directory: pathlib.Path) -> list[dict[str, str]]:
    log = json.loads((directory / "out" / "report.sarif").read_text(encoding="utf-8"))
    return [one["partialFingerprints"] for one in log["runs"][0]["results"]]


def policy(directory: pathlib.Path, expires: str = "2099-01-31") -> str:
    (directory / "policy.toml").write_text(POLICY.format(expires=expires))
    return "--lxd-policy=policy.toml"


def states(directory: pathlib.Path) -> dict[str, str]:
    return {one["source"]: one["state"] for one in report(directory)["waivers"]}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_report_is_written(
    tmp_path: pathlib.Path, bad: pathlib.Path, distribution: tuple[str, ...]
) -> None:
    session = audit(tmp_path, bad, *distribution)
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(report_files.WRITERS)
    assert "reports: out/report.html and 4 more" in session.out


def test_findings_are_told_once(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    """The summaries of pytest read every report once for each failure."""
    told = audit(tmp_path, bad).out
    assert "LXD-LOC-01" in told
    assert "= FAILURES =" not in told
    assert "short test summary" not in told


def test_workers_make_the_same_report(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    made = []
    for name, arguments in (("plain", ()), ("workers", ("-n2",))):
        (tmp_path / name).mkdir()
        audit(tmp_path / name, bad, *arguments)
        found = report(tmp_path / name)
        made.append([one | {"seconds": 0} for one in found["results"]])
    assert made[0] == made[1]


def test_junit_of_an_audit_is_valid(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    audit(tmp_path, bad)
    found = lxml.etree.parse(tmp_path / "out" / "junit.xml")
    lxml.etree.XMLSchema(lxml.etree.parse(SCHEMA)).assertValid(found)


def test_report_has_every_result_of_pytest(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    session = audit(tmp_path, bad)
    told = sorted(
        (c.properties["lxd.control"], c.properties["lxd.subject"]) for c in session.cases
    )
    assert sorted((r["control"], r["subject"]) for r in report(tmp_path)["results"]) == told


@pytest.fixture(scope="module")
def reruns(
    tmp_path_factory: pytest.TempPathFactory, bad: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path]:
    """Return two audits of one server that has been started anew in between."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    text = bad.read_text(encoding="utf-8")
    (first / "evidence.json").write_text(drawn_anew(text, "1"))
    (second / "evidence.json").write_text(restarted(drawn_anew(text, "2")))
    for directory in (first, second):
        audit(directory, directory / "evidence.json")
    return first, second


def restarted(text: str) -> str:
    """Return the evidence with other numbers of processes and namespaces, and other leases."""
    other = re.sub(r'("(?:server_)?pid": )(\d+)', lambda f: f"{f[1]}{int(f[2]) + 7777}", text)
    other = re.sub(r":\[(40265\d{5})\]", lambda f: f":[{int(f[1]) + 999}]", other)
    return re.sub(r"10\.10\.10\.(2\d)\b", r"10.10.10.1\1", other).replace(
        "192.0.2.50", "192.0.2.51"
    )


def drawn_anew(text: str, run: str) -> str:
    """Return the evidence with names of host interfaces as LXD draws them at each start."""

    def named(found: re.Match[str]) -> str:
        return f"veth{hashlib.sha256((run + found[0]).encode()).hexdigest()[:8]}"

    return re.sub(r"\bveth[a-z]+\d+\b", named, text)


@pytest.mark.parametrize("control", ["LXD-LOC-04", "LXD-BRI-06", "LXD-RTD-01", "LXD-PRV-04"])
def test_reruns_differ_in_what_was_seen(
    reruns: tuple[pathlib.Path, pathlib.Path], control: str
) -> None:
    first, second = (report(directory)["results"] for directory in reruns)
    then, now = ([r["reason"] for r in run if r["control"] == control] for run in (first, second))
    assert then != now


def test_names_are_the_same_whatever_the_process_ids(
    reruns: tuple[pathlib.Path, pathlib.Path],
) -> None:
    assert names(reruns[0]) == names(reruns[1])


def test_fingerprints_are_the_same_whatever_the_process_ids(
    reruns: tuple[pathlib.Path, pathlib.Path],
) -> None:
    first, second = (fingerprints(directory) for directory in reruns)
    assert first == second
    assert len(first) == len({tuple(one.items()) for one in first}) > 1


def test_baseline_knows_the_findings_of_a_rerun(
    tmp_path: pathlib.Path, reruns: tuple[pathlib.Path, pathlib.Path]
) -> None:
    first, second = (directory / "out" / report_files.JSON for directory in reruns)
    session = audit(tmp_path, reruns[1] / "evidence.json", f"--lxd-baseline={first}")
    assert session.counts.get("failed", 0) == 0
    assert session.counts["xfailed"] > 40
    done = lxdsec("diff", first, second)
    assert (done.returncode, done.stdout[:6]) == (0, "0 new,")


def test_evidence_that_is_kept_is_named_with_its_findings(
    tmp_path: pathlib.Path, bad: pathlib.Path
) -> None:
    for arguments, kept in ((("--lxd-save-evidence=kept.json",), "kept.json"), ((), str(bad))):
        audit(tmp_path, bad, "--lxd-control=LXD-NAM-01", *arguments)
        (case,) = sessions.cases(tmp_path / "out" / "junit.xml")
        assert f"UTC, kept in {kept}" in case.text


def test_unreached_host_is_in_every_report(tmp_path: pathlib.Path, good: pathlib.Path) -> None:
    audit(tmp_path, good, "--lxd-host=unix:///nowhere/unix.socket")
    for name in report_files.WRITERS:
        assert "/nowhere/unix.socket" in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_site_control_is_in_the_report(tmp_path: pathlib.Path, good: pathlib.Path) -> None:
    (tmp_path / "test_site.py").write_text(
        "from pytest_lxdsec import verdict\n"
        "from pytest_lxdsec.control import *\n"
        '@control("ACME-01", title="T", severity=Severity.LOW, level=Level.CONFIGURED,\n'
        '         kind=Kind.ADVICE, section="Our rules", rationale="R")\n'
        "def test_it(lxd_evidence):\n"
        '    return verdict.passed("seen")\n'
    )
    audit(tmp_path, good, "test_site.py")
    found = report(tmp_path)
    assert [one["id"] for one in found["controls"]] == ["ACME-01"]
    assert found["sections"][0]["path"] == ["Our rules"]


def test_nothing_is_written_where_nothing_runs(tmp_path: pathlib.Path, good: pathlib.Path) -> None:
    audit(tmp_path, good, "--collect-only")
    assert list((tmp_path / "out").iterdir()) == []


def test_run_that_is_cut_short_says_so(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    audit(tmp_path, bad, "-x")
    assert report(tmp_path)["complete"] is False


@pytest.mark.parametrize("arguments", [("-x",), ("-k", "nothing_has_this_name")])
def test_run_without_all_results_is_an_error_in_junit(
    tmp_path: pathlib.Path, bad: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    audit(tmp_path, bad, *arguments)
    case = sessions.cases(tmp_path / "out" / "junit.xml")[0]
    assert (case.element, case.name) == ("error", "The run comes to its end")
    assert case.message == "the run was cut short, or nothing was run: results are missing"


def test_directory_that_cannot_be_made_is_a_usage_error(
    tmp_path: pathlib.Path, good: pathlib.Path
) -> None:
    (tmp_path / "out").touch()
    session = audit(tmp_path, good)
    assert session.exit_status == pytest.ExitCode.USAGE_ERROR
    assert "--lxd-report: cannot write 'out'" in session.err


def yesterdays(directory: pathlib.Path) -> set[str]:
    """Return the reports of an earlier run that are still there."""
    found = {name: directory / "out" / name for name in report_files.WRITERS}
    return {name for name, path in found.items() if path.exists() and not path.read_bytes()}


@pytest.fixture
def old(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a directory with the reports of an earlier run."""
    (tmp_path / "out").mkdir()
    for name in report_files.WRITERS:
        (tmp_path / "out" / name).touch()
    (tmp_path / "policy.toml").write_text("[oss]\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("--lxd-policy=policy.toml",),
        ("--lxd-control=LXD-NAM-1",),
        ("--lxd-host=evidence:gone.json",),
        ("--lxd-host=htps://a",),
        ("-p", "xdist", "-n2", "--lxd-host=evidence:gone.json"),
    ],
)
def test_run_that_fails_leaves_no_reports_of_an_earlier_one(
    old: pathlib.Path, good: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    session = audit(old, good, *arguments)
    assert session.exit_status == pytest.ExitCode.USAGE_ERROR
    assert yesterdays(old) == set()


@pytest.mark.parametrize(
    ("others", "name"),
    [((), "kept"), (("--lxd-host=unix:///nowhere/b",), "kept/unix____nowhere_a.json")],
)
def test_host_that_is_not_reached_leaves_no_evidence_of_an_earlier_run(
    tmp_path: pathlib.Path, others: tuple[str, ...], name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("yesterday's")
    sessions.run(tmp_path, "--lxd-host=unix:///nowhere/a", "--lxd-save-evidence=kept", *others)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("arguments", [("--collect-only",), ("--help",)])
def test_reports_of_an_earlier_run_stay_where_nothing_runs(
    old: pathlib.Path, good: pathlib.Path, arguments: tuple[str, ...]
) -> None:
    audit(old, good, *arguments)
    assert yesterdays(old) == set(report_files.WRITERS)


def test_baseline_stays_until_it_is_written_anew(
    old: pathlib.Path, good: pathlib.Path, before: pathlib.Path
) -> None:
    (old / "out" / report_files.JSON).write_bytes(before.read_bytes())
    baseline = f"--lxd-baseline=out/{report_files.JSON}"
    audit(old, good, baseline, "--lxd-policy=policy.toml")
    assert (old / "out" / report_files.JSON).read_bytes() == before.read_bytes()
    audit(old, good, baseline)
    assert (old / "out" / report_files.JSON).read_bytes() != before.read_bytes()


# --- waivers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_waivers_are_audited_when_all_controls_are_judged(
    tmp_path: pathlib.Path, bad: pathlib.Path, distribution: tuple[str, ...]
) -> None:
    audit(tmp_path, bad, policy(tmp_path), *distribution)
    assert states(tmp_path) == {IN_USE: "in use", UNUSED: "matches nothing"}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_wrong_waiver_is_a_failed_test_that_names_its_place(
    tmp_path: pathlib.Path, good: pathlib.Path, distribution: tuple[str, ...]
) -> None:
    """Nothing else fails here, so that the exit status is the waiver's."""
    session = audit(tmp_path, good, policy(tmp_path), *distribution)
    (case,) = [one for one in session.cases if one.properties.get("lxd.waiver") == UNUSED]
    assert case.element == "failure"
    assert "policy.toml:9: waiver of LXD-BRI-03" in case.message
    assert session.exit_status == pytest.ExitCode.TESTS_FAILED


FIVE = [  # control, subject, days from the evidence's day to the last, more, state
    ("LXD-UNP-01", "instance/default/builder1", -1, "", "expired"),
    ("LXD-BRI-03", "nic/default/spare1/*", 400, "max_subjects = 1", "too wide"),
    ("LXD-BRI-03", "nic/default/gone/eth0", 400, "", "matches nothing"),
    ("LXD-UNP-01", "instance/default/web1", 400, "", "not needed"),
    ("LXD-PRV-05", "instance/default/builder1", 30, "", "expiring"),
]


def five(directory: pathlib.Path, day: datetime.date) -> str:
    """Return a policy with a waiver for each thing that its audit may say, four lines apart."""
    entries = [
        f'[[waiver]]\ncontrol = "{control}"\nsubject = "{subject}"\nreason = "r"\nowner = "ops"\n'
        f"expires = {day + datetime.timedelta(days)}\n{more}\n\n"
        for control, subject, days, more, _ in FIVE
    ]
    (directory / "five.toml").write_text("".join(entries))
    return "--lxd-policy=five.toml"


@pytest.fixture(scope="module")
def waived(
    tmp_path_factory: pytest.TempPathFactory, bad: pathlib.Path
) -> tuple[pathlib.Path, sessions.Session]:
    directory = tmp_path_factory.mktemp("waived")
    taken = json.loads(bad.read_text(encoding="utf-8"))["taken"][:10]
    given = five(directory, datetime.date.fromisoformat(taken))
    return directory, audit(directory, bad, given)


@pytest.mark.parametrize("place", range(len(FIVE)))
def test_each_thing_that_is_said_of_a_waiver_is_told_with_its_place(
    waived: tuple[pathlib.Path, sessions.Session], place: int
) -> None:
    directory, session = waived
    control, _, _, _, state = FIVE[place]
    source = f"five.toml:{1 + 8 * place}"
    assert states(directory)[source] == state
    assert re.search(rf"^{source}: {control} for ", session.out, re.MULTILINE)
    (case,) = [one for one in session.cases if one.properties.get("lxd.waiver") == source]
    assert case.element == ("passed" if state == "expiring" else "failure")
    for name in ("junit.xml", "report.html", "summary.md", report_files.JSON):
        assert source in (directory / "out" / name).read_text(encoding="utf-8")
    log = json.loads((directory / "out" / "report.sarif").read_text(encoding="utf-8"))
    told = [one["locations"][0] for one in log["runs"][0]["results"] if "WAIVER" in one["ruleId"]]
    lines = {one["physicalLocation"]["region"]["startLine"] for one in told}
    assert (1 + 8 * place in lines) is (state != "expiring")


def test_run_without_wrong_waivers_passes(tmp_path: pathlib.Path, bad: pathlib.Path) -> None:
    text = policy(tmp_path)
    kept = (tmp_path / "policy.toml").read_text().partition("\n\n")[0]
    (tmp_path / "policy.toml").write_text(f"{kept}\n")
    session = audit(tmp_path, bad, text, "--lxd-control=LXD-UNP-01")
    assert states(tmp_path) == {IN_USE: "in use"}
    assert session.exit_status == pytest.ExitCode.OK


def test_waiver_that_expires_soon_warns_and_passes(
    tmp_path: pathlib.Path, bad: pathlib.Path
) -> None:
    taken = json.loads(bad.read_text(encoding="utf-8"))["taken"][:10]
    session = audit(tmp_path, bad, policy(tmp_path, taken))
    (case,) = [one for one in session.cases if one.properties.get("lxd.waiver") == IN_USE]
    assert case.element == "passed"
    assert "policy.toml:1: LXD-UNP-01 for instance/default/builder1: expires today" in session.out


def test_waiver_of_what_was_not_run_is_not_judged(
    tmp_path: pathlib.Path, bad: pathlib.Path
) -> None:
    audit(tmp_path, bad, policy(tmp_path), "--lxd-control=LXD-NAM-01")
    assert states(tmp_path)[IN_USE] == "not judged"


def test_waiver_for_no_audited_host_is_told_with_the_nearest(
    tmp_path: pathlib.Path, bad: pathlib.Path
) -> None:
    target = json.loads(bad.read_text(encoding="utf-8"))["target"]
    text = POLICY.format(expires="2099-01-31").partition("\n\n")[0]
    (tmp_path / "policy.toml").write_text(f'{text}\nhost = "{target}x"\n')
    arguments = ("--lxd-policy=policy.toml", "--lxd-control=LXD-NAM-01")
    session = audit(tmp_path, bad, *arguments)
    assert states(tmp_path) == {IN_USE: "matches no host"}
    (case,) = [one for one in session.cases if one.properties.get("lxd.waiver") == IN_USE]
    assert case.element == "skipped"
    assert f"no audited host is {target}x (the nearest is {target}): correct it" in session.out


@pytest.mark.parametrize(
    ("arguments", "state"), [((), "expired"), (("--lxd-now=2020-01-01",), "not judged")]
)
def test_waivers_are_audited_where_no_host_is_reached(
    tmp_path: pathlib.Path, arguments: tuple[str, ...], state: str
) -> None:
    given = (policy(tmp_path, "2020-06-30"), "--lxd-host=unix:///nowhere/unix.socket")
    sessions.run(tmp_path, "--lxd-report=out", *given, *arguments)
    assert states(tmp_path)[IN_USE] == state


def test_waiver_is_judged_again_after_last_failed(
    tmp_path: pathlib.Path, good: pathlib.Path
) -> None:
    arguments = (policy(tmp_path), "-p", "cacheprovider")
    first = audit(tmp_path, good, *arguments)
    again = audit(tmp_path, good, *arguments, "--lf")
    assert again.counts["failed"] == first.counts["failed"] == 2
    assert states(tmp_path)[UNUSED] == "matches nothing"


def test_waivers_do_not_make_an_empty_run_a_good_one(
    tmp_path: pathlib.Path, good: pathlib.Path
) -> None:
    session = audit(tmp_path, good, policy(tmp_path), "-k", "nothing_has_this_name")
    assert session.exit_status == pytest.ExitCode.NO_TESTS_COLLECTED


# --- baseline ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def before(bad: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the report of an earlier run."""
    directory = tmp_path_factory.mktemp("before")
    audit(directory, bad)
    return directory / "out" / report_files.JSON


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_known_findings_do_not_fail_the_run(
    tmp_path: pathlib.Path, bad: pathlib.Path, before: pathlib.Path, distribution: tuple[str, ...]
) -> None:
    session = audit(tmp_path, bad, f"--lxd-baseline={before}", *distribution)
    assert session.counts.get("failed", 0) == 0
    assert session.counts["xfailed"] > 0
    case = session.case("LXD-NAM-01")
    assert (case.kind, case.message[:16]) == ("pytest.xfail", "in the baseline:")


def test_new_findings_fail_the_run(
    tmp_path: pathlib.Path, bad: pathlib.Path, before: pathlib.Path
) -> None:
    known = json.loads(before.read_text(encoding="utf-8"))
    known["results"] = [one for one in known["results"] if one["control"] != "LXD-NAM-01"]
    (tmp_path / "known.json").write_text(json.dumps(known))
    session = audit(tmp_path, bad, "--lxd-baseline=known.json")
    failed = {c.properties["lxd.control"] for c in session.cases if c.element == "failure"}
    assert failed == {"LXD-NAM-01"}
    states_ = {one["control"]: one["baseline"] for one in report(tmp_path)["results"]}
    assert states_["LXD-NAM-01"] == "new"


def test_more_on_a_known_object_fails_the_run(
    tmp_path: pathlib.Path, bad: pathlib.Path, before: pathlib.Path
) -> None:
    """LXD-PRV-05 fails on the same container as before, by one key more."""
    nested = '"security.nesting": "true"'
    text = bad.read_text(encoding="utf-8")
    assert nested in text
    (tmp_path / "worse.json").write_text(
        text.replace(nested, f'{nested}, "raw.lxc": "lxc.apparmor.profile = unconfined"')
    )
    session = audit(tmp_path, tmp_path / "worse.json", f"--lxd-baseline={before}")
    failed = {c.properties["lxd.control"] for c in session.cases if c.element == "failure"}
    assert "LXD-PRV-05" in failed


def test_baseline_that_is_no_report_is_a_usage_error(
    tmp_path: pathlib.Path, bad: pathlib.Path
) -> None:
    session = audit(tmp_path, bad, f"--lxd-baseline={bad}")
    assert session.exit_status == pytest.ExitCode.USAGE_ERROR
    assert "--lxd-baseline: " in session.err


# --- the command ---------------------------------------------------------------------------------


def lxdsec(*arguments: str | pathlib.Path, addopts: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-c", "from pytest_lxdsec.cli import main; raise SystemExit(main.main())"]
        + [str(argument) for argument in arguments],
        env=environment | {"PYTEST_ADDOPTS": addopts},
        capture_output=True,
        text=True,
        timeout=sessions.SECONDS,
        check=False,
    )


def test_diff_of_a_report_and_its_evidence_finds_nothing_new(
    bad: pathlib.Path, before: pathlib.Path
) -> None:
    done = lxdsec("diff", before, bad)
    assert done.returncode == 0
    assert done.stdout.startswith("0 new, 0 cannot be compared, 0 fixed, ")


def test_diff_with_new_findings_exits_with_1(bad: pathlib.Path, good: pathlib.Path) -> None:
    done = lxdsec("diff", good, bad)
    assert done.returncode == 1
    assert "LXD-NAM-01" in done.stdout.partition("\n\n")[0]


def test_diff_judges_all_of_the_evidence_whatever_the_user_asks_of_pytest(
    bad: pathlib.Path, before: pathlib.Path
) -> None:
    done = lxdsec("diff", before, bad, addopts="-x")
    assert done.returncode == 0
    assert done.stdout.endswith(" unchanged, 0 no longer looked at\n")


def test_diff_with_an_audit_that_was_cut_short_exits_with_1(
    tmp_path: pathlib.Path, before: pathlib.Path, bad: pathlib.Path
) -> None:
    audit(tmp_path, bad, "-x")
    done = lxdsec("diff", before, tmp_path / "out" / report_files.JSON)
    assert done.returncode == 1
    assert done.stdout.startswith("the new audit was cut short")


def test_diff_takes_a_report_for_one_whatever_words_are_in_it(
    tmp_path: pathlib.Path, before: pathlib.Path
) -> None:
    renamed = before.read_text(encoding="utf-8").replace("/builder1", "/lxdsec-evidence")
    (tmp_path / "report.json").write_text(renamed)
    done = lxdsec("diff", tmp_path / "report.json", tmp_path / "report.json")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "is no report.json"),
        ('{"format": "lxdsec-evidence", ', "is no report.json"),
        ('{"format": "lxdsec-evidence", "version": 1}', "cannot judge"),
        ('{"format": "lxdsec-report", "version": 99}', "is of version 99"),
        (None, "there is no file"),
    ],
)
def test_diff_of_what_is_neither_is_a_usage_error(
    tmp_path: pathlib.Path, before: pathlib.Path, content: str | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "x").write_text(content)
    done = lxdsec("diff", before, tmp_path / "x")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.startswith("lxdsec: diff: ")
    assert told in done.stderr


def test_diff_by_a_broken_policy_is_a_usage_error(
    tmp_path: pathlib.Path, good: pathlib.Path
) -> None:
    (tmp_path / "policy.toml").write_text("[oss]\n")
    done = lxdsec("diff", good, good, "--policy", tmp_path / "policy.toml")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR


def test_wrong_arguments_are_a_usage_error() -> None:
    assert lxdsec("diff", "one").returncode == pytest.ExitCode.USAGE_ERROR
