"""Cases that need a whole host: systemd, real accounts, AppArmor in force, apt's own state."""

from __future__ import annotations

from pytest_lxdsec import catalogue

from ..lab import cases_daemon
from ..lab.both_ways import Case

_PROFILE = "/var/lib/lxd/security/apparmor/profiles/lxd-privileged"

_ALL = (
    # The socket is systemd's, made before any daemon runs.
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="systemctl stop lxd.service\nchmod 0666 /var/lib/lxd/unix.socket",
        finding="/var/lib/lxd/unix.socket has mode 0666",
        with_it=("LXD-LOC-02 host",),
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="mkdir --parents /etc/systemd/system/lxd.socket.d\n"
        r"printf '[Socket]\nSocketGroup=users\n' > /etc/systemd/system/lxd.socket.d/open.conf"
        "\nsystemctl daemon-reload\nsystemctl stop lxd.service lxd.socket\n"
        "systemctl start lxd.socket",
        finding="/var/lib/lxd/unix.socket belongs to group users, not lxd",
        with_it=("LXD-LOC-0? host",),
        restores="rm -r /etc/systemd/system/lxd.socket.d\nsystemctl daemon-reload",
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
        breaks="useradd --create-home --gid lxd mallory",
        finding="mallory (primary group lxd)",
        restores="userdel --remove mallory",
    ),
    # A package that is out of date, and the index of a source that says so.
    Case(
        control="LXD-OS-01",
        subject="host",
        breaks=cases_daemon.LOCAL_REPOSITORY,
        finding="1 security update is pending: lxdsec-canary 1 (fixed in 2)",
        restores="dpkg --purge lxdsec-canary\nrm -r /etc/apt /var/lib/apt/lists /srv/apt\n"
        "mv /srv/etc-apt /etc/apt\nmv /srv/lists /var/lib/apt/lists",
    ),
    # The label is stacked, and names `unconfined` for what is inside, while it confines.
    Case(
        control="LXD-PRV-01",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc lxc.apparmor.profile=unconfined\n"
        "lxc restart --force privileged",
        finding="its init's label is 'unconfined'",
        with_it=("LXD-* instance/default/privileged",),
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
