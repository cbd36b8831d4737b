"""`lxdsec lab up|status|shell|down`, for real."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab
from pytest_lxdsec.lab import records

# Skipped where no lab can be had, failed where it must be had: the fixture knows.
pytestmark = pytest.mark.usefixtures("lab")


def lxdsec(*arguments: str) -> subprocess.CompletedProcess[str]:
    packages = str(pathlib.Path(lab.__file__).parents[2])
    script = f"import sys; sys.path.insert(0, {packages!r}); from pytest_lxdsec import cli; "
    return subprocess.run(
        [sys.executable, "-c", script + "sys.exit(cli.main())", "lab", *arguments],
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


def test_up_says_how_to_use_and_how_to_end_it(
    up: subprocess.CompletedProcess[str], name: str
) -> None:
    assert up.returncode == 0
    assert f"pytest --lxd-host=lab:{name}\n" in up.stdout
    assert f"lxdsec lab down {name}\n" in up.stdout


def test_status_tells_version_and_instances(name: str) -> None:
    row = lxdsec("status", name).stdout.splitlines()[1].split()
    assert (row[0], row[-4:]) == (name, ["2", "lxdsec", "lab", "down"])
    assert row[4][0].isdigit()


def test_status_of_a_run_s_lab_says_that_it_ends_with_it() -> None:
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
