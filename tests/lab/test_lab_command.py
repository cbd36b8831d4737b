"""`lxdsec lab up|status|shell|down`, for real."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab
from pytest_lxdsec.lab import records

# The fixture skips the tests if this machine cannot run a lab, or fails them if it must.
pytestmark = pytest.mark.usefixtures("lab")


ROOT = pathlib.Path(lab.__file__).parents[2]
# Root in most containers of CI systems.
BOUND = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")


def lxdsec(*arguments: str, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pytest_lxdsec.cli import main; "
    return subprocess.run(
        [*within, sys.executable, "-c", script + "sys.exit(main.main())", "lab", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def up() -> Iterator[subprocess.CompletedProcess[str]]:
    done = lxdsec("up", "--bare", "--instances", "2")
    yield done
    if done.returncode == 0 and records.read(done.stdout.split()[1]) is not None:
        lab.stop(lab.find(done.stdout.split()[1]))


@pytest.fixture(scope="module")
def name(up: subprocess.CompletedProcess[str]) -> str:
    return up.stdout.split()[1]


def test_up_prints_the_commands_to_use_and_to_end_the_lab(
    up: subprocess.CompletedProcess[str], name: str
) -> None:
    assert up.returncode == 0
    assert f"pytest --lxd-host=lab:{name}\n" in up.stdout
    assert f"lxdsec lab down {name}\n" in up.stdout


def test_status_tells_version_and_instances(name: str) -> None:
    row = lxdsec("status", name).stdout.splitlines()[1].split()
    assert (row[0], row[-4:]) == (name, ["2", "lxdsec", "lab", "down"])
    assert row[4][0].isdigit()


def test_status_shows_that_a_lab_ends_with_its_run() -> None:
    with lab.throw_away(scenario=lab.scenarios.BARE) as here:
        assert lxdsec("status", here.id).stdout.endswith("  0          with its run\n")


def test_status_of_an_unknown_id_names_the_nearest(name: str) -> None:
    done = lxdsec("status", f"{name}x")
    assert done.returncode == 4
    assert done.stderr == f"lxdsec: lab: no lab '{name}x': did you mean {name}?\n"


def test_shell_runs_a_command_inside(name: str) -> None:
    done = lxdsec("shell", name, "--", "lxc", "list", "-f", "csv", "-c", "n")
    assert done.stdout == "c0001\nc0002\n"


def test_down_leaves_other_labs_alone() -> None:
    second = lxdsec("up", "--bare").stdout.split()[1]
    with lab.throw_away(scenario=lab.scenarios.BARE) as here:
        done = lxdsec("down", second)
        assert done.stdout == f"lab {second} is gone\n"
        assert here.run("true").returncode == 0


def test_down_ends_it(name: str) -> None:
    done = lxdsec("down", name)
    assert done.stdout == f"lab {name} is gone\n"
    assert records.read(name) is None


def test_check_is_silent_where_one_can_be_had() -> None:
    done = lxdsec("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_reports_missing_privileges_in_one_line() -> None:
    done = lxdsec("check", within=BOUND)
    assert done.returncode == 1
    line = "lxdsec: lab: root may not create namespaces here (unshare: unshare failed: "
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_make_audit_replays_the_example_where_none_can_be_had(tmp_path: pathlib.Path) -> None:
    variables = (f"VENV={sys.prefix}", f"PYTHON={sys.executable}", f"REPORT={tmp_path}")
    # `make setup` has been run already, or this test could not run.
    done = subprocess.run(
        [*BOUND, "make", "--old-file=setup", "audit", *variables],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "root may not create namespaces here" in done.stderr
    assert "replaying the evidence that comes with the project instead" in done.stdout
    assert "1 host: " in done.stdout
    assert "cannot tell" not in done.stdout
    assert {path.name for path in tmp_path.iterdir()} >= {"report.html", "junit.xml"}
