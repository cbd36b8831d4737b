"""Cases of the controls for the host, the versions and the daemon: see `both_ways`."""

from __future__ import annotations

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
)
