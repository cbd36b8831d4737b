"""Cases of the controls for the host, the versions and the daemon. See `both_ways`."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl

from pytest_lxdsec.policy import Policy
from tests.lab.both_ways import Case
from tests.support import evidence_certificates

NOT_SHOWN = {
    "LXD-OS-02": "the repair is another release of the operating system",
    "LXD-OS-03": "the repair is a restart by systemd or a reboot: see test_daemons",
    "LXD-VER-03": "the lab's server is no cluster",
    "LXD-API-05": "the repair restarts LXD by systemd, which a lab has not: see test_daemons",
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

# The other project's bridge.
TENANTS_ONLY = Policy(allowed_sources=(ipaddress.ip_network("10.86.0.0/24"),))
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
EVE = evidence_certificates.pem(
    NOW - evidence_certificates.YEAR, NOW + evidence_certificates.YEAR, common_name="eve"
)


def _key(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()[:12]


def _trust(pem: str, *options: str) -> str:
    words = " ".join(options)
    return (
        f"cat > /srv/client.crt <<'END'\n{pem}END\n"
        f"lxc config trust add /srv/client.crt --name client {words}\nrm /srv/client.crt"
    )


# Without a listener on the network no packet filter is needed.
REACHABLE = ("LXD-API-03 host",)

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
        with_it=("LXD-LOC-02 host",),
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="chgrp users /var/lib/lxd/unix.socket",
        finding="/var/lib/lxd/unix.socket belongs to group users, not lxd",
        with_it=("LXD-LOC-02 host",),
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-01",
        subject="host",
        breaks="chmod 0777 /var/lib/lxd",
        finding="/var/lib/lxd has mode 0777",
        with_it=("LXD-LOC-02 host",),
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-02",
        subject="host",
        breaks="chmod 0644 /var/lib/lxd/server.key",
        finding="/var/lib/lxd/server.key has mode 0644",
        with_it=("LXD-LOC-01 host",),
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        control="LXD-LOC-02",
        subject="host",
        breaks="chmod 0755 /var/lib/lxd/database\nchown nobody /var/lib/lxd/server.key",
        finding="/var/lib/lxd/database has mode 0755; "
        "/var/lib/lxd/server.key belongs to uid 65534",
        with_it=("LXD-LOC-01 host",),
        restores="chown _lxd /var/lib/lxd",
    ),
    Case(
        # Not a member of the group, but a group administrator.
        control="LXD-LOC-03",
        subject="host",
        breaks="useradd eve\ngpasswd --administrators eve lxd",
        finding="eve (administrator of lxd)",
        restores="userdel eve",
    ),
    Case(
        control="LXD-LOC-03",
        subject="host",
        breaks="sed -i 's/^lxd:[^:]*:/lxd:$6$salt$hash:/' /etc/gshadow",
        finding="whoever knows the group's password (newgrp lxd)",
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
        # Removed from the group, but an earlier session still has it.
        control="LXD-LOC-04",
        subject="host",
        breaks="useradd --groups lxd mallory\n"
        "setpriv --reuid mallory --regid mallory --init-groups sleep 3600 >/dev/null 2>&1 &\n"
        "sleep 0.2\ngpasswd --delete mallory lxd",
        finding="of mallory) holds gid",
        restores="userdel mallory",
    ),
    Case(
        control="LXD-LOC-04",
        subject="host",
        breaks="cp /bin/true /usr/local/bin/door\n"
        "chgrp lxd /usr/local/bin/door\nchmod 2755 /usr/local/bin/door",
        finding="/usr/local/bin/door gives gid 105 to every user who runs it",
        restores="rm /usr/local/bin/door",
    ),
    Case(
        control="LXD-LOC-05",
        subject="instance/default/plain",
        breaks="lxc config device add plain door disk source=/var/lib/lxd/unix.socket path=/door",
        finding="device door opens /var/lib/lxd/unix.socket, which is LXD's socket",
        with_it=("LXD-LOC-06 instance/default/plain",),
    ),
    Case(
        control="LXD-LOC-05",
        subject="instance/default/plain",
        breaks="ln -s /var/lib /srv/way\n"
        "lxc config device add plain door disk source=/srv/way path=/door",
        finding="device door opens /srv/way, a directory that holds LXD's socket",
        with_it=("LXD-LOC-06 instance/default/plain",),
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
        control="LXD-LOC-06",
        subject="instance/default/plain",
        breaks="lxc config device add plain door disk source=/var/lib/lxd path=/door",
        finding="/door in the container is a directory that holds LXD's socket",
        with_it=("LXD-LOC-05 instance/default/plain",),
    ),
    Case(
        control="LXD-LOC-06",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc 'lxc.mount.entry = /var/lib/lxd/unix.socket door"
        " none bind,create=file 0 0'\nlxc restart privileged",
        finding="/door in the container is LXD's socket /var/lib/lxd/unix.socket",
        with_it=("LXD-* instance/default/privileged",),
    ),
    Case(
        control="LXD-API-06",
        subject="image/tenants/aaaca3815599",
        breaks="lxc query -X PATCH -d '{\"public\": true}' "
        "/1.0/images/$(lxc image list --format csv --columns F --project tenants)?project=tenants",
        finding="busybox is public",
    ),
    Case(
        # The default: tokens of 5.0.2 never expire.
        control="LXD-API-07",
        subject="server",
        finding="core.remote_token_expiry is not set: new tokens never expire",
        restores="lxc config unset core.remote_token_expiry\n"
        "lxc config unset cluster.join_token_expiry",
    ),
    Case(
        control="LXD-API-07",
        subject="server",
        breaks="lxc config set core.trust_password=correct-horse",
        finding="core.trust_password is set",
        restores="lxc config unset core.remote_token_expiry",
    ),
    Case(
        control="LXD-API-07",
        subject="server",
        breaks="lxc config trust add --name ops > /dev/null\n"
        "lxc config set core.remote_token_expiry=15m",
        # 15 months are 456 or 457 days, by the month it is.
        finding=" days; the token for ops never expires; the token for ops makes its holder an "
        "administrator",
        restores="lxc config unset core.remote_token_expiry",
    ),
    Case(
        # A token for the download of an image is not a finding.
        control="LXD-API-07",
        subject="server",
        breaks="lxc query -X POST /1.0/images/$(lxc image list --format csv --columns F)/secret"
        " > /dev/null\nlxc config trust add --name eve --restricted > /dev/null\n"
        "lxc config set core.remote_token_expiry=15M",
        finding="observed: the token for eve never expires\n",
        restores="lxc config unset core.remote_token_expiry",
    ),
    Case(
        control="LXD-API-08",
        subject="certificate/candid.api.url",
        breaks="lxc config set candid.api.url=https://login.example.org",
        finding="candid.api.url (every user of a login service) is an administrator",
        vanishes=True,
        with_it=("LXD-API-* certificate/*",),
        site=Policy(admins=("alice",)),
    ),
    Case(
        control="LXD-API-08",
        subject=f"certificate/{_key(EVE)}",
        breaks="# a client with every right\n" + _trust(EVE),
        finding="client (client) is an administrator: its certificate is not restricted",
        with_it=("LXD-API-* certificate/*",),
        restores=f"lxc config trust remove {_key(EVE)}",
        site=Policy(admins=("alice",)),
    ),
    Case(
        control="LXD-API-09",
        subject=f"certificate/{_key(evidence_certificates.SHA1)}",
        breaks="# a client with SHA-1\n" + _trust(evidence_certificates.SHA1, "--restricted"),
        finding="client (client): it is signed with SHA1",
        vanishes=True,
        with_it=("LXD-API-* certificate/*",),
    ),
    Case(
        control="LXD-API-10",
        subject="server",
        breaks="lxc config set core.trust_ca_certificates=true",
        finding="core.trust_ca_certificates is on",
    ),
    Case(
        control="LXD-API-11",
        subject="server",
        breaks="lxc config set core.debug_address=127.0.0.1:8080",
        finding="core.debug_address is 127.0.0.1:8080",
    ),
    Case(
        control="LXD-API-11",
        subject="server",
        breaks="lxc config set core.metrics_authentication=false",
        finding="core.metrics_authentication is off",
        with_it=("LXD-API-04 server",),
    ),
    Case(
        control="LXD-API-11",
        subject="server",
        breaks="lxc config set core.https_allowed_origin='*' core.https_allowed_credentials=true",
        finding="core.https_allowed_origin is * with core.https_allowed_credentials",
        restores="lxc config unset core.https_allowed_origin",
    ),
    Case(
        control="LXD-API-01",
        subject="server",
        finding="core.https_address is '[::]:8443', a wildcard",
        with_it=("LXD-API-02 host", *REACHABLE),
        restores="lxc config set core.https_address=[::]:8443",
    ),
    Case(
        control="LXD-API-02",
        subject="host",
        breaks="lxc config set core.https_address=0.0.0.0:8443",
        finding="LXD listens on [::]:8443 (every IPv6 address, and every IPv4 address with it)",
        with_it=("LXD-API-01 server", *REACHABLE),
        restores="lxc config set core.https_address=[::]:8443",
    ),
    Case(
        control="LXD-API-03",
        subject="host",
        finding=":8443 from any other IPv4 address, by ",
        restores="nft delete table inet lxd_api",
        site=TENANTS_ONLY,
    ),
    Case(
        # Rules for IPv4 only, and a socket for both families.
        control="LXD-API-03",
        subject="host",
        breaks="nft 'table ip site { chain i { type filter hook input priority 0; "
        "ip saddr != 10.86.0.0/24 tcp dport 8443 drop; }; }'",
        finding=":8443 from any IPv6 address, by ",
        restores="nft delete table inet lxd_api; nft delete table ip site",
        site=TENANTS_ONLY,
    ),
    Case(
        control="LXD-API-03",
        subject="host",
        breaks="# without a policy nobody is allowed\ntrue",
        finding=":8443 from any IPv4 address, by ",
        restores="nft delete table inet lxd_api",
    ),
    Case(
        control="LXD-API-04",
        subject="server",
        breaks="lxc config set core.metrics_authentication=false",
        finding="answers 200 for /1.0/metrics",
        with_it=("LXD-API-11 server",),
    ),
)
