"""Cases that need a complete host: systemd, real accounts, AppArmor, apt's own state."""

from __future__ import annotations

from pytest_lxdsec.session import catalogue
from tests.lab import cases_daemon
from tests.lab.both_ways import Case

_PROFILE = "/var/lib/lxd/security/apparmor/profiles/lxd-privileged"
# A package of Debian that has a security update by Debian's index, as `image.sh` keeps them; right
# after a point release no package has one, and the lab's repository of one package stands in.
_OUTDATED = f"""\
if [ -e /srv/outdated/release.deb ]; then
    dpkg --install /srv/outdated/release.deb
    cp /srv/outdated/*_*.deb /var/cache/apt/archives/
else
    {cases_daemon.LOCAL_REPOSITORY.strip()}
fi
"""
_UPDATED = """\
apt-get clean
if [ -d /srv/apt ]; then
    dpkg --purge lxdsec-canary
    rm -r /etc/apt /var/lib/apt/lists /srv/apt
    mv /srv/etc-apt /etc/apt
    mv /srv/lists /var/lib/apt/lists
fi
"""
# Debian's package gives it to _lxd, so that its control fails before and not after.
_OWNER = "chown _lxd /var/lib/lxd"

_ALL = (
    # systemd makes the socket before any daemon runs.
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="systemctl stop lxd.service\nchmod 0666 /var/lib/lxd/unix.socket",
        finding="/var/lib/lxd/unix.socket has mode 0666",
        with_it=("LXD-LOC-02 host",),
        restores=_OWNER,
    ),
    Case(
        control="LXD-LOC-03",
        subject="host",
        breaks="useradd --create-home --groups lxd mallory",
        finding="mallory (member of lxd)",
        restores="userdel --remove mallory",
    ),
    Case(
        control="LXD-LOC-03",
        subject="host",
        breaks="useradd --create-home --gid lxd trudy",
        finding="trudy (primary group lxd)",
        restores="userdel --remove trudy",
    ),
    # The service still has the group that the account has lost.
    Case(
        control="LXD-LOC-04",
        subject="host",
        breaks="useradd --groups lxd oscar\n"
        "systemd-run --quiet --unit=oscar --uid=oscar sleep infinity\n"
        "gpasswd --delete oscar lxd",
        finding="of oscar) holds gid",
        restores="systemctl stop oscar || true\nsystemctl reset-failed\nuserdel oscar",
    ),
    # An outdated package, and a source whose index has a newer version.
    Case(
        control="LXD-OS-01",
        subject="host",
        breaks=_OUTDATED,
        finding="1 security update is pending: ",
        restores=_UPDATED,
    ),
    # Like an update that restarts no service.
    Case(
        control="LXD-OS-03",
        subject="host",
        breaks="lxc query /1.0 > /dev/null\n"
        "cp --archive /usr/bin/lxd /usr/bin/lxd.new\nmv /usr/bin/lxd.new /usr/bin/lxd",
        finding="was replaced since it started",
    ),
    # The label is stacked: it contains `unconfined` for the inside, although it confines.
    Case(
        control="LXD-PRV-01",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc lxc.apparmor.profile=unconfined\n"
        "lxc restart --force privileged",
        finding="its init's label is 'unconfined'",
        with_it=("LXD-* instance/default/privileged",),
    ),
    # Under pure cgroup v2 it is a program in the kernel, not a list in a file.
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc 'lxc.cgroup2.devices.allow = a'\n"
        "lxc restart --force privileged",
        finding="no devices cgroup limits the devices that it can open",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-01",
        subject="instance/default/privileged",
        breaks=f"apparmor_parser --replace --Complain {_PROFILE}",
        finding="LXD's profile is there in mode",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
)

IDS = frozenset(made.id for made in catalogue.packaged())
CASES = tuple(case for case in _ALL if case.control in IDS)


def acts() -> tuple[tuple[Case, ...], ...]:
    """Return the cases in as few rounds as possible, without conflicts in a round.

    A round has at most one case of each control, of each subject and of each instance.
    """
    rounds: list[dict[str, Case]] = []
    for case in CASES:
        key = case.subject if case.subject != "host" else f"{case.control} {case.subject}"
        for one in rounds:
            if key not in one:
                one[key] = case
                break
        else:
            rounds.append({key: case})
    return tuple(tuple(one.values()) for one in rounds)
