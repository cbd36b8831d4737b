"""Cases of the controls for containers: see `both_ways`."""

from __future__ import annotations

from .both_ways import Case

NOT_SHOWN: dict[str, str] = {}

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
)
