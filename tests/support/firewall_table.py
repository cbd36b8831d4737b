"""Which frames get through, measured on LXD 5.0.2 with its nftables driver on Linux 6.18.

H: delivered to the host, P: to another instance, -: dropped; by kind of frame (`firewall.kinds`)
and by the setting of the NIC that sent it.
"""

from __future__ import annotations

SETTINGS = (
    "none",
    "mac",
    "ipv4",
    "ipv6",
    "all",
    "v4none",
    "v6none",
    "bothnone",
    "v4+v6none",
)

_TABLE = """
legit_ipv4_udp               HP HP HP HP HP -- HP -- HP
legit_arp_req                HP HP HP HP HP -- HP -- HP
legit_garp                   HP HP HP HP HP -- HP -- HP
legit_ipv6_udp               HP HP HP HP HP HP -- -- --
legit_ns_gua                 HP HP HP HP HP HP -- -- --
legit_na_gua                 HP HP HP HP HP HP -- -- --
legit_na_llsrc               HP HP HP HP HP HP -- -- --
legit_dhcp4_discover         HP HP H- HP H- -- HP -- H-
legit_dhcp6_solicit          HP HP HP H- H- HP -- -- --
legit_rs                     HP HP HP H- H- HP -- -- --
arp_probe_spa0               HP HP -- HP -- -- HP -- --
ns_dad_unspec                HP HP HP -- -- HP -- -- --
ns_llsrc                     HP HP HP -- -- HP -- -- --
ipv6_udp_llsrc_own           HP HP HP -- -- HP -- -- --
na_llsrc_lltarget_own        HP HP HP -- -- HP -- -- --
mac_spoof_ipv4               HP -- -- -- -- -- -- -- --
mac_spoof_ipv6               HP -- -- -- -- -- -- -- --
mac_spoof_arp_shaOwn         HP -- -- -- -- -- -- -- --
mac_spoof_88b5               HP -- -- -- -- -- -- -- --
mac_spoof_dhcp4              HP -- -- -- -- -- -- -- --
arp_spoof_sha                HP -- -- -- -- -- -- -- --
arp_spoof_sha_htype6         HP -- -- -- -- -- -- -- --
arp_reply_spoof_spa          HP HP -- HP -- -- HP -- --
garp_spoof_spa               HP HP -- HP -- -- HP -- --
arp_spoof_spa_gw             HP HP -- HP -- -- HP -- --
arp_spoof_spa_vid0           HP HP -- -- -- HP HP HP --
arp_spoof_sha_vid0           HP HP -- -- -- HP HP HP --
ipv4_spoof_src               HP HP -- HP -- -- HP -- --
ipv4_spoof_src_frag2         HP HP -- HP -- -- HP -- --
ipv4_spoof_offsubnet         HP HP -- HP -- -- HP -- --
ipv4_spoof_vid0              HP HP -- -- -- HP HP HP --
ipv4_own_vid0                HP HP -- -- -- HP HP HP --
ipv4_bcast67_covert          HP HP H- HP H- -- HP -- H-
dhcp4_rogue_server_offer     HP HP HP HP HP -- HP -- HP
dhcp4_starve_chaddr          HP HP H- HP H- -- HP -- H-
ipv6_spoof_src               HP HP HP -- -- HP -- -- --
ipv6_spoof_src_vid0          HP HP -- -- -- HP HP HP --
ipv6_spoof_llsrc             HP HP HP -- -- HP -- -- --
na_spoof_target_llsrc        HP HP HP -- -- HP -- -- --
na_spoof_target_ownsrc       HP HP HP HP HP HP -- -- --
na_spoof_target_vicsrc       HP HP HP -- -- HP -- -- --
na_spoof_target_ownsrc_vid0  HP HP -- -- -- HP HP HP --
na_own_target_vicsrc         HP HP HP HP HP HP -- -- --
na_spoof_tlla                HP -- -- -- -- -- -- -- --
na_spoof_target_no_tlla      HP -- -- -- -- -- -- -- --
na_noopt_spoof_ownsrc        HP HP HP HP HP HP -- -- --
na_noopt_spoof_llsrc         HP HP HP -- -- HP -- -- --
na_spoof_exthdr_llsrc        HP HP HP HP HP HP -- -- --
na_spoof_exthdr_vicsrc       HP HP HP HP HP HP -- -- --
na_spoof_exthdr_ownsrc       HP HP HP HP HP HP -- -- --
na_spoof_tlla_exthdr8        HP -- -- -- -- -- -- -- --
ns_spoof_slla                HP HP HP HP HP HP -- -- --
ns_spoof_src                 HP HP HP -- -- HP -- -- --
ra_rogue                     HP HP HP -- -- HP -- -- --
ra_rogue_guasrc              HP HP HP -- -- HP -- -- --
ra_rogue_dstopts             HP HP HP -- -- HP -- -- --
ra_rogue_hbh                 HP HP HP -- -- HP -- -- --
ra_rogue_atomicfrag          HP HP HP -- -- HP -- -- --
ra_rogue_frag2               HP HP HP -- -- HP -- -- --
ra_guasrc_frag2              HP HP HP HP HP HP -- -- --
ra_rogue_vid0                HP HP -- -- -- HP HP HP --
icmp6_redirect_ll            HP HP HP -- -- HP -- -- --
vlan100_ipv4_spoof           HP HP -- -- -- HP HP HP --
vlan100_arp_spoof            HP HP -- -- -- HP HP HP --
qinq_88a8_8100_ipv4          HP HP -- -- -- HP HP HP --
qinq_8100_8100_vid0          HP HP -- -- -- HP HP HP --
s_tag_88a8_vid0_ipv4         HP HP -- -- -- HP HP HP --
lldp_88cc_bcast              HP HP -- -- -- HP HP HP --
lldp_88cc_linklocal          -- -- -- -- -- -- -- -- --
eth_88b5_bcast               HP HP -- -- -- HP HP HP --
llc_802_3                    HP HP -- -- -- HP HP HP --
pppoe_8864_ipv4              HP HP -- -- -- HP HP HP --
mpls_8847                    HP HP -- -- -- HP HP HP --
"""

MEASURED = {
    name: dict(zip(SETTINGS, cells, strict=True))
    for name, *cells in (line.split() for line in _TABLE.strip().splitlines())
}
