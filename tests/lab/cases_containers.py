"""Cases of the controls for containers. See `both_ways`."""

from __future__ import annotations

from tests.lab.both_ways import Case

NOT_SHOWN: dict[str, str] = {
    "LXD-NAM-03": "the files are the kernel's own: a lab may not close those of its machine",
    "LXD-PRV-01": "the repair is a kernel with AppArmor, which a lab shares with its machine",
}

ISOLATED = """
for name in filtered frozen plain routed twin unfiltered; do
    lxc config set $name security.idmap.isolated=true
    [ $name != frozen ] || lxc start frozen
    lxc restart $name
done
lxc pause frozen
lxc config set twin security.idmap.isolated=true --project tenants
lxc restart twin --project tenants
"""
NOT_ISOLATED = """
for name in filtered frozen plain routed twin unfiltered; do
    lxc config unset $name security.idmap.isolated
    [ $name != frozen ] || lxc start frozen
    lxc restart $name
done
lxc config unset twin security.idmap.isolated --project tenants
lxc restart twin --project tenants
lxc pause frozen
"""
# A second LXD, whose container has the same host ids as one of the first LXD.
SECOND = """
lxc image export $(lxc image list --format csv --columns f | head -1) /srv/image
mkdir /srv/second
export LXD_DIR=/srv/second
lxd --group lxd --logfile /srv/second.log > /dev/null 2>&1 &
lxd waitready --timeout=30
lxc storage create pool dir
lxc image import /srv/image* --alias image
lxc launch image stranger --storage pool --quiet --config security.idmap.isolated=true \
    --config security.idmap.base=$(LXD_DIR= lxc config get isolated volatile.idmap.base)
"""
NO_SECOND = """
LXD_DIR=/srv/second lxd shutdown --timeout=30
rm -r /srv/second* /srv/image*
lxc config unset isolated security.idmap.base
lxc restart isolated
"""

CASES = (
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
        with_it=("LXD-UNP-* instance/default/*", "LXD-PRV-* instance/default/*"),
    ),
    Case(
        control="LXD-UNP-02",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.idmap 'both 0 0'\nlxc restart plain",
        finding="the ID map includes host uid 0 (root), host gid 0 (root)",
        with_it=("LXD-* instance/default/plain",),
    ),
    Case(
        control="LXD-UNP-02",
        subject="instance/default/isolated",
        breaks="useradd --uid 165536 eve",
        finding="the ID map includes host uid 165536 (eve)",
        with_it=("LXD-UNP-02 *",),
        restores="userdel eve",
    ),
    Case(
        control="LXD-UNP-03",
        subject="instance/default/plain",
        breaks="lxc config set plain security.idmap.isolated=true",
        finding="the configuration says isolated, with 65536 uids of its own, "
        "the kernel still maps 10000001",
        with_it=("LXD-UNP-04 instance/default/plain", "LXD-UNP-05 *"),
        restores="lxc config unset plain security.idmap.isolated\nlxc restart plain",
    ),
    Case(
        control="LXD-UNP-03",
        subject="instance/default/privileged",
        breaks="lxc config unset privileged security.privileged",
        finding="the configuration says unprivileged, the kernel still maps the host's own ids: "
        "a restart is pending",
        with_it=("LXD-* instance/default/privileged",),
        restores="lxc config set privileged security.privileged=true\nlxc restart privileged",
    ),
    Case(
        control="LXD-UNP-03",
        subject="instance/default/isolated",
        breaks="lxc profile create based\n"
        "lxc profile set based security.idmap.base=300000\n"
        "lxc profile add isolated based",
        finding="security.idmap.base is 300000, the kernel still maps uids from 165536",
        restores="lxc profile remove isolated based\nlxc profile delete based\n"
        "lxc restart isolated",
    ),
    Case(
        # Any user of LXD may edit the ID map that it has recorded for the next start.
        control="LXD-UNP-03",
        subject="instance/default/plain",
        breaks='map=\'"Hostid":300000,"Nsid":0,"Maprange":65536\'\n'
        'uids="{\\"Isuid\\":true,\\"Isgid\\":false,$map}"\n'
        'gids="{\\"Isuid\\":false,\\"Isgid\\":true,$map}"\n'
        'lxc config set plain volatile.idmap.next "[$uids,$gids]"\n'
        "lxc restart plain",
        finding="the configuration says not isolated, the kernel maps 65536 uids from 300000",
    ),
    Case(
        control="LXD-UNP-04",
        subject="instance/default/plain",
        finding="security.idmap.isolated is not set",
        with_it=("LXD-UNP-05 *",),
        restores="lxc config unset plain security.idmap.isolated\nlxc restart plain",
    ),
    Case(
        control="LXD-UNP-04",
        subject="instance/default/isolated",
        breaks="lxc config set isolated security.idmap.isolated=off",
        finding="security.idmap.isolated is 'off'",
        with_it=("LXD-UNP-03 instance/default/isolated", "LXD-UNP-05 *"),
    ),
    Case(
        control="LXD-UNP-06",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.idmap 'gid 0 5'",
        finding="raw.idmap includes host gid 0 (root)",
        with_it=("LXD-UNP-* instance/default/plain",),
    ),
    Case(
        control="LXD-UNP-06",
        subject="instance/default/filtered",
        breaks="lxc profile set filtered security.syscalls.intercept.mount=true"
        " security.syscalls.intercept.mount.allowed=ext4",
        finding="from:     profile default/filtered, which 2 more use",
        with_it=("LXD-UNP-06 instance/default/*",),
    ),
    Case(
        control="LXD-UNP-06",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.lxc 'lxc.include = /etc/hostname'",
        finding="raw.lxc has lxc.include='/etc/hostname', which loads whatever a file",
        with_it=("LXD-UNP-03 instance/default/plain",),
    ),
    Case(
        # The monitor, root on the host, would write the container's output there.
        control="LXD-UNP-06",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.lxc 'lxc.console.logfile = /srv/printed'\n"
        "lxc restart plain\ntest -f /srv/printed",
        finding="raw.lxc has lxc.console.logfile='/srv/printed', which names a file",
        restores="rm /srv/printed",
    ),
    Case(
        control="LXD-UNP-05",
        subject="instance/default/plain",
        finding="it shares host uids 100000-10100000 with default/filtered and 7 more",
        with_it=("LXD-UNP-04 *", "LXD-UNP-05 *"),
        restores=NOT_ISOLATED,
    ),
    Case(
        # LXD itself sometimes gives two instances the same ids; an explicit base always does.
        control="LXD-UNP-05",
        subject="instance/tenants/twin",
        breaks=ISOLATED
        + "base=$(lxc config get twin volatile.idmap.base)\n"
        + "lxc config set twin security.idmap.base=$base --project tenants\n"
        + "lxc restart twin --project tenants",
        finding="with default/twin\n",
        with_it=("LXD-UNP-04 *", "LXD-UNP-05 *"),
        restores="lxc config unset twin security.idmap.base --project tenants\n" + NOT_ISOLATED,
    ),
    Case(
        control="LXD-UNP-05",
        subject="instance/default/isolated",
        breaks=ISOLATED + SECOND,
        finding="with stranger of /srv/second/containers (pid",
        with_it=("LXD-UNP-04 *", "LXD-UNP-05 *"),
        restores=NO_SECOND + NOT_ISOLATED,
    ),
    Case(
        control="LXD-PRV-03",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc lxc.cap.drop=\nlxc restart privileged",
        finding="holds SYS_MODULE",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-02",
        subject="instance/default/privileged",
        breaks="lxc config set privileged security.syscalls.deny_default=off\n"
        "lxc restart privileged",
        finding="its init process runs without a seccomp filter (Seccomp 0)",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        # A filter is active, but refuses almost nothing.
        control="LXD-PRV-02",
        subject="instance/default/privileged",
        breaks="lxc config set privileged security.syscalls.deny_compat=true\n"
        "lxc config set privileged security.syscalls.deny_default=false\n"
        "lxc restart privileged",
        finding="its filter lets reject_force_umount, kexec_load",
        with_it=("LXD-PRV-* instance/default/privileged",),
        restores="lxc config unset privileged security.syscalls.deny_compat\n"
        "lxc restart privileged",
    ),
    Case(
        control="LXD-PRV-04",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc lxc.namespace.share.ipc=$(pgrep -o -x lxd)\n"
        "lxc restart privileged",
        finding="is that of the LXD daemon and the host",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-UNP-07",
        subject="instance/default/plain",
        breaks="lxc config set plain raw.idmap 'uid 0 0'\nlxc restart plain",
        finding="its root can change settings of the host's kernel",
        with_it=("LXD-* instance/default/plain",),
    ),
    Case(
        control="LXD-PRV-07",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.seccomp '2\ndenylist\n[all]\nbpf errno 1'\n"
        "lxc restart privileged",
        finding="its root can unmount by force (umount: No such file or directory)",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-07",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc 'lxc.mount.auto = proc:rw sys:rw'\n"
        "lxc restart privileged",
        finding="its root can",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        # Another container's namespace, not the host's.
        control="LXD-PRV-04",
        subject="instance/default/privileged",
        breaks="plain=$(pgrep -P $(pgrep -f 'lxc monitor.* plain$'))\n"
        "lxc config set privileged raw.lxc lxc.namespace.share.ipc=$plain\n"
        "lxc restart privileged",
        finding="is that of plain\n",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-05",
        subject="instance/default/privileged",
        breaks="lxc profile create risky\n"
        "lxc profile set risky security.nesting=1\n"
        "lxc profile add privileged risky\nlxc restart privileged",
        finding="from:     profile default/risky",
        with_it=("LXD-PRV-* instance/default/privileged",),
        restores="lxc profile remove privileged risky\nlxc profile delete risky\n"
        "lxc restart privileged",
    ),
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        breaks="mkdir -p /srv/data\n"
        "lxc config device add privileged data disk source=/srv/data path=/mnt/data",
        finding="/mnt/data is the host's /srv/data, read-write",
        restores="rmdir /srv/data",
    ),
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        # The name is harmless, but the device number is that of the kernel's log.
        breaks="lxc config device add privileged log unix-char path=/dev/new major=1 minor=11",
        finding="/dev/new is the host's device c 1:11",
        with_it=("LXD-PRV-07 instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc 'lxc.cgroup2.devices.allow = a'\n"
        "lxc restart privileged",
        finding="no devices cgroup limits the devices that it can open",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        breaks="cp -a /var/lib/lxd/storage-pools/default/containers/privileged/rootfs /srv/root\n"
        "lxc config set privileged raw.lxc lxc.rootfs.path=dir:/srv/root\n"
        "lxc restart privileged",
        finding="its root is the host's /srv/root, read-write",
        with_it=("LXD-PRV-* instance/default/privileged",),
        restores="rm -r /srv/root",
    ),
    Case(
        control="LXD-PRV-06",
        subject="instance/default/privileged",
        breaks="lxc config set privileged raw.lxc 'lxc.mount.auto = proc:rw sys:rw\n"
        "lxc.mount.entry = /sys/fs/cgroup groups none bind,create=dir 0 0'\n"
        "lxc restart privileged",
        finding="/groups is the host's /sys/fs/cgroup, read-write; "
        "/proc/sys lets its root write to the kernel's settings; "
        "/sys lets its root write to the kernel's settings",
        with_it=("LXD-PRV-* instance/default/privileged",),
    ),
    Case(
        control="LXD-NAM-01",
        subject="host",
        finding="/sys/kernel/slab belongs to uid 0, mode 0755",
        restores="chmod 0755 /sys/kernel/slab",
    ),
    Case(
        control="LXD-NAM-02",
        subject="host",
        breaks="mount -t tmpfs -o mode=755 none /sys/kernel/debug\n"
        "mkdir /sys/kernel/debug/sched\n"
        "echo cpu > /sys/kernel/debug/sched/debug",
        finding="/sys/kernel/debug/sched/debug belongs to uid 0, mode 0644",
        restores="umount /sys/kernel/debug",
    ),
    Case(
        control="LXD-NAM-04",
        subject="host",
        breaks="mkdir -p /etc/tmpfiles.d\n"
        "echo 'z /sys/kernel/slab 0755' > /etc/tmpfiles.d/lxd.conf\n"
        "[ -x /usr/bin/systemd-tmpfiles ] || install -m 755 /bin/true /usr/bin/systemd-tmpfiles",
        finding="nothing closes /sys/kernel/slab at boot",
        restores="rm /etc/tmpfiles.d/lxd.conf /etc/tmpfiles.d/00-container-names.conf",
    ),
)
