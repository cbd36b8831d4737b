"""`--lxd-now`: the same evidence, judged for another day."""

from __future__ import annotations

import datetime
import pathlib

import pytest

from tests.support import evidence_api, evidence_documents

HOST = "--lxd-host=evidence:seen.json"
SUPPORT = ("--lxd-control=LXD-VER-01", HOST)
ENDED = evidence_api.SUPPORTED.end_of_support + datetime.timedelta(days=1)


@pytest.fixture
def site(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a directory with evidence by which nothing is wrong."""
    evidence_documents.write(evidence_documents.baseline(), pytester.path / "seen.json")
    return pytester


def test_series_that_is_supported_today_is_not_for_ever(site: pytest.Pytester) -> None:
    site.runpytest(*SUPPORT).assert_outcomes(passed=1)
    site.runpytest(*SUPPORT, f"--lxd-now={ENDED}").assert_outcomes(failed=1)


def test_day_of_the_evidence_stays_what_it_is(site: pytest.Pytester) -> None:
    site.runpytest(HOST, f"--lxd-now={ENDED}", "--lxd-save-evidence=again.json")
    again, seen = (site.path / name for name in ("again.json", "seen.json"))
    assert again.read_bytes() == seen.read_bytes()


def test_waiver_ends_by_that_day(site: pytest.Pytester) -> None:
    broken = evidence_documents.patch(
        evidence_documents.baseline(), "host.sockets", 0, "file", "mode", to=0o666
    )
    evidence_documents.write(broken, site.path / "seen.json")
    waiver(site.path / "policy.toml")
    chosen = (HOST, "--lxd-policy=policy.toml", "--lxd-control=LXD-LOC-01")
    assert "xfailed" in site.runpytest(*chosen).parseoutcomes()
    assert "xfailed" not in site.runpytest(*chosen, f"--lxd-now={ENDED}").parseoutcomes()


def waiver(path: pathlib.Path) -> None:
    path.write_text(
        f"""
        [[waiver]]
        control = "LXD-LOC-01"
        subject = "host"
        reason = "a test"
        owner = "nobody"
        expires = {evidence_api.TAKEN.date() + datetime.timedelta(days=2)}
        """
    )


@pytest.mark.parametrize("text", ["tomorrow", "2027-02-30", "01.07.2027"])
def test_day_that_is_none_is_refused(site: pytest.Pytester, text: str) -> None:
    result = site.runpytest(HOST, f"--lxd-now={text}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --lxd-now: '{text}' is no day: write YYYY-MM-DD"])
