"""Cases of the controls for networks and NICs: see `both_ways`."""

from __future__ import annotations

from .both_ways import Case

NOT_SHOWN: dict[str, str] = {
    "LXD-RTD-04": "what breaks it goes on while it lasts, and its command comes after the end of "
    "that: shown in test_probes",
}

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
    Case(
        control="LXD-BRI-12",
        subject="nic/default/filtered/eth0",
        finding="by gaps that are LXD's own and not the configuration's (LXD-BRI-07",
        with_it=("LXD-BRI-0? nic/default/*", "LXD-BRI-12 nic/default/*"),
        restores="lxc profile device unset filtered eth0 ipv6.address",
        probes=True,
    ),
    Case(
        control="LXD-BRI-12",
        subject="nic/default/filtered/eth0",
        breaks="lxc profile device set filtered eth0 ipv4.address=none ipv6.address=none",
        finding="by gaps that are LXD's own and not the configuration's (LXD-BRI-08",
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
        restores="lxc network unset lxdbr1 dns.mode",
        probes=True,
    ),
)
