"""dpkg's record of installed packages."""

from __future__ import annotations

import pytest

from pytest_lxdsec.sweep.system import dpkg

STATUS = """\
Package: dpkg
Essential: yes
Status: install ok installed
Architecture: amd64
Version: 1.21.22
Description: Debian package management system
 Version: not a field, but a line of the description
 .
 Status: neither is this

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.134

Package: lxd
Status: hold ok installed
Architecture: amd64
Version: 5.0.2-5+deb12u6

Package: libc6
Status: hold ok installed
Architecture: i386
Version: 2.36-9

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: half
Status: install ok half-configured
Architecture: amd64
Version: 2.0

"""


def test_installed_packages_are_found_in_every_state() -> None:
    assert [(package.name, package.version) for package in dpkg.installed(STATUS)] == [
        ("dpkg", "1.21.22"),
        ("adduser", "3.134"),
        ("lxd", "5.0.2-5+deb12u6"),
        ("libc6", "2.36-9"),
        ("half", "2.0"),
    ]


def test_apt_is_asked_by_architecture() -> None:
    assert [package.query for package in dpkg.installed(STATUS)][:2] == ["dpkg:amd64", "adduser"]


def test_foreign_package_on_hold_is_named_with_its_architecture() -> None:
    assert dpkg.held(dpkg.installed(STATUS)) == ("lxd", "libc6:i386")


def test_record_without_a_version_is_refused() -> None:
    with pytest.raises(KeyError):
        dpkg.installed("Package: a\nStatus: install ok installed\nArchitecture: all\n")
