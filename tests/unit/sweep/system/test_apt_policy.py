"""Parser of `apt-cache policy`: recorded output of apt 2.6.1, and of Ubuntu's archives."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.system import apt, apt_index, apt_policy

DEBIAN = """\
libgcrypt20:
  Installed: 1.10.1-3
  Candidate: 1.10.1-3+deb12u1
  Version table:
     1.10.1-3+deb12u1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 1.10.1-3 100
        100 /var/lib/dpkg/status
base-files:
  Installed: 12.4+deb12u11
  Candidate: 12.4+deb12u15
  Version table:
     12.4+deb12u15 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
 *** 12.4+deb12u11 100
        100 /var/lib/dpkg/status
adduser:
  Installed: 3.134
  Candidate: 3.134
  Version table:
 *** 3.134 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
     3.118 500
        500 http://deb.debian.org/debian bullseye/main amd64 Packages
"""
# The pin of the first: `Pin: version *`, -1; of the second: `Pin: release l=Debian-Security`, 50.
PINNED = """\
libgcrypt20-dev:
  Installed: 1.10.1-3
  Candidate: (none)
  Version table:
     1.10.1-3+deb12u1 -1
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 1.10.1-3 -1
        100 /var/lib/dpkg/status
apt:
  Installed: 2.6.1
  Candidate: 2.6.1
  Package pin: 2.6.1
  Version table:
     2.6.2 50
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
 *** 2.6.1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
"""
UBUNTU = """\
curl:
  Installed: 7.81.0-1ubuntu1.15
  Candidate: 7.81.0-1ubuntu1.20
  Version table:
     7.81.0-1ubuntu1.20 500 (phased 10%)
        500 http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages
     7.81.0-1ubuntu1.18 500
        500 http://security.ubuntu.com/ubuntu jammy-security/main amd64 Packages
 *** 7.81.0-1ubuntu1.15 100
        100 /var/lib/dpkg/status
     7.81.0-1 500
        500 http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages
libmagickcore-6.q16-6:i386:
  Installed: 8:6.9.11.60+dfsg-1.3build2
  Candidate: 8:6.9.11.60+dfsg-1.3ubuntu0.22.04.5+esm2
  Version table:
     8:6.9.11.60+dfsg-1.3ubuntu0.22.04.5+esm2 510
        510 https://esm.ubuntu.com/apps/ubuntu jammy-apps-security/main i386 Packages
 *** 8:6.9.11.60+dfsg-1.3build2 500
        500 http://archive.ubuntu.com/ubuntu jammy/universe i386 Packages
        100 /var/lib/dpkg/status
"""
# Debian's next release and backports, at their low priorities.
NEXT = """\
bash:
  Installed: 5.2.15-2
  Candidate: 5.2.15-2
  Version table:
     5.2.37-2+b9 100
        100 http://deb.debian.org/debian bookworm-backports/main amd64 Packages
         90 http://deb.debian.org/debian-security trixie-security/main amd64 Packages
 *** 5.2.15-2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
"""


def source(description: str, *, label: str, version: str, suite: str) -> apt_index.Source:
    return apt_index.Source(
        description=description,
        origin=f"{label}:{version}/{suite}",
        is_security=suite.endswith("-security"),
        index="/var/lib/apt/lists/nowhere_Packages",
        key="Packages",
    )


SOURCES = tuple(
    source(description, label=label, version=version, suite=suite)
    for description, label, version, suite in (
        (
            "http://deb.debian.org/debian bookworm/main amd64 Packages",
            "Debian",
            "12.15",
            "oldstable",
        ),
        (
            "http://deb.debian.org/debian-security bookworm-security/main amd64 Packages",
            "Debian-Security",
            "12",
            "oldstable-security",
        ),
        (
            "http://deb.debian.org/debian-security trixie-security/main amd64 Packages",
            "Debian-Security",
            "13",
            "stable-security",
        ),
        (
            "http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages",
            "Ubuntu",
            "22.04",
            "jammy-updates",
        ),
        (
            "http://security.ubuntu.com/ubuntu jammy-security/main amd64 Packages",
            "Ubuntu",
            "22.04",
            "jammy-security",
        ),
        (
            "https://esm.ubuntu.com/apps/ubuntu jammy-apps-security/main i386 Packages",
            "UbuntuESMApps",
            "22.04",
            "jammy-apps-security",
        ),
    )
)


def judged(output: str, *, held: tuple[str, ...] = ()) -> apt.AptPackages:
    return apt.judge(apt_policy.parse(output), SOURCES, held=held)


def test_security_update_of_debian_is_found() -> None:
    assert judged(DEBIAN).upgrades[0] == apt.Upgrade(
        name="libgcrypt20",
        installed="1.10.1-3",
        candidate="1.10.1-3+deb12u1",
        origin="Debian:12.15/oldstable, Debian-Security:12/oldstable-security",
        is_security=True,
    )


def test_update_of_a_point_release_is_not_a_security_update() -> None:
    upgrade = judged(DEBIAN).upgrades[1]
    assert (upgrade.name, upgrade.origin, upgrade.is_security) == (
        "base-files",
        "Debian:12.15/oldstable",
        False,
    )


def test_current_package_is_not_an_upgrade() -> None:
    assert [upgrade.name for upgrade in judged(DEBIAN).upgrades] == ["libgcrypt20", "base-files"]


def test_security_update_below_the_candidate_is_found() -> None:
    # An ordinary update that came later holds the fix; its origin does not say so.
    upgrade = judged(UBUNTU).upgrades[0]
    assert (upgrade.candidate, upgrade.is_security) == ("7.81.0-1ubuntu1.20", True)
    assert upgrade.origin == "Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security"


def test_security_update_of_esm_and_of_a_foreign_architecture_is_found() -> None:
    upgrade = judged(UBUNTU).upgrades[1]
    assert upgrade.name == "libmagickcore-6.q16-6:i386"
    assert upgrade.origin == "UbuntuESMApps:22.04/jammy-apps-security"
    assert upgrade.is_security


def test_update_that_is_being_phased_in_is_kept_back() -> None:
    assert judged(UBUNTU).kept_back == ("curl",)


def test_security_update_that_a_pin_keeps_away_is_pending() -> None:
    found = judged(PINNED)
    assert [(upgrade.name, upgrade.candidate) for upgrade in found.upgrades] == [
        ("libgcrypt20-dev", "1.10.1-3+deb12u1"),
        ("apt", "2.6.2"),
    ]
    assert all(upgrade.is_security for upgrade in found.upgrades)
    assert found.kept_back == ("libgcrypt20-dev", "apt")


def test_package_on_hold_is_an_upgrade_and_named_as_held() -> None:
    found = judged(DEBIAN, held=("libgcrypt20",))
    assert found.upgrades[0].name == "libgcrypt20"
    assert found.held == ("libgcrypt20",)


def test_next_release_at_a_low_priority_is_not_pending() -> None:
    assert judged(NEXT).upgrades == ()


def test_missing_security_source_is_reported() -> None:
    found = apt.judge(apt_policy.parse(DEBIAN), SOURCES[:1], held=())
    assert not found.has_security_source
    assert not any(upgrade.is_security for upgrade in found.upgrades)


def test_archive_without_a_source_is_named_by_its_description() -> None:
    found = apt.judge(apt_policy.parse(DEBIAN), (), held=())
    assert found.upgrades[1].origin == "http://deb.debian.org/debian bookworm/main amd64 Packages"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("  Installed: 1\n", "is not in a package's entry"),
        ("a:\n  Installed: 1\n  Candidate: 1\n  Version table:\n", "no installed version"),
        ("a:\n *** 1 500\n", "no installed version and candidate"),
        ("a:\n  Installed: 1\n  Nonsense\n *** 1 500\n", "is not a version"),
        ("a:\n  Installed: 1\n        500 http://x\n *** 1 500\n", "is not a version"),
    ],
)
def test_output_that_apt_does_not_print_is_refused(output: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        apt_policy.parse(output)
