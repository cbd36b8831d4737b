"""Without `--lxd-host` the plugin costs nothing and changes nothing."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from pytest_lxdsec import control

from . import sessions

OURS = {"pytest_lxdsec", "pytest_lxdsec.plugin", "pytest_lxdsec.options"}
# What we depend on. testinfra's own plugin loads parts of it, and Hypothesis' plugin Hypothesis.
HEAVY = {"cryptography", "msgspec", "pylxd", "requests", "urllib3", "ws4py", "hypothesis"}
# Runs pytest as its command does, and prints what is left at the very end.
AT_EXIT = """
import atexit, json, sys
atexit.register(lambda: print("\\nMODULES", json.dumps(sorted(sys.modules))))
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
OPTIONS = """
import json

def pytest_configure(config):
    names = {k: repr(v) for k, v in vars(config.option).items()}
    with open("options.json", "w") as file:
        json.dump(names, file)
"""
FIXTURES = ("lxd_evidence", "lxd_host", "lxd_policy", "lxd_releases", *control.SUBJECT_FIXTURES)


def loaded(directory: pathlib.Path, *arguments: str) -> set[str]:
    """Return the modules that a session has imported when its process ends."""
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, "-p", "no:hypothesispytest", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=sessions.SECONDS,
        check=True,
    )
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("MODULES ")]
    return set(json.loads(line.removeprefix("MODULES ")))


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return what is loaded after a session that passes, fails, and prints all its summaries."""
    directory = tmp_path_factory.mktemp("idle")
    (directory / "test_mine.py").write_text("def test_one(tmp_path):\n    assert tmp_path\n")
    return loaded(directory, "-rA", "--junitxml=junit.xml")


def test_nothing_of_ours_is_loaded(idle: set[str]) -> None:
    assert {name for name in idle if name.partition(".")[0] == "pytest_lxdsec"} == OURS


def test_nothing_that_we_depend_on_is_loaded(idle: set[str]) -> None:
    assert {name.partition(".")[0] for name in idle} & HEAVY == set()


def test_no_suite_is_loaded(idle: set[str]) -> None:
    assert {name for name in idle if "suites" in name} == set()


def test_no_option_of_pytest_is_changed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "conftest.py").write_text(OPTIONS)
    found = {}
    for plugin in ((), ("-p", "no:lxdsec")):
        sessions.run(tmp_path, *plugin)
        found[plugin] = json.loads((tmp_path / "options.json").read_text())
        del found[plugin]["plugins"]  # how the two runs differ
    ours = {name: value for name, value in found[()].items() if name.startswith("lxdsec_")}
    assert set(ours.values()) == {"None"}
    assert found[()] == ours | found["-p", "no:lxdsec"]


def test_output_is_the_same_without_us(tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_one():\n    assert not 'reached'\n")
    lines = [
        [line for line in session.out.splitlines() if not line.startswith(("plugins:", "====="))]
        for session in (sessions.run(tmp_path), sessions.run(tmp_path, "-p", "no:lxdsec"))
    ]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("fixture", FIXTURES)
def test_fixture_is_skipped_with_what_to_do(pytester: pytest.Pytester, fixture: str) -> None:
    pytester.makepyfile(f"def test_mine({fixture}): raise AssertionError")
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*no server to look at: name one with --lxd-host"])


def test_control_of_a_site_is_skipped_with_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_lxdsec.control import Kind, Level, Severity, control

        @control("ACME-01", title="A control", severity=Severity.LOW, level=Level.CONFIGURED,
                 kind=Kind.ADVICE, section="mine", rationale="To be skipped.")
        def test_mine(lxd_instance):
            raise AssertionError
        """
    )
    pytester.runpytest().assert_outcomes(skipped=1)


def test_every_fixture_is_among_these() -> None:
    assert set(control.SUBJECT_FIXTURES) <= set(FIXTURES)


def test_users_files_are_not_read(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine(): pass")
    pytester.makeini("[pytest]\nlxd_policy = none.toml\nlxd_releases = none.toml\n")
    pytester.runpytest().assert_outcomes(passed=1)


def test_hypothesis_is_loaded_only_if_frames_are_drawn(
    tmp_path: pathlib.Path, evidence_file: pathlib.Path
) -> None:
    """Its own plugin imports it at the end of every run, and is not needed by the suites."""
    named = (f"--lxd-host=evidence:{evidence_file}", "--lxd-control=LXD-VER-01")
    done = subprocess.run(
        [sys.executable, "-c", AT_EXIT, *named],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=sessions.SECONDS,
        check=True,
    )
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("MODULES ")]
    assert "1 passed" in done.stdout
    assert "hypothesis" not in json.loads(line.removeprefix("MODULES "))
