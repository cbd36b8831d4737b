"""Every verdict becomes the outcome that the contract names, however pytest is run."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import pytest

from tests.support import evidence_documents

from . import sessions

SITE = """
import pytest
from pytest_lxdsec import verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.verdict import CannotTell, Manual, NotApplicable, NotAssessed, Remedy, Verdict


def made(name, severity=Severity.HIGH):
    return control(
        name,
        title="A control of the site",
        severity=severity,
        level=Level.CONFIGURED,
        kind=Kind.REQUIREMENT,
        section="unprivileged-containers",
        rationale="It shows one verdict.",
    )


def wrong():
    return verdict.failed(
        observed="it is open", expected="closed", origin="the host", remedy=Remedy(command="close")
    )


@pytest.fixture
def broken():
    raise RuntimeError("a fixture of the site's is broken")


@pytest.fixture
def leaves_badly():
    yield
    raise RuntimeError("it cannot clean up")


@made("ACME-PASS")
def test_pass(lxd_evidence):
    return verdict.passed("it is closed")


@made("ACME-FAIL")
def test_fail(lxd_evidence):
    return wrong()


@made("ACME-WAIVED")
def test_waived(lxd_evidence):
    return wrong()


@made("ACME-EXPIRED")
def test_waiver_expired(lxd_evidence):
    return wrong()


@made("ACME-MINOR", Severity.LOW)
def test_minor(lxd_evidence):
    return wrong()


@made("ACME-CANNOT")
def test_cannot_tell(lxd_evidence):
    raise CannotTell("no road")


@made("ACME-NA")
def test_not_applicable(lxd_evidence):
    raise NotApplicable("no such thing here")


@made("ACME-MANUAL")
def test_manual(lxd_evidence):
    raise Manual("ask the owner")


@made("ACME-API")
def test_not_assessed(lxd_evidence):
    raise NotAssessed("the target is an API")


@made("ACME-SILENT")
def test_pass_without_observation(lxd_evidence):
    return verdict.passed()


@made("ACME-BLANK")
def test_pass_with_blank_observation(lxd_evidence):
    return Verdict((" ",))


@made("ACME-NONE")
def test_none(lxd_evidence):
    pass


@made("ACME-TRUE")
def test_true(lxd_evidence):
    return True


@made("ACME-SHAPE")
def test_finding_that_is_none(lxd_evidence):
    return Verdict(("it is open",), "open")


@made("ACME-BUG")
def test_bug(lxd_evidence):
    return {}["nothing"]


@made("ACME-SKIP")
def test_skips_itself(lxd_evidence):
    pytest.skip("not today")


@pytest.mark.skip(reason="not on this site")
@made("ACME-MARK")
def test_marked(lxd_evidence):
    return wrong()


@made("ACME-FIXTURE")
def test_broken_fixture(lxd_evidence, broken):
    return verdict.passed("it is closed")


@made("ACME-LEAVE")
def test_broken_teardown(lxd_evidence, leaves_badly):
    return verdict.passed("it is closed")


@made("ACME-IMAGES")
def test_no_image(lxd_image):
    return verdict.passed(lxd_image.fingerprint)


@made("ACME-NETS")
def test_no_listing(lxd_network):
    return verdict.passed(lxd_network.name)
"""
POLICY = """
[[waiver]]
control = "ACME-WAIVED"
subject = "host"
reason = "until the move"
owner = "ops"
expires = 2999-01-01
[[waiver]]
control = "ACME-EXPIRED"
subject = "host"
reason = "until the move"
owner = "ops"
expires = 2020-01-01
"""
# Control: the element of its testcase, lxd.verdict, and how the element's message begins.
ROWS: Mapping[str, tuple[str, str, str]] = {
    "ACME-PASS": ("passed", "pass", ""),
    "ACME-FAIL": ("failure", "fail", "Failed: host: it is open"),
    "ACME-WAIVED": ("skipped", "waived", "waived until 2999-01-01 (ops): until the move"),
    "ACME-EXPIRED": ("failure", "fail", "Failed: host: it is open"),
    "ACME-MINOR": ("skipped", "fail", "reported only: low is below --lxd-fail-on=medium"),
    "ACME-CANNOT": ("error", "error", "failed on setup with"),
    "ACME-NA": ("skipped", "not-applicable", "not applicable: no such thing here"),
    "ACME-MANUAL": ("skipped", "manual", "manual: ask the owner"),
    "ACME-API": ("skipped", "not-assessed", "not assessed: the target is an API"),
    "ACME-SILENT": ("error", "error", "failed on setup with"),
    "ACME-BLANK": ("error", "error", "failed on setup with"),
    "ACME-NONE": ("error", "error", "failed on setup with"),
    "ACME-TRUE": ("error", "error", "failed on setup with"),
    "ACME-SHAPE": ("error", "error", "failed on setup with"),
    "ACME-BUG": ("error", "error", "failed on setup with"),
    "ACME-SKIP": ("error", "error", "failed on setup with"),
    "ACME-MARK": ("skipped", "not-assessed", "not on this site"),
    "ACME-FIXTURE": ("error", "error", "failed on setup with"),
    "ACME-LEAVE": ("error", "error", "failed on teardown with"),
    "ACME-IMAGES": ("skipped", "not-applicable", "not applicable: lxd1.example.org has no image"),
    "ACME-NETS": ("error", "error", "failed on setup with"),
}
REASONS = {
    "ACME-CANNOT": "cannot tell: no road",
    "ACME-SILENT": "cannot tell: the control passed without naming what it has seen",
    "ACME-BLANK": "cannot tell: the control returned Verdict, not a verdict with an observation",
    "ACME-NONE": "cannot tell: the control returned NoneType, not a verdict",
    "ACME-TRUE": "cannot tell: the control returned bool, not a verdict",
    "ACME-SHAPE": "cannot tell: the control returned Verdict, not a verdict",
    "ACME-BUG": "cannot tell: the control itself failed: KeyError: 'nothing' at test_site.py:",
    "ACME-SKIP": "cannot tell: the control ended by Skipped (not today), which is no answer",
    "ACME-NETS": "cannot tell: no networks: GET /1.0/networks: 500",
}
# What ROWS tell, and: the call of the test whose teardown breaks passes; the host that is not
# there is an error; of the two waivers, one is in use and one has expired.
COUNTS = {"passed": 3, "failed": 3, "errors": 12, "skipped": 5, "xfailed": 2}
MODES: Mapping[str, tuple[str, ...]] = {
    "plain": (),
    "n0": ("-n0",),
    "n2": ("-n2",),
    "warnings-are-errors": ("-W", "error"),
    "strict": ("-c", "strict.toml"),
    "strict-n2": ("-c", "strict.toml", "-n2", "-W", "error"),
}


def prepare(directory: pathlib.Path) -> list[str]:
    """Return the site's files, and the arguments for two hosts, one of them missing."""
    document = evidence_documents.patch(evidence_documents.baseline(), "images", to={"value": []})
    lost = evidence_documents.missing("GET /1.0/networks: 500")
    document = evidence_documents.patch(document, "networks", to=lost)
    evidence_documents.write(document, directory / "seen.json")
    (directory / "test_site.py").write_text(SITE)
    (directory / "policy.toml").write_text(POLICY)
    (directory / "strict.toml").write_text("[tool.pytest]\nstrict = true\n")
    hosts = ("evidence:seen.json", f"unix://{directory}/no.socket")
    named = [f"--lxd-host={host}" for host in hosts]
    return ["test_site.py", *named, "--lxd-policy=policy.toml", "--lxd-fail-on=medium"]


@pytest.fixture(scope="module", params=MODES)
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> sessions.Session:
    """Return all verdicts in one session, for each way to run pytest."""
    directory = tmp_path_factory.mktemp("verdicts")
    return sessions.run(directory, *prepare(directory), *MODES[request.param])


@pytest.mark.parametrize("control", ROWS)
def test_verdict_becomes_its_outcome(session: sessions.Session, control: str) -> None:
    element, verdict, message = ROWS[control]
    case = session.case(control)
    assert (case.element, case.properties["lxd.verdict"]) == (element, verdict)
    assert case.message.startswith(message)


@pytest.mark.parametrize("control", REASONS)
def test_error_says_why(session: sessions.Session, control: str) -> None:
    assert REASONS[control] in session.case(control).text


@pytest.mark.parametrize("control", ["ACME-WAIVED", "ACME-MINOR"])
def test_tolerated_finding_is_an_expected_failure(session: sessions.Session, control: str) -> None:
    assert session.case(control).kind == "pytest.xfail"


def test_host_that_cannot_be_reached_is_one_error(session: sessions.Session) -> None:
    (case,) = [one for one in session.cases if one.name.startswith("lxd-host[")]
    assert case.element == "error"
    assert case.properties["lxd.verdict"] == "error"
    assert "no.socket" in case.text


def test_counts_are_complete(session: sessions.Session) -> None:
    assert session.counts == COUNTS


def test_findings_make_the_run_fail(session: sessions.Session) -> None:
    assert session.exit_status == pytest.ExitCode.TESTS_FAILED


def test_every_test_is_in_the_summary_once(session: sessions.Session) -> None:
    (line,) = [line for line in session.out.splitlines() if line.startswith("lxdsec: ")]
    assert "3 fail, 12 cannot tell, 1 pass, 1 waived, 1 manual, 2 not-assessed" in line


def test_runxfail_turns_no_waived_failure_into_a_pass(tmp_path: pathlib.Path) -> None:
    session = sessions.run(tmp_path, *prepare(tmp_path), "--runxfail", "-k", "waived or minor")
    waived, minor = session.case("ACME-WAIVED"), session.case("ACME-MINOR")
    assert (waived.element, waived.properties["lxd.verdict"]) == ("failure", "waived")
    assert (minor.element, minor.properties["lxd.verdict"]) == ("failure", "fail")


def test_run_without_findings_is_a_success(tmp_path: pathlib.Path) -> None:
    evidence_documents.write(evidence_documents.baseline(), tmp_path / "seen.json")
    session = sessions.run(tmp_path, "--lxd-host=evidence:seen.json")
    assert session.exit_status == pytest.ExitCode.OK
