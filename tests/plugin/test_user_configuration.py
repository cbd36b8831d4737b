"""Users' own configuration of pytest applies to our suites too: no check may vanish by it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Mapping

import pytest

from pytest_lxdsec import options
from pytest_lxdsec.session.selection import Objects
from tests.support import evidence_documents, judging

from . import sessions

# Every control, on few objects: what matters here is that none is left out.
RUN = ("--lxd-host=evidence:seen.json", "--lxd-project=default", "--lxd-instance=web1")
OBJECTS = Objects(projects=("default",), instances=("web1",))
CONFIGURATIONS: Mapping[str, str] = {
    "functions": "python_functions = check_*",
    "files": "python_files = check_*.py",
    "classes": "python_classes = Check*",
    "names": "python_files = check_*.py\npython_functions = check_*",
    "addopts": "addopts = -ra --strict-markers --strict-config --tb=short --durations=3",
    "importlib": "addopts = --import-mode=importlib",
    "plain-asserts": "addopts = --assert=plain",
    "doctests": "addopts = --doctest-modules",
    "warnings": "filterwarnings = error",
    "xfail": "xfail_strict = true",
    "own-tests-only": "collect_imported_tests = false",
    "testpaths": "testpaths = mine",
    "consider": "consider_namespace_packages = true",
    "no-recursion": "norecursedirs = *",
    "junit": "junit_family = xunit1",
    "strict": "strict = true",
    "no-cache": "addopts = -p no:cacheprovider",
    "no-terminal": "addopts = -p no:terminal",
    "sorted": "addopts = --maxfail=1000 -p no:randomly",
    "ignored": "addopts = --ignore=mine --ignore-glob=*/mine/*",
}


def expected() -> dict[tuple[str, str], str]:
    """Return the verdicts of the same run without pytest."""
    evidence = evidence_documents.evidence(evidence_documents.baseline())
    results = judging.judge(evidence, objects=OBJECTS)
    return {key: result.verdict.value for key, result in results.items()}


@pytest.fixture
def site(pytester: pytest.Pytester, evidence_file: pathlib.Path) -> pytest.Pytester:
    """Return a project with tests of its own, and evidence."""
    shutil.copy(evidence_file, pytester.path / "seen.json")
    pytester.mkdir("mine").joinpath("test_mine.py").write_text("def test_mine(): pass\n")
    return pytester


def verdicts(junit: pathlib.Path) -> dict[tuple[str, str], str]:
    """Return the verdict of every control and subject."""
    keys = ("lxd.control", "lxd.subject", "lxd.verdict")
    found = [tuple(case.properties[key] for key in keys) for case in sessions.cases(junit)]
    return {(control, subject): verdict for control, subject, verdict in found}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_check_runs_under_any_configuration(
    site: pytest.Pytester, configuration: str
) -> None:
    site.makeini(f"[pytest]\n{CONFIGURATIONS[configuration]}\n")
    site.runpytest(*RUN, "--junitxml=junit.xml")
    assert verdicts(site.path / "junit.xml") == expected()


def test_suites_by_name_run_under_any_names(site: pytest.Pytester) -> None:
    site.makeini(f"[pytest]\n{CONFIGURATIONS['names']}\n")
    site.runpytest("--pyargs", "pytest_lxdsec.suites", *RUN, "--junitxml=junit.xml")
    assert verdicts(site.path / "junit.xml") == expected()


def test_one_suite_by_its_path_is_that_suite(site: pytest.Pytester) -> None:
    site.makeini(f"[pytest]\n{CONFIGURATIONS['names']}\n")
    suite = options.suites_dir() / "test_container_name_leakage.py"
    site.runpytest(suite, *RUN, "--junitxml=junit.xml")
    assert {control for control, _ in verdicts(site.path / "junit.xml")} == {
        made.id for made in judging.controls() if made.section == "container-name-leakage"
    }


def test_suite_that_the_user_ignores_by_name_is_left_out(site: pytest.Pytester) -> None:
    suite = options.suites_dir() / "test_container_name_leakage.py"
    site.runpytest(*RUN, f"--ignore={suite}", "--junitxml=junit.xml")
    assert "LXD-NAM-01" not in {control for control, _ in verdicts(site.path / "junit.xml")}


def test_users_tests_keep_the_users_names(site: pytest.Pytester) -> None:
    site.makeini(f"[pytest]\n{CONFIGURATIONS['names']}\n")
    site.path.joinpath("mine", "check_it.py").write_text(
        "def check_it(): pass\ndef test_it(): 0/0\n"
    )
    site.runpytest("mine", *RUN).assert_outcomes(passed=1)


def test_control_of_a_site_runs_whatever_its_function_is_called(site: pytest.Pytester) -> None:
    site.makepyfile(
        test_site="""
        from pytest_lxdsec import verdict
        from pytest_lxdsec.control import Kind, Level, Severity, control

        @control("ACME-01", title="A control", severity=Severity.LOW, level=Level.CONFIGURED,
                 kind=Kind.ADVICE, section="mine", rationale="To be run.")
        def memory_is_limited(lxd_evidence):
            return verdict.passed("it is")
        """
    )
    site.runpytest("test_site.py", *RUN).assert_outcomes(passed=1)


def test_rootdir_elsewhere_changes_no_verdict(site: pytest.Pytester) -> None:
    elsewhere = site.mkdir("elsewhere")
    site.runpytest(*RUN, f"--rootdir={elsewhere}", "--junitxml=junit.xml")
    assert verdicts(site.path / "junit.xml") == expected()


def test_conftest_with_an_option_of_its_own_is_loaded(site: pytest.Pytester) -> None:
    site.makeconftest("def pytest_report_header(): return 'the site was here'")
    site.runpytest(*RUN).stdout.fnmatch_lines(["the site was here"])


def test_directory_that_cannot_be_written_changes_no_verdict(
    site: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    junit = tmp_path_factory.mktemp("junit") / "junit.xml"
    site.path.chmod(0o500)
    run_without_overriding_modes("-m", "pytest", *RUN, f"--junitxml={junit}", cwd=site.path)
    assert verdicts(junit) == expected()


def run_without_overriding_modes(*arguments: str, cwd: pathlib.Path) -> None:
    """Run Python as somebody who may only write what its mode allows, even if that is root."""
    drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")
    prefix = drop if os.geteuid() == 0 else ()
    probe = "import sys; open('written', 'w')"
    denied = subprocess.run([*prefix, sys.executable, "-c", probe], cwd=cwd, check=False)
    assert denied.returncode != 0
    subprocess.run(
        [*prefix, sys.executable, *arguments],
        cwd=cwd,
        check=False,
        stdout=subprocess.DEVNULL,
        timeout=sessions.SECONDS,
    )


def test_same_run_twice_says_the_same(site: pytest.Pytester) -> None:
    outputs = [site.runpytest(*RUN, "-v").stdout.lines[:-1] for _ in range(2)]  # but for the time
    assert outputs[0] == outputs[1]
