"""apt's sources and the time of the last success, never later than the truth."""

from __future__ import annotations

import os
import pathlib
import time

import pytest

from pytest_lxdsec.sweep.system import apt_index

LISTS = "/var/lib/apt/lists"
DAY = 24 * 60 * 60
# Recorded with apt 2.6.1; the last has no Release file that says anything.
TARGETS = (
    f"{LISTS}/deb.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages"
    ".lz4\tmain/binary-amd64/Packages\thttp://deb.debian.org/debian-security "
    "bookworm-security/main amd64 Packages\tDebian\tDebian-Security\t12\toldstable-security\t"
    "bookworm-security\n"
    f"{LISTS}/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4\t"
    "main/binary-amd64/Packages\thttp://deb.debian.org/debian bookworm/main amd64 Packages\t"
    "Debian\tDebian\t12.15\toldstable\tbookworm\n"
    f"{LISTS}/127.0.0.1:8001_a_._Packages.lz4\tPackages\thttp://127.0.0.1:8001/a ./ Packages\t"
    "$(ORIGIN)\t$(LABEL)\t$(VERSION)\t$(SUITE)\t$(CODENAME)\n"
)


def test_sources_are_named_as_apt_names_origins() -> None:
    assert [source.origin for source in apt_index.sources(TARGETS)] == [
        "Debian-Security:12/oldstable-security",
        "Debian:12.15/oldstable",
        "http://127.0.0.1:8001/a ./ Packages:",
    ]


def test_security_archive_is_known() -> None:
    assert [source.is_security for source in apt_index.sources(TARGETS)] == [True, False, False]


@pytest.mark.parametrize(
    ("label", "suite", "codename", "is_security"),
    [
        ("Ubuntu", "jammy-security", "jammy", True),
        ("UbuntuESM", "focal-infra-security", "focal", True),
        ("Debian-Security", "oldoldstable", "buster", True),
        ("Debian", "stable-updates", "bookworm-updates", False),
        ("security:zeek", "$(SUITE)", "$(CODENAME)", False),
    ],
)
def test_security_archives_of_distributions(
    label: str, suite: str, codename: str, *, is_security: bool
) -> None:
    line = f"f_Packages\tPackages\td\to\t{label}\t1\t{suite}\t{codename}"
    assert apt_index.sources(line)[0].is_security is is_security


def test_line_without_all_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a source"):
        apt_index.sources("a\tb\n")


@pytest.fixture
def lists(tmp_path: pathlib.Path) -> pathlib.Path:
    """Make apt's directory of lists after a recent success."""
    (tmp_path / "partial").mkdir()
    (tmp_path / "site_dists_x_InRelease").write_text("Origin: X\n")
    return tmp_path


def source(lists: pathlib.Path) -> apt_index.Source:
    return apt_index.Source(
        description="",
        origin="",
        is_security=True,
        index=f"{lists}/site_dists_x_main_binary-amd64_Packages.lz4",
        key="main/binary-amd64/Packages",
    )


def age(path: pathlib.Path, days: int) -> None:
    """Set a path's mtime, not its ctime, to some days ago."""
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))


def days_ago(lists: pathlib.Path) -> int:
    return round((time.time() - apt_index.updated(source(lists))) / DAY)


def test_release_file_is_found_by_the_index(lists: pathlib.Path) -> None:
    assert apt_index.release_file(source(lists)) == f"{lists}/site_dists_x_InRelease"


def test_release_file_with_a_detached_signature_is_found(lists: pathlib.Path) -> None:
    (lists / "site_dists_x_InRelease").rename(lists / "site_dists_x_Release")
    assert apt_index.release_file(source(lists)) == f"{lists}/site_dists_x_Release"


def test_last_change_by_the_server_is_not_the_last_success(lists: pathlib.Path) -> None:
    (lists / "site_dists_x_InRelease").write_text("Origin: X\n")
    age(lists / "site_dists_x_InRelease", 130)
    assert days_ago(lists) == 0


def test_no_success_is_later_than_the_last_attempt(lists: pathlib.Path) -> None:
    # As after a backup was restored: the file's ctime is now, its truth is not.
    (lists / "site_dists_x_InRelease").write_text("Origin: X\n")
    age(lists / "partial", 60)
    assert days_ago(lists) == 60


def test_no_success_is_later_than_the_end_of_validity(lists: pathlib.Path) -> None:
    # As with a frozen mirror and Check-Valid-Until off: every update succeeds and brings nothing.
    end = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(time.time() - 40 * DAY))
    (lists / "site_dists_x_InRelease").write_text(f"Origin: X\nValid-Until: {end}\n")
    assert days_ago(lists) == 40


def test_invalid_time_of_validity_is_refused(lists: pathlib.Path) -> None:
    (lists / "site_dists_x_InRelease").write_text("Valid-Until: soon\n")
    with pytest.raises(ValueError, match="'soon'"):
        apt_index.updated(source(lists))


def test_source_without_release_file_was_never_updated(lists: pathlib.Path) -> None:
    (lists / "site_dists_x_InRelease").unlink()
    assert apt_index.updated(source(lists)) == 0


def test_oldest_source_counts(lists: pathlib.Path) -> None:
    unknown = apt_index.Source(
        description="", origin="", is_security=True, index=f"{lists}/other", key="main"
    )
    assert apt_index.oldest([source(lists), unknown]) == 0


def test_without_sources_nothing_was_ever_updated() -> None:
    assert apt_index.oldest([]) == 0
