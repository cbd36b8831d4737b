"""Cases of the controls for networks and NICs. See `both_ways`."""

from __future__ import annotations

from tests.lab.both_ways import Case

NOT_SHOWN: dict[str, str] = {
    "LXD-RTD-04": "what breaks it goes on while it lasts, and its command comes after the end of "
    "that: shown in test_probes",
}

PAIR = "$(lxc config get routed volatile.eth0.host_name)"
UNSET = "lxc profile device unset default eth0 security."
NEW = "* nic/default/plain/eth9"
REMOVE = "lxc config device remove plain eth9"
# A dnsmasq that gives out addresses on LXD's bridge, besides LXD's own.
ROGUE = (
    "dnsmasq --port=0 --conf-file=/dev/null --pid-file= --dhcp-leasefile=/tmp/rogue.leases "
    "--bind-interfaces --except-interface=lo --interface=lxdbr0 "
    "--dhcp-range=10.85.9.2,10.85.9.9"
)

FILTERED = "nic/default/filtered/eth0"
HARDENED = "LXD-BRI-0[67] nic/default/hardened/eth0"

# The kernel's rules follow the configuration.
RULES = ("LXD-BRI-0[678] nic/default/*", "LXD-BRI-12 nic/default/*")

CASES = (
    Case(
        control="LXD-BRI-01",
        subject="network/default/lxdbr0",
        breaks=ROGUE,
        finding="a dnsmasq that LXD did not start serves lxdbr0",
    ),
    Case(
        control="LXD-BRI-01",
        subject="network/default/lxdbr0",
        breaks="lxc network set lxdbr0 raw.dnsmasq=user=root",
        finding="the dnsmasq of lxdbr0 is root",
    ),
    Case(
        control="LXD-BRI-01",
        subject="network/default/lxdbr1",
        breaks="pid=$(sed -n 's/^pid: //p' /var/lib/lxd/networks/lxdbr1/dnsmasq.pid); "
        "kill $pid; timeout 10 tail --pid=$pid -f /dev/null",
        finding="no dnsmasq of LXD serves lxdbr1",
    ),
    Case(
        control="LXD-BRI-02",
        subject="network/default/lxdbr0",
        breaks="lxc network set lxdbr0 dns.mode=dynamic",
        finding="dns.mode is 'dynamic': clients name themselves",
    ),
    Case(
        control="LXD-BRI-02",
        subject="network/default/lxdbr0",
        breaks="lxc network set lxdbr0 raw.dnsmasq="
        "'dhcp-host=00:16:3e:00:00:01,evil' dns.mode=dynamic",
        finding="raw.dnsmasq has dhcp-host=00:16:3e:00:00:01,evil",
    ),
    Case(
        control="LXD-BRI-03",
        subject="nic/default/plain/eth0",
        finding="from:     profile default/default, which 6 more use",
        with_it=("LXD-BRI-03 nic/default/*", *RULES),
        restores="lxc profile device unset default eth0 security.mac_filtering",
    ),
    Case(
        control="LXD-BRI-03",
        subject="nic/default/unfiltered/eth0",
        breaks="lxc config device set unfiltered eth0 security.mac_filtering=enabled",
        finding="security.mac_filtering is 'enabled', which LXD reads as off",
        with_it=RULES,
        restores="lxc config device unset unfiltered eth0 security.mac_filtering",
    ),
    Case(
        control="LXD-BRI-04",
        subject="nic/default/plain/eth0",
        finding="security.ipv4_filtering is not set; lxdbr0 carries IPv4 (10.85.0.1/16)",
        with_it=("LXD-BRI-0[34] nic/default/*", *RULES),
        restores=f"{UNSET}ipv4_filtering",
    ),
    Case(
        control="LXD-BRI-04",
        subject="nic/default/filtered/eth0",
        breaks="lxc config device override filtered eth0 ipv4.routes=10.85.7.0/24,192.0.2.128/25",
        finding="it may send as others on lxdbr0 (10.85.0.0/16)",
        with_it=RULES,
        restores="lxc config device remove filtered eth0",
    ),
    Case(
        control="LXD-BRI-04",
        subject="nic/default/plain/eth9",
        breaks="ip link add br9 type bridge && "
        "lxc config device add plain eth9 nic nictype=bridged parent=br9",
        finding="br9 is not LXD's bridge, and may carry IPv4",
        with_it=(NEW, *RULES),
        restores=f"{REMOVE} && ip link del br9",
    ),
    Case(
        control="LXD-BRI-05",
        subject="nic/default/plain/eth0",
        finding="security.ipv6_filtering is not set; lxdbr0 carries IPv6 (fd85:5ec::1/64)",
        with_it=("LXD-BRI-0[35] nic/default/*", *RULES),
        restores=f"{UNSET}ipv6_filtering",
    ),
    Case(
        control="LXD-BRI-05",
        subject="nic/default/hardened/eth0",
        breaks="lxc config device override hardened eth0 security.ipv6_filtering=y",
        finding="security.ipv6_filtering is 'y', which LXD reads as off",
        with_it=RULES,
        restores="lxc config device remove hardened eth0",
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
        breaks="# an accept of one port only\n"
        "nft 'insert rule bridge lxd in.filtered.eth0 udp dport 5353 accept'",
        finding="a rule accepts it before LXD's can drop it: udp dport 5353 accept; "
        "reaches the host: ",
    ),
    Case(
        control="LXD-BRI-06",
        subject=FILTERED,
        breaks="# an accept towards one port of the bridge\n"
        "nft 'insert rule bridge lxd fwd.filtered.eth0 oifname vethpeer accept'",
        finding="a rule accepts it before LXD's can drop it: oifname vethpeer accept; "
        "reaches other instances: ",
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
        # The leftover of an instance that ended while the daemon was down.
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
        # The default: LXD's rules do less than its guide promises.
        control="LXD-BRI-07",
        subject=FILTERED,
        finding="are loaded, but they do not drop neighbour advertisements",
        restores="nft delete table bridge lxd_gap",
    ),
    Case(
        control="LXD-BRI-08",
        subject="nic/default/unfiltered/eth0",
        breaks="lxc config device set unfiltered eth0 "
        "security.ipv4_filtering=true ipv4.address=none",
        finding="are loaded, but they do not drop",
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
        control="LXD-BRI-09",
        subject="network/default/lxdbr0",
        # Like systemd-networkd, which receives advertisements itself.
        breaks="sysctl -w net/ipv6/conf/lxdbr0/accept_ra=0 && "
        "ip -6 route add 2001:db8:99::/64 via fe80::99 dev lxdbr0 proto ra table 77",
        finding="route to 2001:db8:99::/64 via fe80::99 was learned from an RA",
        restores="sysctl -w net/ipv6/conf/lxdbr0/accept_ra=2",
    ),
    Case(
        control="LXD-BRI-10",
        subject="nic/default/plain/eth9",
        breaks="lxc config device add plain eth9 nic nictype=p2p",
        finding="a p2p NIC: its pair ends on the host with no filter at all",
        with_it=(NEW,),
        restores=REMOVE,
    ),
    Case(
        control="LXD-BRI-10",
        subject="nic/default/plain/eth9",
        breaks="lxc config device add plain eth9 nic nictype=macvlan parent=up0",
        finding="a macvlan NIC: its frames go out by the parent",
        with_it=(NEW,),
        restores=REMOVE,
    ),
    Case(
        control="LXD-BRI-11",
        subject="profile/default/default",
        finding="eth0 lacks security.mac_filtering and security.ipv4_filtering",
        with_it=("LXD-BRI-0[345] nic/default/*", *RULES),
        restores=" && ".join(f"{UNSET}{name}_filtering" for name in ("mac", "ipv4", "ipv6")),
    ),
    Case(
        control="LXD-RTD-01",
        subject="nic/default/routed/eth0",
        breaks=f"sysctl -w net/ipv6/conf/{PAIR}/accept_ra=2",
        finding="is 2",
    ),
    Case(
        control="LXD-RTD-02",
        subject="nic/default/routed/eth0",
        breaks="nft delete chain inet lxd prert.routed.eth0",
        finding="no rule drops spoofed IPv4 of veth",
    ),
    Case(
        control="LXD-RTD-02",
        subject="nic/default/routed/eth0",
        # The rule of an earlier NIC: it compares the interface's index.
        breaks="nft flush chain inet lxd prert.routed.eth0 && nft add rule "
        "inet lxd prert.routed.eth0 iif 4099 fib saddr . iif oif missing drop",
        finding="no rule drops spoofed IPv6 of veth",
    ),
    Case(
        control="LXD-RTD-02",
        subject="nic/default/routed/eth0",
        breaks="nft insert rule inet lxd prert.routed.eth0 meta nfproto ipv6 accept && "
        "sysctl -w net.ipv4.conf.all.rp_filter=2",
        finding="no rule drops spoofed IPv6 of veth",
        restores="for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done; "
        f"echo 1 > /proc/sys/net/ipv4/conf/{PAIR}/rp_filter",
    ),
    Case(
        control="LXD-RTD-02",
        subject="nic/default/routed/eth0",
        breaks="sysctl -w net.ipv4.conf.all.rp_filter=2",
        finding="rp_filter in force is 2 (of all 2, of veth",
        restores="for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $file; done; "
        f"echo 1 > /proc/sys/net/ipv4/conf/{PAIR}/rp_filter",
    ),
    Case(
        control="LXD-RTD-03",
        subject="nic/default/routed/eth0",
        breaks=f"ip -4 route del 192.0.2.50/32 dev {PAIR} && "
        f"ip -6 route add 2001:db8:5:5::/64 via 2001:db8:5::50 dev {PAIR}",
        finding="there is no route to 192.0.2.50/32 in table main; the route to 2001:db8:5:5::/64",
    ),
    Case(
        control="LXD-RTD-03",
        subject="nic/default/routed/eth0",
        breaks="ip addr add 192.0.2.50/32 dev up0 && ip -4 route add 192.0.2.50 dev up1 metric 9",
        finding="the route to 192.0.2.50/32 (local) by up0 in table local leads elsewhere; "
        "the route to 192.0.2.50/32 by up1 in table main leads elsewhere",
        restores="ip addr del 192.0.2.50/32 dev up0",
    ),
    Case(
        control="LXD-BRI-12",
        subject="nic/default/filtered/eth0",
        finding="the gaps are in LXD itself, not in the configuration (LXD-BRI-07",
        with_it=("LXD-BRI-0? nic/default/*", "LXD-BRI-12 nic/default/*"),
        restores="lxc profile device unset filtered eth0 ipv6.address",
        probes=True,
    ),
    Case(
        control="LXD-BRI-12",
        subject="nic/default/filtered/eth0",
        breaks="lxc profile device set filtered eth0 ipv4.address=none ipv6.address=none",
        finding="the gaps are in LXD itself, not in the configuration (LXD-BRI-08",
        with_it=("LXD-BRI-0? nic/default/*", "LXD-BRI-12 nic/default/*"),
        restores="lxc profile device unset filtered eth0 ipv6.address",
        probes=True,
    ),
    Case(
        control="LXD-BRI-13",
        subject="network/default/lxdbr0",
        finding="a gap of LXD's own and not of the configuration",
        restores="lxc network unset lxdbr0 dns.mode",
        probes=True,
    ),
    Case(
        control="LXD-BRI-13",
        subject="network/default/lxdbr1",
        breaks="lxc network set lxdbr1 dns.mode=dynamic",
        finding="the name that a client gives becomes its record, as dns.mode asks for",
        with_it=("LXD-BRI-02 network/default/lxdbr1",),
        restores="lxc network unset lxdbr1 dns.mode",
        probes=True,
    ),
)
