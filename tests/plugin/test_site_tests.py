"""A site's own tests and controls: they run on the same objects, and stand beside ours."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from pytest_lxdsec import control
from tests.support import evidence_documents, judging

from . import sessions

HOST = "--lxd-host=evidence:seen.json"
CONTROL = """
from pytest_lxdsec import verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.verdict import Remedy

@control(
    "ACME-01",
    title="Web servers are not in the default project",
    severity=Severity.MEDIUM,
    level=Level.CONFIGURED,
    kind=Kind.REQUIREMENT,
    section="acme-tenancy",
    rationale="Tenants are kept apart.",
)
def test_web_servers_are_tenants(lxd_instance, lxd_policy):
    if lxd_instance.key == "default/web1":
        return verdict.failed(
            observed="it is in the default project",
            expected="a project of its own",
            origin="instance default/web1",
            remedy=Remedy(command="lxc move web1 --target-project tenants"),
        )
    return verdict.passed(f"it is {lxd_instance.key}")
"""
# Fixture: the subjects that a test is run for, on the baseline, and what it gets.
SUBJECTS = {
    "lxd_server": ({"server"}, "environment.server_name == 'lxd1'"),
    "lxd_instance": (
        {
            "instance/default/db1",
            "instance/default/router1",
            "instance/default/spare1",
            "instance/default/vm1",
            "instance/default/web1",
            "instance/tenants/web1",
        },
        "status",
    ),
    "lxd_nic": (
        {
            "nic/default/db1/eth0",
            "nic/default/router1/eth0",
            "nic/default/spare1/eth0",
            "nic/default/vm1/eth0",
            "nic/default/web1/eth0",
            "nic/tenants/web1/eth0",
        },
        "nictype in ('bridged', 'routed')",
    ),
    "lxd_network": ({"network/default/lxdbr0", "network/default/lxdbr1"}, "managed"),
    "lxd_profile": ({"profile/default/default", "profile/tenants/default"}, "used_by"),
    "lxd_certificate": ({"certificate/c1c1c1c1c1c1"}, "restricted"),
    "lxd_image": (
        {"image/default/1a1a1a1a1a1a", "image/tenants/1a1a1a1a1a1a"},
        "public is False",
    ),
    "lxd_evidence": ({"host"}, "operating_system.hostname == 'lxd1'"),
}


@pytest.fixture
def site(pytester: pytest.Pytester, evidence_file: pathlib.Path) -> pytest.Pytester:
    shutil.copy(evidence_file, pytester.path / "seen.json")
    return pytester


def ran(site: pytest.Pytester, *arguments: str) -> tuple[sessions.Case, ...]:
    site.runpytest(*arguments, "--junitxml=junit.xml")
    return sessions.cases(site.path / "junit.xml")


# --- fixtures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fixture", SUBJECTS)
def test_fixture_is_every_object_once(site: pytest.Pytester, fixture: str) -> None:
    subjects, expression = SUBJECTS[fixture]
    site.makepyfile(f"def test_it({fixture}): assert {fixture}.{expression}")
    cases = ran(site, "test_fixture_is_every_object_once.py", HOST)
    assert {case.name for case in cases} == {
        f"test_it[lxd1.example.org:{subject}]" for subject in subjects
    }
    assert {case.element for case in cases} == {"passed"}


def test_every_subject_fixture_is_among_these() -> None:
    assert set(control.SUBJECT_FIXTURES) < set(SUBJECTS)


def test_selection_holds_for_a_sites_tests(site: pytest.Pytester) -> None:
    site.makepyfile("def test_it(lxd_nic): pass")
    chosen = ("--lxd-project=tenants", "--lxd-instance=web*")
    cases = ran(site, "test_selection_holds_for_a_sites_tests.py", HOST, *chosen)
    assert [case.name for case in cases] == ["test_it[lxd1.example.org:nic/tenants/web1/eth0]"]


def test_policy_and_releases_are_given(site: pytest.Pytester) -> None:
    site.path.joinpath("policy.toml").write_text('[local]\ntrusted_users = ["bob"]\n')
    site.makepyfile(
        test_mine="""
        def test_policy(lxd_policy): assert lxd_policy.trusted_users == ("bob",)
        def test_releases(lxd_releases): assert "5.0" in lxd_releases.lts
        """
    )
    result = site.runpytest("test_mine.py", HOST, "--lxd-policy=policy.toml")
    result.assert_outcomes(passed=2)


def test_own_fixture_may_build_on_ours(site: pytest.Pytester) -> None:
    site.makepyfile(
        test_mine="""
        import pytest

        @pytest.fixture
        def name(lxd_instance): return lxd_instance.name

        def test_it(name): assert name
        """
    )
    site.runpytest("test_mine.py", HOST).assert_outcomes(passed=6)


def test_own_fixture_is_not_asked_where_there_is_no_object(site: pytest.Pytester) -> None:
    site.makepyfile(
        test_mine=CONTROL
        + """
import pytest

@pytest.fixture
def name(lxd_instance): return lxd_instance.name

@control("ACME-02", title="A control", severity=Severity.LOW, level=Level.CONFIGURED,
         kind=Kind.ADVICE, section="acme-tenancy", rationale="To be skipped.")
def test_it(name, lxd_instance): return verdict.passed(name)

def test_plain(name): assert name
"""
    )
    result = site.runpytest("test_mine.py", HOST, "--lxd-instance=nobody")
    result.assert_outcomes(skipped=3)


def test_listing_that_is_missing_is_an_error_of_a_plain_test(site: pytest.Pytester) -> None:
    lost = evidence_documents.missing("GET /1.0/networks: 500")
    document = evidence_documents.patch(evidence_documents.baseline(), "networks", to=lost)
    evidence_documents.write(document, site.path / "seen.json")
    site.makepyfile(test_mine="def test_it(lxd_network): pass")
    (case,) = ran(site, "test_mine.py", HOST)
    assert case.element == "error"
    assert case.text == "cannot tell: no networks: GET /1.0/networks: 500"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("def test_it(lxd_host): pass", {"skipped": 1}),
        ("def test_it(lxd_host, lxd_evidence): pass", {"skipped": 1}),
        ("def test_it(lxd_instance): assert lxd_instance.host.run('true')", {"skipped": 6}),
    ],
)
def test_live_host_behind_evidence_is_not_assessed(
    site: pytest.Pytester, body: str, outcome: dict[str, int]
) -> None:
    site.makepyfile(test_mine=body)
    result = site.runpytest("test_mine.py", HOST, "-rs")
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["SKIPPED*not assessed: evidence is a file: there is no live*"])


def test_fact_that_was_not_assessed_skips_a_plain_test(site: pytest.Pytester) -> None:
    document = evidence_documents.without_host(evidence_documents.baseline())
    evidence_documents.write(document, site.path / "seen.json")
    site.makepyfile(test_mine="def test_it(lxd_evidence): assert lxd_evidence.packages")
    site.runpytest("test_mine.py", HOST).assert_outcomes(skipped=1)


def test_fact_that_is_missing_fails_a_plain_test(site: pytest.Pytester) -> None:
    lost = evidence_documents.missing("apt is broken")
    document = evidence_documents.patch(evidence_documents.baseline(), "host.packages", to=lost)
    evidence_documents.write(document, site.path / "seen.json")
    site.makepyfile(test_mine="def test_it(lxd_evidence): assert lxd_evidence.packages")
    (case,) = ran(site, "test_mine.py", HOST)
    assert case.element == "failure"
    assert case.text == "cannot tell: no host.packages: apt is broken"


# --- what cannot be asked ------------------------------------------------------------------------


def test_two_kinds_of_objects_are_refused(site: pytest.Pytester) -> None:
    site.makepyfile(test_mine="def test_it(lxd_instance, lxd_nic): pass")
    result = site.runpytest("test_mine.py", HOST)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["test_it asks for lxd_instance and lxd_nic, but a test is run*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_second_kind_through_a_fixture_is_refused(site: pytest.Pytester) -> None:
    site.makepyfile(
        test_mine="""
        import pytest

        @pytest.fixture
        def driver(lxd_nic): return lxd_nic.nictype

        def test_it(lxd_instance, driver): pass
        """
    )
    site.runpytest("test_mine.py", HOST).assert_outcomes(errors=1)


def test_control_whose_fixture_asks_for_another_kind_is_refused(site: pytest.Pytester) -> None:
    site.makepyfile(
        test_mine=CONTROL
        + """
import pytest

@pytest.fixture
def driver(lxd_nic): return lxd_nic.nictype

@control("ACME-02", title="A control", severity=Severity.LOW, level=Level.CONFIGURED,
         kind=Kind.ADVICE, section="acme-tenancy", rationale="To be refused.")
def test_it(driver): return verdict.passed(driver)
"""
    )
    result = site.runpytest("test_mine.py", HOST)
    result.stdout.fnmatch_lines(["control ACME-02 is about a host, but a fixture of it asks for*"])


@pytest.mark.parametrize("arguments", ["request", "request, lxd_nic"])
def test_object_that_is_asked_for_too_late_is_no_other_object(
    site: pytest.Pytester, arguments: str
) -> None:
    site.makepyfile(test_mine=f"def test_it({arguments}): request.getfixturevalue('lxd_instance')")
    cases = ran(site, "test_mine.py", HOST)
    assert {case.element for case in cases} == {"failure"}
    assert "too late to be run for each" in cases[0].text


# --- controls ------------------------------------------------------------------------------------


def test_control_of_a_site_runs_alone(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    cases = ran(site, "test_acme.py", HOST)
    assert {case.properties["lxd.control"] for case in cases} == {"ACME-01"}


def test_control_of_a_site_stands_beside_ours(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    cases = ran(site, "test_acme.py", "--pyargs", "pytest_lxdsec.suites", HOST)
    ours = {made.id for made in judging.controls()}
    assert {case.properties["lxd.control"] for case in cases} == {"ACME-01", *ours}


def test_control_of_a_site_has_the_properties_of_the_contract(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    (case,) = [c for c in ran(site, "test_acme.py", HOST) if c.element == "failure"]
    assert case.properties == {
        "lxd.control": "ACME-01",
        "lxd.title": "Web servers are not in the default project",
        "lxd.severity": "medium",
        "lxd.level": "configured",
        "lxd.kind": "requirement",
        "lxd.section": "acme-tenancy",
        "lxd.section_title": "acme-tenancy",
        "lxd.guide_url": "",
        "lxd.host": "lxd1.example.org",
        "lxd.subject": "instance/default/web1",
        "lxd.verdict": "fail",
    }


def test_finding_of_a_site_is_in_the_summary(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    result = site.runpytest("test_acme.py", HOST)
    result.stdout.fnmatch_lines(
        [
            "MEDIUM ACME-01 Web servers are not in the default project",
            "*instance/default/web1: it is in the default project*",
            "*lxc move web1 --target-project tenants",
            "acme-tenancy * FAIL (1 fail, 5 pass)",
        ]
    )


def test_control_of_a_site_is_chosen_like_ours(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    chosen = ("--lxd-section=acme-tenancy", "--lxd-instance=vm1")
    cases = ran(site, "test_acme.py", "--pyargs", "pytest_lxdsec.suites", HOST, *chosen)
    assert [case.properties["lxd.control"] for case in cases] == ["ACME-01"]


def test_control_of_a_site_is_waived_like_ours(site: pytest.Pytester) -> None:
    site.makepyfile(test_acme=CONTROL)
    site.path.joinpath("policy.toml").write_text(
        """
        [[waiver]]
        control = "ACME-01"
        subject = "instance/default/*"
        reason = "until the move"
        owner = "ops"
        expires = 2999-01-01
        """
    )
    (case,) = [
        case
        for case in ran(site, "test_acme.py", HOST, "--lxd-policy=policy.toml")
        if case.properties.get("lxd.verdict") == "waived"
    ]
    assert (case.properties["lxd.subject"], case.kind) == ("instance/default/web1", "pytest.xfail")


@pytest.mark.parametrize("choice", [("-k", "nothing"), ("test_acme.py::test_other",)])
def test_waiver_of_a_control_that_is_not_chosen_is_no_mistake(
    site: pytest.Pytester, choice: tuple[str, ...]
) -> None:
    site.makepyfile(test_acme=CONTROL + "\ndef test_other(): pass\n")
    site.path.joinpath("policy.toml").write_text(
        '[[waiver]]\ncontrol = "ACME-01"\nsubject = "*"\nreason = "a"\nowner = "b"\n'
        "expires = 2999-01-01\n"
    )
    result = site.runpytest("test_acme.py", HOST, "--lxd-policy=policy.toml", *choice)
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


DUPLICATES = {
    "two files": {"test_one": CONTROL, "test_two": CONTROL},
    "one file": {"test_one": CONTROL + CONTROL.replace("def test_", "def test_again_")},
    "one of ours": {"test_one": CONTROL.replace("ACME-01", "LXD-NAM-01")},
}


@pytest.mark.parametrize("mode", [(), ("-n2",)], ids=["plain", "xdist"])
@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_id_of_two_controls_is_a_mistake(
    site: pytest.Pytester, duplicate: str, mode: tuple[str, ...]
) -> None:
    site.makepyfile(**DUPLICATES[duplicate])
    result = site.runpytest(HOST, ".", *mode)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith("ERROR: control ")
    assert "is declared twice" in line


def test_packaged_suites_given_twice_are_no_duplicates(site: pytest.Pytester) -> None:
    named = ("--pyargs", "pytest_lxdsec.suites", "pytest_lxdsec.suites.test_security")
    chosen = "--lxd-control=LXD-NAM-01"
    site.runpytest(*named, HOST, chosen).assert_outcomes(passed=1)
