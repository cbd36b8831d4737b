"""What fails a run and is no verdict of a control is in its reports too."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
from typing import Any

import pytest

from pytest_lxdsec.reports import report_files
from tests.lab import waiting
from tests.support import evidence_documents

from . import sessions

DISTRIBUTIONS = [(), ("-n2",)]
HEAD = """\
import os
import pytest
from pytest_lxdsec import verdict
from pytest_lxdsec.control import *
from pytest_lxdsec.verdict import Remedy

def asked(name):
    return control(name, title="T \\ud800", severity=Severity.LOW, level=Level.CONFIGURED,
                   kind=Kind.ADVICE, section="Our rules", rationale="R")

def wrong(observed):
    return verdict.failed(observed=observed, expected="e", origin="o",
                          remedy=Remedy(command="true"))
"""


@pytest.fixture
def good(tmp_path: pathlib.Path) -> pathlib.Path:
    return evidence_documents.write(evidence_documents.baseline(), tmp_path / "good.json")


def audit(good: pathlib.Path, tests: str, *arguments: str) -> sessions.Session:
    (good.parent / "test_site.py").write_text(HEAD + tests)
    given = (f"--lxd-host=evidence:{good}", "--lxd-report=out", "test_site.py")
    return sessions.run(good.parent, *given, *arguments)


def report(good: pathlib.Path) -> Any:
    return json.loads((good.parent / "out" / report_files.JSON).read_text(encoding="utf-8"))


def cases(good: pathlib.Path) -> dict[str, sessions.Case]:
    return {one.name: one for one in sessions.cases(good.parent / "out" / "junit.xml")}


PLAIN = """
def test_passes(lxd_evidence): pass
def test_fails(lxd_evidence): assert 1 == 2, "one is not two"
@pytest.fixture
def broken(): raise RuntimeError("no such thing")
def test_breaks(broken): pass
def test_skips(): pytest.skip("not here")
"""


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_sites_own_tests_are_in_junit(good: pathlib.Path, distribution: tuple[str, ...]) -> None:
    audit(good, PLAIN, *distribution)
    found = {
        name.removeprefix("test_site.py::").partition("[")[0]: (case.element, case.message)
        for name, case in cases(good).items()
    }
    assert found == {
        "test_passes": ("passed", ""),
        "test_fails": ("failure", "AssertionError: one is not two"),
        "test_breaks": ("error", "RuntimeError: no such thing"),
        "test_skips": ("skipped", "not here"),
    }


@pytest.mark.parametrize("name", report_files.WRITERS)
def test_failure_of_a_sites_own_test_is_in_every_report(good: pathlib.Path, name: str) -> None:
    audit(good, PLAIN)
    assert "one is not two" in (good.parent / "out" / name).read_text(encoding="utf-8")


def test_sites_own_tests_are_counted_in_the_title(good: pathlib.Path) -> None:
    audit(good, PLAIN)
    assert "2 other tests failed" in (good.parent / "out" / "summary.md").read_text()


def test_file_that_cannot_be_collected_is_an_error(good: pathlib.Path) -> None:
    (good.parent / "test_broken.py").write_text("import nothing_of_this_name\n")
    audit(good, PLAIN, "test_broken.py", "--continue-on-collection-errors")
    assert cases(good)["test_broken.py"].element == "error"


CRASH = """
@asked("ACME-01")
def test_dies(lxd_evidence): os._exit(3)
"""


def test_control_whose_process_dies_is_an_error(good: pathlib.Path) -> None:
    audit(good, CRASH, "-n2")
    (case,) = [one for name, one in cases(good).items() if "ACME-01" in name]
    assert case.element == "error"
    assert "crashed while running" in case.message


MANY = """
@asked("ACME-01")
@pytest.mark.parametrize("n", range(40))
def test_many(lxd_evidence, n):
    if n == 5:
        os._exit(3)
    return wrong(f"n is {n}")
"""


def test_run_whose_workers_are_gone_is_not_complete(good: pathlib.Path) -> None:
    audit(good, MANY, "-n2", "--max-worker-restart=0")
    assert report(good)["complete"] is False


@pytest.mark.parametrize("distribution", ["load", "each", "loadgroup", "worksteal"])
def test_results_of_one_control_are_the_same_by_every_distribution(
    good: pathlib.Path, distribution: str
) -> None:
    told = []
    for arguments in ((), ("-n2", f"--dist={distribution}")):
        audit(good, MANY.replace("n == 5", "n == 50"), *arguments)
        told.append([(name, case.message) for name, case in cases(good).items()])
        assert report(good)["complete"] is True
    assert told[0] == told[1]
    assert len(told[0]) == 40


MARKED = """
@asked("ACME-01")
@pytest.mark.xfail(reason="known to us")
def test_known(lxd_evidence): return wrong("it is bad")
@asked("ACME-02")
@pytest.mark.xfail(strict=True, reason="must fail")
def test_strict(lxd_evidence): return verdict.passed("seen")
"""


def test_users_own_xfail_does_not_fail_the_job(good: pathlib.Path) -> None:
    session = audit(good, MARKED)
    case = next(case for name, case in cases(good).items() if "ACME-01" in name)
    assert (case.element, case.message[:18]) == ("skipped", "xfail: known to us")
    assert session.case("ACME-01").properties["lxd.verdict"] == "fail"


def test_strict_xfail_that_passes_is_no_pass(good: pathlib.Path) -> None:
    session = audit(good, MARKED)
    case = next(case for name, case in cases(good).items() if "ACME-02" in name)
    assert case.element == "error"
    assert "must fail" in case.message
    assert session.case("ACME-02").properties["lxd.verdict"] == "error"


SLOW = """
import time
@asked("ACME-01")
@pytest.mark.parametrize("n", range(40))
def test_slow(lxd_evidence, n):
    open("begun", "w").close()
    time.sleep(0.5)
    return verdict.passed("seen")
"""


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_interrupted_run_leaves_reports_that_say_so(
    good: pathlib.Path, distribution: tuple[str, ...]
) -> None:
    (good.parent / "test_site.py").write_text(HEAD + SLOW)
    command = [*waiting.INTERRUPTIBLE, sys.executable, "-m", "pytest"]
    command += [f"--lxd-host=evidence:{good}", "--lxd-report=out", "test_site.py"]
    command += ["-p", "no:cacheprovider", *distribution]
    with subprocess.Popen(command, cwd=good.parent, stdout=subprocess.DEVNULL) as session:
        waiting.until((good.parent / "begun").exists, seconds=120)
        session.send_signal(signal.SIGINT)
    assert session.returncode == pytest.ExitCode.INTERRUPTED
    assert report(good)["complete"] is False
    assert cases(good)["The run comes to its end"].element == "error"
