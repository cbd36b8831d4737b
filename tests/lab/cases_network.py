"""Cases of the controls for networks and NICs: see `both_ways`."""

from __future__ import annotations

from .both_ways import Case

NOT_SHOWN: dict[str, str] = {}

FILTERED = "nic/default/filtered/eth0"
HARDENED = "LXD-BRI-0[67] nic/default/hardened/eth0"

CASES = (
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
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# flushed\nnft delete table bridge lxd",
        finding="LXD's table `bridge lxd` is not in the kernel: its rules were flushed; "
        "reaches the host: ",
        with_it=(HARDENED,),
        restores="lxc restart hardened",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# one chain of the two\nnft flush chain bridge lxd fwd.filtered.eth0",
        finding="LXD's chain fwd.filtered.eth0 is empty: its rules were flushed; "
        "reaches other instances: ",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# dormant\nnft 'add table bridge lxd { flags dormant; }'",
        finding="LXD's table `bridge lxd` is dormant: ",
        with_it=(HARDENED,),
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# an accept in front\n"
        "nft 'insert rule bridge lxd in.filtered.eth0 ether type arp accept'",
        finding="a rule accepts it before LXD's can drop it: ether type arp accept; "
        "reaches the host: ARP",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# an accept of one other address only\n"
        "nft 'insert rule bridge lxd fwd.filtered.eth0 ip saddr 198.51.100.99 accept'",
        finding="reaches other instances: IPv4 UDP 40000 to 40000 from 198.51.100.99 ",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# renamed\nname=$(lxc config get filtered volatile.eth0.host_name)\n"
        "ip link set $name down\nip link set $name name other0\nip link set other0 up",
        finding="; lxdbr0 has ports that LXD does not know: other0",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# moved\nip link set $(lxc config get filtered volatile.eth0.host_name) "
        "master lxdbr1",
        finding="is a port of lxdbr1, not of lxdbr0",
    ),
    Case(
        # What is left of an instance that died while the daemon was down.
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="""# stale
            name=$(lxc config get filtered volatile.eth0.host_name)
            nft -s list chain bridge lxd in.filtered.eth0 > /srv/chain
            sed -i -E 's/( saddr ip | ip saddr )10[.]85[.][0-9.]+/\\110.85.254.7/' /srv/chain
            nft flush chain bridge lxd in.filtered.eth0
            { echo 'table bridge lxd {'; sed -n '2,$p' /srv/chain; } > /srv/rules
            nft --file /srv/rules
            rm /srv/chain /srv/rules""",
        finding="the rules drop what is the NIC's own: they are for other addresses than LXD's",
    ),
    Case(
        # As it is: LXD's rules fall short of its guide.
        control="LXD-BRI-07",
        subject=FILTERED,
        finding="are LXD's and in force, and do not drop neighbour advertisements",
        restores="nft delete table bridge lxd_gap",
    ),
    Case(
        control="LXD-BRI-08",
        subject="nic/default/unfiltered/eth0",
        breaks="lxc config device set unfiltered eth0 "
        "security.ipv4_filtering=true ipv4.address=none",
        finding="are LXD's and in force, and do not drop",
        with_it=("LXD-BRI-* nic/default/unfiltered/eth0",),
        restores="nft delete table bridge lxd_gap\n"
        "lxc config device unset unfiltered eth0 ipv4.address\n"
        "lxc config device unset unfiltered eth0 security.ipv4_filtering",
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
