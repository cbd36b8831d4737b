"""The recipe of the host: its packages, files and accounts. Data only.

It is a plain Debian with LXD from its own packages, set up like an operator's, and small enough to
boot quickly under software emulation. The image is cached under the digest of this data.
"""

from __future__ import annotations

from pytest_lxdsec.lab import pid1
from pytest_lxdsec.lab import scenario as scenarios

# Packages of the machine's own Debian suite, in the versions that its apt would install.
PACKAGES = (
    "acl",
    "apparmor",
    "apparmor-utils",
    "ca-certificates",
    "dbus",
    "distro-info-data",
    "dnsmasq-base",
    "initramfs-tools",
    "iproute2",
    "iptables",
    "kmod",
    "linux-image-cloud-amd64",
    "lxd",
    "lxd-client",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
    "udev",
    "uidmap",
)
# The modules that the initial RAM disk needs for the disk; the others are in the image.
_MODULES = ("virtio_pci", "virtio_blk", "ext4")

HOST_NAME = "host"
OPERATOR = "olivia"  # logs in by key, becomes root by sudo without a password

_NETWORK = """\
[Match]
Name=eth0

[Network]
DHCP=ipv4
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
"""
_SSHD = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
"""
# The same uplink as in a lab: LXD refuses a routed NIC without a parent that forwards.
_UPLINK = f"""\
#!/bin/sh
set -eu
ip link add {scenarios.UPLINK} type veth peer name up1
ip link set {scenarios.UPLINK} up
ip link set up1 up
ip addr add {pid1.UPLINK_ADDRESSES[0]} dev {scenarios.UPLINK}
ip addr add {pid1.UPLINK_ADDRESSES[1]} dev {scenarios.UPLINK} nodad
for name in all {scenarios.UPLINK}; do
    echo 1 > /proc/sys/net/ipv4/conf/$name/forwarding
    echo 1 > /proc/sys/net/ipv6/conf/$name/forwarding
    echo 1 > /proc/sys/net/ipv6/conf/$name/proxy_ndp
done
"""
_UPLINK_UNIT = """\
[Unit]
Description=The uplink of routed NICs
After=systemd-sysctl.service
Before=network-pre.target lxd.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/uplink

[Install]
WantedBy=multi-user.target
"""

# Path in the image to content and mode.
FILES = {
    "etc/hostname": (f"{HOST_NAME}\n", 0o644),
    "etc/hosts": (f"127.0.0.1 localhost\n127.0.1.1 {HOST_NAME}\n::1 localhost\n", 0o644),
    "etc/fstab": ("/dev/vda / ext4 errors=remount-ro 0 1\n", 0o644),
    "etc/initramfs-tools/conf.d/small": ("MODULES=list\n", 0o644),
    "usr/share/initramfs-tools/modules.d/disk": ("\n".join((*_MODULES, "")), 0o644),
    # LXD refuses security.ipv6_filtering without it, and loads no module by itself.
    "etc/modules-load.d/lxd.conf": ("br_netfilter\n", 0o644),
    "etc/systemd/network/10-eth0.network": (_NETWORK, 0o644),
    "etc/ssh/sshd_config.d/10-keys.conf": (_SSHD, 0o644),
    f"etc/sudoers.d/{OPERATOR}": (f"{OPERATOR} ALL=(ALL) NOPASSWD: ALL\n", 0o440),
    "usr/local/sbin/uplink": (_UPLINK, 0o755),
    "etc/systemd/system/uplink.service": (_UPLINK_UNIT, 0o644),
}
UNITS = ("systemd-networkd.service", "uplink.service", "ssh.service")
# They would query missing mirrors at random times; boots need not wait for them.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "systemd-networkd-wait-online.service",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
)
