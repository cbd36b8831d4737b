"""A user's mistake is one line that names the value and the fix, and exit status 4."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence

import pytest

from tests.support import evidence_documents

HOST = "--lxd-host=evidence:seen.json"
WAIVER = """
[[waiver]]
control = "{control}"
subject = "*"
reason = "until the move"
owner = "ops"
expires = 2999-01-01
"""
MISTAKES: Mapping[str, tuple[Sequence[str], str]] = {
    "no such scheme": (
        ["--lxd-host=htps://a"],
        "--lxd-host: cannot read 'htps://a': did you mean https?",
    ),
    "http": (
        ["--lxd-host=http://a"],
        "LXD's API speaks HTTPS only",
    ),
    "no such control": (
        [HOST, "--lxd-control=LXD-NAM-1"],
        "--lxd-control: no control 'LXD-NAM-1': did you mean LXD-NAM-01?",
    ),
    "no such section": (
        [HOST, "--lxd-section=routed-nics"],
        "--lxd-section: no section 'routed-nics': did you mean routed-nic-security?",
    ),
    "no such severity": (
        [HOST, "--lxd-min-severity=hihg"],
        "--lxd-min-severity: no severity 'hihg': did you mean high?",
    ),
    "no such threshold": (
        [HOST, "--lxd-fail-on=worst"],
        "--lxd-fail-on: no severity 'worst': choose from critical, high, medium, low",
    ),
    "no such level": (
        [HOST, "--lxd-level=enforce"],
        "--lxd-level: no level 'enforce': did you mean enforced?",
    ),
    "no such policy": (
        [HOST, "--lxd-policy=none.toml"],
        "--lxd-policy: cannot read 'none.toml': No such file or directory",
    ),
    "no such key": (
        [HOST, "--lxd-policy=key.toml"],
        "--lxd-policy: key.toml:1: lokal: unknown key: did you mean local?",
    ),
    "policy is no toml": (
        [HOST, "--lxd-policy=broken.toml"],
        "--lxd-policy: 'broken.toml' is not TOML",
    ),
    "no such waived control": (
        [HOST, "--lxd-policy=waiver.toml"],
        "'LXD-NAM-1' is no control: did you mean LXD-NAM-01?",
    ),
    "nearly a waived control": (
        [HOST, "--lxd-policy=slip.toml"],
        "'LDX-NAM-01' is no control: did you mean LXD-NAM-01?",
    ),
    "no such releases": (
        [HOST, "--lxd-releases=none.toml"],
        "--lxd-releases: cannot read 'none.toml'",
    ),
    "no such evidence": (
        ["--lxd-host=evidence:none.json"],
        "evidence:none.json: No such file or directory",
    ),
    "evidence is a directory": (
        ["--lxd-host=evidence:."],
        "evidence:.: Is a directory",
    ),
    "damaged": (
        ["--lxd-host=evidence:damaged.json"],
        "it is damaged or cut off",
    ),
    "truncated": (
        ["--lxd-host=evidence:truncated.json"],
        "it is damaged or cut off",
    ),
    "future": (
        ["--lxd-host=evidence:future.json"],
        "its version is 99, this program reads 1 to 2: upgrade",
    ),
    "alien": (
        ["--lxd-host=evidence:alien.json"],
        "it is not an evidence file",
    ),
    "list": (
        ["--lxd-host=evidence:list.json"],
        "it is not an evidence file",
    ),
    "deep": (
        ["--lxd-host=evidence:deep.json"],
        "nested too deeply",
    ),
    "headless": (
        ["--lxd-host=evidence:headless.json"],
        "its header is damaged",
    ),
    "unwritable": (
        [HOST, "--lxd-save-evidence=seen.json/below"],
        "--lxd-save-evidence: cannot write 'seen.json/below'",
    ),
    "same target": (
        [HOST, HOST],
        "--lxd-host: 'evidence:seen.json' is given twice",
    ),
    "same host": (
        [HOST, "--lxd-host=evidence:copy.json"],
        "are both of 'lxd1.example.org': audit them one after the other",
    ),
    "no such certificate": (
        ["--lxd-host=https://192.0.2.1", "--lxd-cert=none.pem", "--lxd-key=none.pem"],
        "--lxd-cert=none.pem: cannot be read: No such file or directory",
    ),
    "key without certificate": (
        ["--lxd-host=https://192.0.2.1", "--lxd-key=none.pem"],
        "--lxd-key=none.pem: needs --lxd-cert=FILE beside it",
    ),
    "no such server certificate": (
        ["--lxd-host=https://192.0.2.1", "--lxd-server-cert=seen.json"],
        "--lxd-server-cert=seen.json: holds no certificate in PEM form",
    ),
    "no such lab": (
        ["--lxd-host=lab:nobody"],
        "nobody",
    ),
}


def damaged() -> Mapping[str, str]:
    """Files that are no evidence, each in its own way."""
    document = evidence_documents.baseline()
    return {
        "damaged.json": "{",
        "truncated.json": json.dumps(document)[:-40],
        "future.json": json.dumps(document | {"version": 99}),
        "alien.json": json.dumps({"format": "another"}),
        "list.json": "[]",
        "deep.json": "[" * 100_000,
        "headless.json": json.dumps({k: v for k, v in document.items() if k != "taken"}),
    }


@pytest.fixture
def site(pytester: pytest.Pytester, evidence_file: pathlib.Path) -> pytest.Pytester:
    """A directory with one good file of evidence, and everything that is wrong."""
    shutil.copy(evidence_file, pytester.path / "seen.json")
    shutil.copy(evidence_file, pytester.path / "copy.json")
    files = {
        **damaged(),
        "key.toml": "[lokal]\n",
        "broken.toml": "=",
        "waiver.toml": WAIVER.format(control="LXD-NAM-1"),
        "slip.toml": WAIVER.format(control="LDX-NAM-01"),
        "own.toml": WAIVER.format(control="ACME-01"),
    }
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    return pytester


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_one_line_and_exit_status_4(site: pytest.Pytester, mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    assert_mistake(site.runpytest(*arguments), message)


def assert_mistake(result: pytest.RunResult, message: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line]
    assert len(errors) == 1
    assert errors[0].startswith("ERROR: ")
    assert message in errors[0]
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize("mistake", ["no such control", "damaged", "no such waived control"])
def test_mistake_is_told_by_the_controller_of_xdist(site: pytest.Pytester, mistake: str) -> None:
    arguments, message = MISTAKES[mistake]
    assert_mistake(site.runpytest("-n2", *arguments), message)


@pytest.mark.parametrize("mode", [(), ("-n2",)], ids=["plain", "xdist"])
def test_mistake_that_is_known_after_collection_is_told_alike(
    site: pytest.Pytester, mode: tuple[str, ...]
) -> None:
    site.makepyfile(test_mine="def test_mine(): pass")
    arguments = ("test_mine.py", HOST, "--lxd-control=LXD-NAM-1", *mode)
    assert_mistake(site.runpytest(*arguments), "did you mean LXD-NAM-01?")


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize(
    "mistake",
    [
        ["--lxd-host=htps://a"],
        [HOST, "--lxd-policy=broken.toml"],
        ["--lxd-host=evidence:damaged.json"],
    ],
)
def test_help_works_whatever_is_wrong(
    site: pytest.Pytester, option: str, mistake: list[str]
) -> None:
    assert site.runpytest(option, *mistake).ret == pytest.ExitCode.OK


def test_waiver_of_a_sites_own_control_is_no_mistake_where_that_is_not_run(
    site: pytest.Pytester,
) -> None:
    result = site.runpytest(HOST, "--lxd-policy=own.toml", "--lxd-control=LXD-NAM-01")
    result.assert_outcomes(passed=1, skipped=1)  # the audit of the waiver says that it cannot be
