#!/bin/sh
# Build the root file system of a Debian host, and of it a disk image with its kernel beside it.
#
# Called by image.py in mount and process namespaces of its own: whatever is mounted or running
# here is gone with it. In the current directory: packages, units, masked (a word a line),
# files/ (the tree that is laid over), apt/ (what the machine's own apt is configured with), and
# authorized_keys. Leaves disk.raw, vmlinuz, initrd.img, host_key.pub.
set -eu
since=$(date +%s)
stage() { echo "== $(($(date +%s) - since)) s: $1"; }
codename=$1 mirror=$2 keyring=$3 operator=$4

root=$PWD/root
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Nothing here must survive a crash, so that dpkg need not wait for the disk.
unsafe() {
    mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
    echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/unsafe"
}

stage "the base system"
mkdir "$root"
mount -t tmpfs -o size=3G,mode=755 tmpfs "$root"  # what is unpacked is not waited for, either
debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" \
    "$codename" "$root" "$mirror"
unsafe

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"

# The archives that were looked up; their index is as young as the image.
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
mkdir -p "$root/etc/apt/sources.list.d"
cp apt/debian.list "$root/etc/apt/sources.list.d/"
cp apt/machine.conf "$root/etc/apt/apt.conf.d/90machine"
cp -r --preserve=mode files/. "$root/"  # with it the initial RAM disk is made but once, and small
cp /etc/resolv.conf /etc/hosts "$root/etc/"

printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"  # no service starts in here
chmod 755 "$root/usr/sbin/policy-rc.d"

stage "packages"
chroot "$root" apt-get update
# shellcheck disable=SC2046  # words are what is wanted
chroot "$root" apt-get install --yes --no-install-recommends $(cat packages)

# For the case that is out of date: a package as the release has it, which debootstrap unpacked,
# and its security update, where one can be had alone. No library: who uses it would wait, too.
archives=$root/var/cache/apt/archives outdated=$root/srv/outdated
mkdir "$outdated"
for name in $(chroot "$root" apt-get --simulate dist-upgrade |
    awk '/^Inst / && /Debian-Security/ && $2 !~ /^lib/ { print $2 }'); do
    update="chroot $root apt-get --yes --only-upgrade install $name"
    if [ "$($update --simulate | grep -c '^Inst ')" = 1 ]; then
        mv "$archives/${name}"_*.deb "$outdated/release.deb"
        $update --download-only
        cp "$archives/${name}"_*.deb "$outdated/"
        break
    fi
done
chroot "$root" apt-get dist-upgrade --yes
chroot "$root" apt-get clean

stage "accounts and units"
chroot "$root" useradd --create-home --shell /bin/bash --groups sudo "$operator"
for home in root "home/$operator"; do
    mkdir -p -m 700 "$root/$home/.ssh"
    cp authorized_keys "$root/$home/.ssh/authorized_keys"
    chroot "$root" chown -R "${home##*/}:" "/$home/.ssh"
done
cp files/etc/hosts "$root/etc/hosts"
# shellcheck disable=SC2046
chroot "$root" systemctl --quiet mask $(cat masked)
# shellcheck disable=SC2046
chroot "$root" systemctl --quiet enable $(cat units)
printf '' > "$root/etc/machine-id"
rm -f "$root/etc/resolv.conf" "$root/etc/dpkg/dpkg.cfg.d/unsafe" "$root/usr/sbin/policy-rc.d" \
    "$root/etc/apt/apt.conf.d/90machine"

umount --recursive "$root/dev" "$root/sys" "$root/proc"
cp "$root"/boot/vmlinuz-* vmlinuz
cp "$root"/boot/initrd.img-* initrd.img
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" host_key.pub
chmod 644 vmlinuz initrd.img
stage "the disk"
truncate --size=6G disk.raw
mke2fs -q -t ext4 -E lazy_itable_init=1,nodiscard -d "$root" disk.raw
umount "$root"
rmdir "$root"
