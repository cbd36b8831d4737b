"""Every packaged control, broken on a real LXD and repaired by the command it prints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_lxdsec import catalogue

from . import both_ways
from .both_ways import Case

NOT_SHOWN = {
    "LXD-VER-01": "the repair is another LXD, which a lab of Debian's packages cannot have",
    "LXD-VER-02": "the repair is another LXD; and a distribution's build is not applicable",
}

# A repository of one package, whose newer version is labelled as a security update.
LOCAL_REPOSITORY = r"""
cp --archive /etc/apt /srv/etc-apt
mv /var/lib/apt/lists /srv/lists
mkdir --parents /var/lib/apt/lists/partial
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
for version in 1 2; do
    root=/srv/apt/lxdsec-canary_$version
    mkdir -p $root/DEBIAN
    printf '%s\n' 'Package: lxdsec-canary' "Version: $version" 'Architecture: all' \
        'Maintainer: nobody <nobody@lxdsec.invalid>' 'Description: a canary' > $root/DEBIAN/control
    dpkg-deb --build --root-owner-group $root > /dev/null
done
dpkg --install /srv/apt/lxdsec-canary_1.deb > /dev/null
cd /srv/apt
{
    dpkg-deb --field lxdsec-canary_2.deb
    echo "Filename: ./lxdsec-canary_2.deb"
    echo "Size: $(stat --format %s lxdsec-canary_2.deb)"
    echo "SHA256: $(sha256sum lxdsec-canary_2.deb | cut -d ' ' -f 1)"
} > Packages
{
    printf '%s\n' 'Origin: Debian' 'Label: Debian-Security' 'Suite: stable-security' \
        'Codename: bookworm-security' 'Date: Mon, 23 Nov 2026 00:00:00 UTC' 'SHA256:'
    echo " $(sha256sum Packages | cut -d ' ' -f 1) $(stat --format %s Packages) Packages"
} > Release
echo 'deb [trusted=yes] file:/srv/apt ./' > /etc/apt/sources.list
apt-get update > /dev/null
"""

ISOLATED = """
for name in filtered frozen plain routed twin unfiltered; do
    lxc config set $name security.idmap.isolated=true
    [ $name != frozen ] || lxc start frozen
    lxc restart $name
done
lxc config set twin security.idmap.isolated=true --project tenants
lxc restart twin --project tenants
"""
NOT_ISOLATED = """
for name in filtered frozen plain routed twin unfiltered; do
    lxc config unset $name security.idmap.isolated
    lxc restart $name
done
lxc config unset twin security.idmap.isolated --project tenants
lxc restart twin --project tenants
lxc pause frozen
"""

CASES = (
    Case(
        control="LXD-OS-01",
        subject="host",
        breaks=LOCAL_REPOSITORY,
        finding="1 security update is pending: lxdsec-canary 1 (fixed in 2)",
        restores="rm -r /etc/apt /var/lib/apt/lists\n"
        "mv /srv/etc-apt /etc/apt\nmv /srv/lists /var/lib/apt/lists",
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="chmod 0666 /var/lib/lxd/unix.socket",
        finding="/var/lib/lxd/unix.socket has mode 0666",
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="chgrp users /var/lib/lxd/unix.socket",
        finding="/var/lib/lxd/unix.socket belongs to group users, not lxd",
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="chmod 0777 /var/lib/lxd",
        finding="/var/lib/lxd has mode 0777",
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-03",
        subject="host",
        breaks="useradd --groups lxd mallory",
        finding="mallory (member of lxd)",
        restores="userdel mallory",
    ),
    Case(
        control="LXD-LOC-03",
        subject="host",
        breaks="useradd --gid lxd mallory",
        finding="mallory (primary group lxd)",
        restores="userdel mallory",
    ),
    Case(
        control="LXD-LOC-05",
        subject="instance/default/plain",
        breaks="lxc config device add plain door disk source=/var/lib/lxd/unix.socket path=/door",
        finding="device door opens /var/lib/lxd/unix.socket, which is LXD's socket",
    ),
    Case(
        control="LXD-LOC-05",
        subject="instance/default/plain",
        breaks="ln -s /var/lib /srv/way\n"
        "lxc config device add plain door disk source=/srv/way path=/door",
        finding="device door opens /srv/way, a directory that holds LXD's socket",
        restores="rm /srv/way",
    ),
    Case(
        control="LXD-LOC-05",
        subject="instance/default/filtered",
        breaks="lxc profile device add filtered door proxy bind=instance "
        "connect=unix:/var/lib/lxd/unix.socket listen=unix:/door",
        finding="from:     profile default/filtered, which 2 more use",
        with_it=("LXD-LOC-05 instance/default/*",),
    ),
    Case(
        control="LXD-API-01",
        subject="server",
        finding="core.https_address is '[::]:8443', a wildcard",
        with_it=("LXD-API-02 host",),
        restores="lxc config set core.https_address=[::]:8443",
    ),
    Case(
        control="LXD-API-02",
        subject="host",
        breaks="lxc config set core.https_address=0.0.0.0:8443",
        finding="LXD listens on [::]:8443 (every IPv6 address, and every IPv4 address with it)",
        with_it=("LXD-API-01 server",),
        restores="lxc config set core.https_address=[::]:8443",
    ),
    Case(
        control="LXD-API-04",
        subject="host",
        breaks="lxc config set core.metrics_authentication=false",
        finding="answers 200 for /1.0/metrics",
    ),
    Case(
        control="LXD-UNP-01",
        subject="instance/default/plain",
        breaks="lxc config set plain security.privileged=yes\nlxc restart plain",
        finding="security.privileged is 'yes'",
        with_it=("LXD-* instance/default/plain",),
    ),
    Case(
        control="LXD-UNP-01",
        subject="instance/default/filtered",
        breaks="lxc profile set filtered security.privileged=true\nlxc restart filtered",
        finding="from:     profile default/filtered, which 2 more use",
        with_it=("LXD-UNP-* instance/default/*", "LXD-PRV-03 instance/default/filtered"),
    ),
    Case(
        control="LXD-UNP-02",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.idmap 'both 0 0'\nlxc restart plain",
        finding="its map reaches host uid 0 (root), host gid 0 (root)",
    ),
    Case(
        control="LXD-UNP-02",
        subject="instance/default/isolated",
        breaks="useradd --uid 165536 eve",
        finding="its map reaches host uid 165536 (eve)",
        with_it=("LXD-UNP-02 *",),
        restores="userdel eve",
    ),
    Case(
        control="LXD-UNP-05",
        subject="instance/default/plain",
        finding="it shares host uids 100000-10100000 with default/filtered and 7 more",
        with_it=("LXD-UNP-05 *",),
        restores=NOT_ISOLATED,
    ),
    Case(
        # LXD itself gives twins the same ids now and then; a base that is set does it for sure.
        control="LXD-UNP-05",
        subject="instance/tenants/twin",
        breaks=ISOLATED
        + "base=$(lxc config get twin volatile.idmap.base)\n"
        + "lxc config set twin security.idmap.base=$base --project tenants\n"
        + "lxc restart twin --project tenants",
        finding="with default/twin\n",
        with_it=("LXD-UNP-05 *",),
        restores="lxc config unset twin security.idmap.base --project tenants\n" + NOT_ISOLATED,
    ),
    Case(
        control="LXD-PRV-03",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc lxc.cap.drop=\nlxc restart privileged",
        finding="holds SYS_MODULE",
    ),
    Case(
        control="LXD-NAM-01",
        subject="host",
        finding="/sys/kernel/slab belongs to uid 0, mode 0755",
        restores="chmod 0755 /sys/kernel/slab",
    ),
    Case(
        control="LXD-BRI-03",
        subject="nic/default/plain/eth0",
        finding="from:     profile default/default, which 6 more use",
        with_it=("LXD-BRI-03 nic/default/*",),
        restores="lxc profile device unset default eth0 security.mac_filtering",
    ),
    Case(
        control="LXD-BRI-03",
        subject="nic/default/unfiltered/eth0",
        breaks="lxc config device set unfiltered eth0 security.mac_filtering=enabled",
        finding="security.mac_filtering is 'enabled', which is off for LXD",
        restores="lxc config device unset unfiltered eth0 security.mac_filtering",
    ),
    Case(
        control="LXD-BRI-09",
        subject="network/default/lxdbr0",
        finding="accept_ra is 2, forwarding is 1",
        restores="sysctl -w net/ipv6/conf/lxdbr0/accept_ra=2",
    ),
    Case(
        control="LXD-RTD-01",
        subject="nic/default/routed/eth0",
        breaks="sysctl -w net/ipv6/conf/"
        "$(lxc config get routed volatile.eth0.host_name)/accept_ra=2",
        finding="is 2",
    ),
)


@pytest.fixture(scope="module")
def stage() -> Iterator[both_ways.Stage]:
    """A lab of our own, since we break it."""
    with both_ways.Stage() as stage:
        yield stage


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_control_fails_broken_and_passes_repaired(stage: both_ways.Stage, case: Case) -> None:
    stage.show(case)


def test_every_control_is_shown_or_says_why_not() -> None:
    shown = {case.control for case in CASES}
    assert shown | set(NOT_SHOWN) == {made.id for made in catalogue.packaged()}
    assert not shown & set(NOT_SHOWN)
