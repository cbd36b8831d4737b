"""What is shipped works: the wheel, in an environment of its own, run from an empty directory."""

from __future__ import annotations

import csv
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from pytest_lxdsec import options
from tests.support import evidence_documents, judging

from . import sessions

CHECKOUT = pathlib.Path(__file__).parents[2]
SOURCES = ("pytest_lxdsec", "suites", "pyproject.toml", "README.md", "LICENSE")
OWN_SETUPTOOLS = 77  # as pyproject.toml asks for; older ones are left to pip's build isolation
CATALOGUE = (
    "from pytest_lxdsec.session import catalogue; print(*(c.id for c in catalogue.packaged()))"
)
WHERE = "import pytest_lxdsec; print(pytest_lxdsec.__file__)"


def run(*command: str | pathlib.Path, cwd: pathlib.Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the wheel, built from a copy of the checkout.

    A build leaves traces beside its sources.
    """
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy / name)
    found = importlib.metadata.version("setuptools").partition(".")[0]
    isolation = ["--no-build-isolation"] if int(found) >= OWN_SETUPTOOLS else []
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps")
    run(*pip, *isolation, "--wheel-dir=dist", ".", cwd=copy)
    (path,) = (copy / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="session")
def record(wheel: pathlib.Path) -> set[str]:
    """Return every file that the wheel says it installs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/RECORD")]
        lines = archive.read(name).decode().splitlines()
    return {row[0] for row in csv.reader(lines)}


@pytest.fixture(scope="session")
def python(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the Python of an environment with the wheel and its dependencies only."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    interpreter = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", f"--python={interpreter}", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{_dependencies(home / 'dependencies')}\n")
    return interpreter


def _dependencies(directory: pathlib.Path) -> pathlib.Path:
    """Return this environment's packages without ours, so that nothing need be downloaded."""
    directory.mkdir()
    for entry in pathlib.Path(pytest.__file__).parents[1].iterdir():
        if "pytest_lxdsec" not in entry.name:
            (directory / entry.name).symlink_to(entry)
    return directory


@pytest.fixture
def empty(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "empty"
    directory.mkdir()
    return directory


def test_wheel_brings_one_name(record: set[str]) -> None:
    tops = {name.partition("/")[0] for name in record}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pytest_lxdsec"}


def test_every_file_of_the_package_is_in_the_wheel(record: set[str]) -> None:
    package = CHECKOUT / "pytest_lxdsec"
    files = {
        path.relative_to(CHECKOUT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix in {".py", ".toml", ".json", ".typed", ".xsd", ".txt"}
    }
    assert {"pytest_lxdsec/py.typed", "pytest_lxdsec/guide/releases.toml"} <= files
    assert files - record == set()


def test_every_suite_is_in_the_wheel(record: set[str]) -> None:
    suites = {f"pytest_lxdsec/suites/{path.name}" for path in options.suites_dir().glob("*.py")}
    assert {name for name in record if name.startswith("pytest_lxdsec/suites/")} == suites


def test_no_test_is_in_the_wheel(record: set[str]) -> None:
    assert {name for name in record if "conftest" in name or name.startswith("tests/")} == set()


def test_installed_package_is_the_one_that_is_tested(
    python: pathlib.Path, empty: pathlib.Path
) -> None:
    where = pathlib.Path(run(python, "-c", WHERE, cwd=empty).strip())
    assert where.is_relative_to(python.parents[1])


def test_catalogue_of_the_wheel_is_complete(python: pathlib.Path, empty: pathlib.Path) -> None:
    ids = run(python, "-c", CATALOGUE, cwd=empty).split()
    assert ids == [made.id for made in judging.controls()]


@pytest.mark.parametrize("mode", [(), ("-n2",), ("-W", "error")], ids=["plain", "xdist", "strict"])
def test_wheel_says_in_an_empty_directory_what_the_checkout_says(
    python: pathlib.Path, empty: pathlib.Path, evidence_file: pathlib.Path, mode: tuple[str, ...]
) -> None:
    session = sessions.run(
        empty, f"--lxd-host=evidence:{evidence_file}", *mode, python=str(python)
    )
    evidence = evidence_documents.evidence(evidence_documents.baseline())
    keys = ("lxd.control", "lxd.subject", "lxd.verdict")
    assert {tuple(case.properties[key] for key in keys) for case in session.cases} == {
        (*key, result.verdict.value) for key, result in judging.judge(evidence).items()
    }


def test_suites_of_the_wheel_can_be_named(
    python: pathlib.Path, empty: pathlib.Path, evidence_file: pathlib.Path
) -> None:
    named = ("--pyargs", "pytest_lxdsec.suites", f"--lxd-host=evidence:{evidence_file}")
    session = sessions.run(empty, *named, python=str(python))
    assert {case.properties["lxd.control"] for case in session.cases} == {
        made.id for made in judging.controls()
    }


def test_command_of_the_wheel_starts(python: pathlib.Path, empty: pathlib.Path) -> None:
    assert "lab" in run(python.with_name("lxdsec"), "--help", cwd=empty)
