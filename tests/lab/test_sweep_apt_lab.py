"""The files that apt leaves on success and on failure, and the sweep's reading of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import host_sweep
from pytest_lxdsec.transport import Output

from . import required

# Two signed archives on this machine's disk: one of security updates, one of a vendor.
ARCHIVES = r"""
set -e
export GNUPGHOME=/srv/gpg
mkdir -m 700 $GNUPGHOME
gpg --batch --quiet --passphrase '' --quick-generate-key archive@example.org
gpg --export > /srv/key.gpg
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /var/lib/apt/lists
mkdir -p /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/preferences.d
for archive in security vendor; do
    mkdir -p /srv/$archive && cd /srv/$archive
    cat > Packages << END
Package: busybox-static
Version: 9:99-$archive
Architecture: $(dpkg --print-architecture)
Maintainer: Nobody <nobody@example.org>
Filename: ./busybox.deb
Size: 1
SHA256: $(printf 0%.0s $(seq 64))
Description: newer than what is installed
END
    cat > Release << END
Label: Some-$archive
Version: 1
Suite: stable-$archive
Date: Thu, 01 Jan 2026 00:00:00 UTC
SHA256:
 $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages
END
    gpg --batch --quiet --clearsign --output InRelease Release
    touch -d 2026-01-01 Packages InRelease
    echo "deb [signed-by=/srv/key.gpg] file:/srv/$archive ./" >> /etc/apt/sources.list
done
"""


@pytest.fixture(scope="module")
def here() -> Iterator[labs.Lab]:
    with required.throw_away(labs.scenarios.BARE) as bare:
        if bare.shell("command -v gpg").returncode != 0:
            pytest.skip("this machine has no gpg to sign an archive with")
        assert bare.shell(ARCHIVES).stderr == b""
        yield bare


def update(lab: labs.Lab) -> int:
    """Run apt-get update; return the time of its start."""
    began = int(time.time())
    lab.shell("apt-get update")
    return began


def apt(lab: labs.Lab) -> Mapping[str, Any]:
    """Return the sweep's part of apt."""
    question = host_sweep.Question(server_pid=0, socket="", endpoints=(), paths=())
    done = lab.shell(host_sweep.command(question))
    output = Output(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)
    packages: Mapping[str, Any] = host_sweep.read(output)["host.packages"]["value"]["apt"]
    return packages


def index_time(lab: labs.Lab) -> int:
    return int(apt(lab)["index_time"])


def busybox(lab: labs.Lab) -> tuple[str, bool]:
    """Return the candidate for busybox-static, and True if it is a security update."""
    (upgrade,) = (one for one in apt(lab)["upgrades"] if one["name"] == "busybox-static")
    return upgrade["candidate"], upgrade["is_security"]


def test_success_is_the_time_of_the_index(here: labs.Lab) -> None:
    began = update(here)
    # The time is not the age of the archive, which has not changed since New Year.
    assert index_time(here) >= began


def test_success_that_brings_nothing_new_counts(here: labs.Lab) -> None:
    update(here)
    time.sleep(1.1)  # the time is in whole seconds
    began = update(here)
    assert index_time(here) >= began


def test_failure_of_security_is_no_success_though_a_vendor_answers(here: labs.Lab) -> None:
    update(here)
    time.sleep(1.1)  # likewise
    here.shell("mv /srv/security/InRelease /srv/away")
    began = update(here)
    found = index_time(here)
    here.shell("mv /srv/away /srv/security/InRelease")
    assert found < began


def test_restored_index_is_as_old_as_it_was(here: labs.Lab) -> None:
    update(here)
    here.shell("touch -d '60 days ago' /var/lib/apt/lists/partial")
    here.shell("cd /var/lib/apt && cp -a lists copy && rm -r lists && mv copy lists")
    assert round((time.time() - index_time(here)) / 86400) == 60


def test_machine_without_an_index_was_never_updated(here: labs.Lab) -> None:
    here.shell("rm -r /var/lib/apt/lists")
    found = apt(here)
    assert (found["index_time"], found["has_security_source"]) == (0, False)


def test_source_that_was_taken_away_is_none(here: labs.Lab) -> None:
    update(here)
    here.shell("cp /etc/apt/sources.list /srv && sed -i /security/d /etc/apt/sources.list")
    found = apt(here)
    here.shell("cp /srv/sources.list /etc/apt/sources.list")
    assert not found["has_security_source"]


def test_security_update_below_a_vendors_candidate_is_found(here: labs.Lab) -> None:
    update(here)
    assert busybox(here) == ("9:99-vendor", True)


def test_security_update_on_hold_is_found(here: labs.Lab) -> None:
    update(here)
    here.shell("apt-mark hold busybox-static")
    held = apt(here)["held"]
    found = busybox(here)
    here.shell("apt-mark unhold busybox-static")
    assert held == ["busybox-static"]
    assert found == ("9:99-vendor", True)


def test_security_update_that_a_pin_keeps_away_is_found(here: labs.Lab) -> None:
    update(here)
    pin = "Package: busybox-static\\nPin: version 9:99-*\\nPin-Priority: -1\\n"
    here.shell(f"printf '{pin}' > /etc/apt/preferences.d/pin")
    kept_back = apt(here)["kept_back"]
    found = busybox(here)
    here.shell("rm /etc/apt/preferences.d/pin")
    assert kept_back == ["busybox-static"]
    assert found == ("9:99-security", True)


def test_asking_changes_nothing(here: labs.Lab) -> None:
    update(here)
    # apt would rebuild its cache as root.
    here.shell("rm -f /var/cache/apt/*.bin; touch /tmp/mark")
    apt(here)
    changed = here.shell("find /etc /run /srv /usr /var -xdev -newer /tmp/mark").stdout.decode()
    assert [path for path in changed.split() if "/lxd" not in path] == []
