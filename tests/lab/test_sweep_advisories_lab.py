"""The real output of dnf and zypper for a repository, and the sweep's reading of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import host_sweep
from pytest_lxdsec.transport import Output

from . import required

# A repository on this machine's disk: three versions of a package, the second one a security fix.
REPOSITORY = r"""
set -e
mkdir -p /srv/specs /srv/repo /var/lib/rpm /etc/rpm /etc/yum.repos.d /etc/zypp/repos.d
echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros.db
for version in 1 2 3; do
    cat > /srv/specs/demo.spec << END
Name: demo
Version: $version
Release: 1
Summary: nothing
License: none
BuildArch: noarch
%description
nothing
%files
END
    rpmbuild --quiet -bb --define '_topdir /srv/build' --define '_rpmdir /srv/repo' \
        /srv/specs/demo.spec > /srv/log 2>&1
done
cat > /srv/updateinfo.xml << END
<updates>
<update from="nobody@example.org" status="stable" type="security" version="1">
<id>EX-2026:1</id><title>demo</title><severity>Important</severity>
<issued date="2026-01-01 00:00:00"/><description>none</description><references/>
<pkglist><collection short="x"><name>x</name>
<package name="demo" version="2" release="1" epoch="0" arch="noarch" src="demo-2-1.src.rpm">
<filename>demo-2-1.noarch.rpm</filename></package>
</collection></pkglist></update>
</updates>
END
createrepo_c --quiet /srv/repo
for place in yum.repos.d zypp/repos.d; do
    printf '[x]\nname=x\nbaseurl=file:///srv/repo\nenabled=1\ngpgcheck=0\n' > /etc/$place/x.repo
done
mv /usr/bin/apt-get /srv/apt-get
"""
ADVISORIES = "modifyrepo_c /srv/updateinfo.xml /srv/repo/repodata"
NO_ADVISORIES = "modifyrepo_c --remove updateinfo.xml /srv/repo/repodata"
INSTALLED = (
    "rpm --erase --nodeps demo\n"
    "rpm --install --nodeps --force-debian /srv/repo/noarch/demo-1-1.noarch.rpm"
)
REFRESH = {"dnf": "dnf makecache --refresh", "zypper": "zypper --non-interactive refresh --force"}
# The finding's command for each package manager.
REPAIR = {
    "dnf": "dnf upgrade --security --assumeyes",
    "zypper": "zypper --non-interactive patch --category security",
}
PENDING = {"name": "EX-2026:1"}


@pytest.fixture(scope="module")
def here() -> Iterator[labs.Lab]:
    with required.throw_away(labs.scenarios.BARE) as bare:
        for tool in ("dnf", "zypper", "rpmbuild", "createrepo_c"):
            if bare.shell(f"command -v {tool}").returncode != 0:
                pytest.skip(f"this machine has no {tool}")
        made = bare.shell(REPOSITORY)
        assert made.returncode == 0, made.stderr
        yield bare


@pytest.fixture(params=["dnf", "zypper"])
def manager(request: pytest.FixtureRequest, here: labs.Lab) -> Iterator[str]:
    """Yield a host with this package manager, a fresh repository, and the vulnerable package."""
    name = str(request.param)
    here.shell("mv /usr/bin/dnf /srv/dnf" if name == "zypper" else "true")
    do(here, ADVISORIES)
    here.shell(INSTALLED)
    do(here, REFRESH[name])
    yield name
    here.shell("mv /srv/dnf /usr/bin/dnf" if name == "zypper" else "true")


def do(lab: labs.Lab, command: str) -> None:
    done = lab.shell(command)
    assert done.returncode == 0, done.stdout + done.stderr


def packages(lab: labs.Lab) -> Mapping[str, Any]:
    """Return the sweep's part of packages: a value, or the reason for its absence."""
    question = host_sweep.Question(server_pid=0, socket="", endpoints=(), paths=())
    done = lab.shell(host_sweep.command(question))
    output = Output(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)
    found: Mapping[str, Any] = host_sweep.read(output)["host.packages"]
    return found


def advisories(lab: labs.Lab) -> Mapping[str, Any]:
    found = packages(lab)
    assert "value" in found, found
    known: Mapping[str, Any] = found["value"]["advisories"]
    return known


def names(lab: labs.Lab) -> list[str]:
    return [one["name"] for one in advisories(lab)["pending"]]


def test_hole_is_found_and_the_printed_command_closes_it(here: labs.Lab, manager: str) -> None:
    assert packages(here)["value"]["manager"] == manager
    assert names(here) == ["EX-2026:1"]
    here.shell(REPAIR[manager])
    assert names(here) == []
    assert advisories(here)["is_any_known"]


@pytest.mark.parametrize(
    ("locks", "unlocks"),
    [
        (
            "echo exclude=demo >> /etc/dnf/dnf.conf; zypper --non-interactive addlock demo",
            "sed -i /exclude/d /etc/dnf/dnf.conf; zypper --non-interactive removelock demo",
        )
    ],
    ids=["locked"],
)
def test_package_that_is_kept_from_updates_is_found(
    here: labs.Lab, manager: str, locks: str, unlocks: str
) -> None:
    assert manager
    here.shell(locks)
    found = names(here)
    here.shell(unlocks)
    assert found == ["EX-2026:1"]


def test_repository_without_advisories_is_recognised(here: labs.Lab, manager: str) -> None:
    do(here, NO_ADVISORIES)
    do(here, REFRESH[manager])
    found = advisories(here)
    assert (found["pending"], found["is_any_known"]) == ([], False)


def test_time_of_the_index_is_that_of_the_last_check(here: labs.Lab, manager: str) -> None:
    here.shell("find /var/cache/dnf /var/cache/zypp -type f -exec touch -d '9 days ago' {} +")
    old = advisories(here)["index_time"]
    do(here, REFRESH[manager].replace(" --force", ""))
    # The repository has not changed, but its index is fresh.
    assert advisories(here)["index_time"] - old >= 9 * 24 * 60 * 60 - 5


def test_host_without_an_index_is_no_host_without_holes(here: labs.Lab, manager: str) -> None:
    here.shell("rm -r /var/cache/dnf /var/cache/zypp")
    found = packages(here)
    advisories = found.get("missing") or found["value"]["advisories"]
    assert manager
    assert isinstance(advisories, str) or advisories["index_time"] == 0


def test_asking_changes_nothing(here: labs.Lab, manager: str) -> None:
    assert manager
    advisories(here)
    here.shell("sleep 0.1; touch /tmp/mark")
    advisories(here)
    changed = here.shell("find /etc /srv /usr /var -xdev -type f -newer /tmp/mark").stdout.decode()
    # The managers write a log of their calls, and SQLite a lock.
    expected = ("/var/log/", "/var/lib/rpm/rpmdb.sqlite-shm", "/var/lib/lxd", "/var/cache/lxdsec")
    assert [path for path in changed.split() if not path.startswith(expected)] == []
