"""What `docs/` says is true: the page of controls, and the jobs for CI as far as parsers go."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from groovy_parser import parser

from pytest_lxdsec import options
from pytest_lxdsec.cli import control_table
from pytest_lxdsec.reports import report_files
from pytest_lxdsec.session import catalogue

DOCS = pathlib.Path(__file__).parents[2] / "docs"
CI = (DOCS / "ci.md").read_text(encoding="utf-8")
JOBS = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", CI, re.DOTALL))
GITHUB, GITLAB = JOBS[".github/workflows/lxd-security.yml"], JOBS[".gitlab-ci.yml"]
KIB = 1024


def test_page_of_controls_is_the_catalogue() -> None:
    said = (DOCS / "controls.md").read_text(encoding="utf-8")
    made = control_table.markdown(catalogue.packaged())
    assert said == made, "make docs"


def test_every_control_is_listed_in_json() -> None:
    found = json.loads(control_table.as_json(catalogue.packaged()))
    assert [one["id"] for one in found] == [made.id for made in catalogue.packaged()]


def test_every_control_is_a_line_of_the_table() -> None:
    lines = control_table.table(catalogue.packaged()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [c.id for c in catalogue.packaged()]


def test_there_is_a_job_for_each_server() -> None:
    assert set(JOBS) == {".github/workflows/lxd-security.yml", ".gitlab-ci.yml", "Jenkinsfile"}


@pytest.mark.parametrize("name", JOBS)
def test_options_of_a_job_exist(name: str) -> None:
    used = set(re.findall(r"--lxd-[a-z-]+", JOBS[name]))
    assert "--lxd-report" in used
    assert used <= {option.flag for option in options.OPTIONS}


@pytest.mark.parametrize("name", JOBS)
def test_files_of_a_job_are_those_that_are_written(name: str) -> None:
    used = set(re.findall(r"report/([a-z]+\.[a-z]+)", JOBS[name]))
    assert used <= set(report_files.WRITERS)


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(GITHUB)["jobs"]["audit"]["steps"]
    return found


def test_github_shows_findings_also_when_the_audit_fails() -> None:
    after = steps()[[step.get("name") for step in steps()].index("Audit") + 1 :]
    assert len(after) == 3
    assert all(step["if"] == "always()" for step in after)


def test_gitlab_reads_junit_also_when_the_audit_fails() -> None:
    artefacts = yaml.safe_load(GITLAB)["lxd-security"]["artifacts"]
    assert (artefacts["when"], artefacts["reports"]["junit"]) == ("always", "report/junit.xml")


@pytest.mark.parametrize("name", JOBS)
def test_job_takes_no_host_for_another(name: str) -> None:
    assert "KNOWN_HOSTS" in JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_job_fails_where_the_audit_does(name: str) -> None:
    hiding = ("catchError", "UNSTABLE", "|| true", "continue-on-error", "allow_failure", "set +e")
    assert [word for word in hiding if word in JOBS[name]] == []


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        (".github/workflows/lxd-security.yml", ("vendor.github-workflows",)),
        (".gitlab-ci.yml", ("vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
    ],
)
def test_job_is_valid_by_the_servers_own_schema(
    tmp_path: pathlib.Path, name: str, schema: tuple[str, ...]
) -> None:
    """The schemas come with check-jsonschema, which asks nobody for them."""
    (tmp_path / "job.yml").write_text(JOBS[name], encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema]
    done = subprocess.run(
        [*command, "job.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_jenkinsfile_is_groovy() -> None:
    assert parser.parse_groovy_content(JOBS["Jenkinsfile"]).data == "compilation_unit"


# GitHub took Node 20, on which the majors before these ran, from its runners in September 2026.
NODE_24 = {
    "actions/checkout": 5,
    "actions/setup-python": 6,
    "actions/upload-artifact": 6,
    "github/codeql-action/upload-sarif": 4,
}


def test_github_actions_run_on_a_node_that_is_there() -> None:
    used = dict(step["uses"].split("@v") for step in steps() if "uses" in step)
    assert set(used) == set(NODE_24)
    assert all(int(used[name]) >= least for name, least in NODE_24.items())


def jenkins_script() -> str:
    """Return what Jenkins gives to the shell: a backslash stands twice in Groovy's strings."""
    script: str = JOBS["Jenkinsfile"].split("'''")[1]
    return script.replace("\\\\", "\\")


def test_jenkins_runs_the_audit_with_the_key_and_the_hosts_keys(tmp_path: pathlib.Path) -> None:
    program = tmp_path / ".venv" / "bin" / "pytest"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@" > arguments\nexit 1\n')
    program.chmod(0o755)
    given = {"KEY": "/with space/key", "KNOWN_HOSTS": "/known"}
    command = ["sh", "-ec", jenkins_script()]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | given, check=False)
    assert done.returncode == 1
    assert (tmp_path / "ssh_config").read_text() == (
        'IdentityFile "/with space/key"\nUserKnownHostsFile "/known"\n'
    )
    assert (tmp_path / "arguments").read_text() == (
        "--lxd-host=ssh://root@lxd1.example?ssh_config=ssh_config "
        "--lxd-policy=policy.toml --lxd-report=report\n"
    )


def test_jenkinsfile_is_closed_and_reads_junit_always() -> None:
    text = JOBS["Jenkinsfile"]
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
    assert text.count("'") % 2 == 0
    assert "junit testResults: 'report/junit.xml'" in text.partition("always {")[2]


def test_screenshot_is_small() -> None:
    picture = (DOCS / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300 * KIB
