"""iptables-save, ip6tables-save and ebtables-save."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pytest_lxdsec.firewall.evaluation import evaluate
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.frames import encode, ethernet
from pytest_lxdsec.firewall.model import packet
from pytest_lxdsec.firewall.parsers import ebtables, iptables, nft, nft_shims, xtables_save
from pytest_lxdsec.firewall.spoofing import frame_kinds
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples
from tests.support.firewall_examples import at_input, syn


def decided(
    *lines: str, policy: str = "ACCEPT", source: str = "10.0.0.1", iifname: str = "eth0"
) -> Decision:
    family = "ip6" if ":" in source else "ip"
    text = "\n".join(["*filter", f":INPUT {policy} [0:0]", ":own - [0:0]", *lines, "COMMIT"])
    return at_input(iptables.decode(text, family), syn(source, iifname=iifname)).decision


@pytest.mark.parametrize(
    "condition",
    [
        "-s 10.0.0.0/8",
        "-s 10.0.0.1/32",
        "! -s 192.0.2.0/24",
        "-s 10.0.0.1/255.0.0.255",
        "-d 192.0.2.10/32",
        "-p tcp",
        "! -p udp",
        "-i eth0",
        "-i eth+",
        "! -i lo",
        "-p tcp -m tcp --dport 8443",
        "-p tcp -m tcp --dport 8000:9000",
        "-p tcp -m tcp ! --dport 22",
        "-p tcp -m tcp --sport 1024:65535",
        "-p tcp -m multiport --dports 22,8000:9000",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
        "-m state --state NEW",
        "-m conntrack --ctstate NEW,RELATED",
        "-m conntrack ! --ctstate ESTABLISHED",
        "-m iprange --src-range 10.0.0.1-10.0.0.9",
        "-m mark --mark 0x0/0xff",
        "-m addrtype --dst-type LOCAL",
        '-m comment --comment "with -j ACCEPT in it"',
        "-m rpfilter",
    ],
)
def test_condition_holds(condition: str) -> None:
    assert decided(f"-A INPUT {condition} -j DROP") is Decision.DROP


@pytest.mark.parametrize(
    "condition",
    [
        "-s 192.0.2.0/24",
        "! -s 10.0.0.0/8",
        "-p udp",
        "-i eth1",
        "-f",
        "-p tcp -m tcp --dport 22",
        "-p tcp -m multiport ! --dports 22,8000:9000",
        "-m state --state ESTABLISHED",
        "-m conntrack ! --ctstate NEW",
        "-m iprange ! --src-range 10.0.0.1-10.0.0.9",
        "-m mark --mark 0x1",
        "-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK",
        "-m rpfilter --invert",
        "-p icmp -m icmp --icmp-type 8",
    ],
)
def test_condition_does_not_hold(condition: str) -> None:
    assert decided(f"-A INPUT {condition} -j DROP") is Decision.ACCEPT


@pytest.mark.parametrize(
    "condition",
    [
        "-m limit --limit 5/sec",
        "-m recent --set --name DEFAULT --mask 255.255.255.255 --rsource",
        "-m set --match-set banned src",
        "-m physdev --physdev-in veth1",
        "-m mac --mac-source 02:00:00:00:00:01",
        "-m string --string bad --algo bm --icase",
        '-m string --hex-string "|616" --algo bm',
        "-m string --string bad --algo bm -m string --string worse --algo bm --from 9",
        "-m conntrack --ctproto 6",
        "-m conntrack --ctstate DNAT",
        "-m rpfilter --loose",
        "-p tcp -m tcp --tcp-option 8",
        "--frobnicate",
        "-s nonsense",
    ],
)
def test_condition_that_is_not_modelled_cannot_be_told(condition: str) -> None:
    assert decided(f"-A INPUT {condition} -j DROP") is Decision.UNKNOWN


@pytest.mark.parametrize("target", ["DROP", "REJECT --reject-with tcp-reset"])
def test_target_drops(target: str) -> None:
    assert decided(f"-A INPUT -j {target}") is Decision.DROP


@pytest.mark.parametrize("target", ["NFQUEUE --queue-num 1", "TPROXY --on-port 1", "MADEUP"])
def test_target_that_is_not_modelled_cannot_be_told(target: str) -> None:
    assert decided(f"-A INPUT -j {target}") is Decision.UNKNOWN


@pytest.mark.parametrize("target", ["LOG --log-prefix x", "NFLOG", "MARK --set-xmark 0x1"])
def test_target_that_goes_on_does_not_decide(target: str) -> None:
    assert decided(f"-A INPUT -j {target}", policy="DROP") is Decision.DROP


def test_jump_comes_back_and_goto_does_not() -> None:
    lines = [decided(f"-A INPUT {way} own", "-A INPUT -j DROP") for way in ("-j", "-g")]
    assert lines == [Decision.DROP, Decision.ACCEPT]


def test_ipv6_is_read() -> None:
    line = "-A INPUT -s 2001:db8::/32 -p tcp -m tcp --dport 8443 -j DROP"
    assert decided(line, source="2001:db8::1") is Decision.DROP


def test_counters_are_no_matter() -> None:
    assert decided("[3:180] -A INPUT -j DROP") is Decision.DROP


@pytest.mark.parametrize(
    "text", ["-A INPUT -j DROP", "*filter\nnonsense", "*filter\n-A X -j DROP"]
)
def test_what_is_no_save_is_refused(text: str) -> None:
    with pytest.raises(xtables_save.NotUnderstood):
        iptables.decode(text, "ip")


def test_marks_of_mangle_are_seen_by_filter() -> None:
    text = (
        "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x7/0xffffffff\n"
        "COMMIT\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x7 -j DROP\nCOMMIT\n"
    )
    assert evaluate.path(iptables.decode(text, "ip"), syn()).is_dropped


def shim(*expressions: Mapping[str, object], line: str) -> Decision:
    """Return a rule of the shim: what nft prints of it, and what the save does."""
    text = json.dumps(examples.document(("INPUT", [list(expressions)]), family="ip"))
    saved = iptables.decode(f"*t\n:INPUT ACCEPT [0:0]\n-A INPUT {line}\nCOMMIT\n", "ip")
    return at_input(nft_shims.overlay(nft.decode(text), saved)).decision


XT = {"xt": {"type": "match", "name": "iprange"}}


def test_what_nft_cannot_print_is_read_from_the_save() -> None:
    line = "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP"
    assert shim(XT, examples.DROP, line=line) is Decision.DROP


def test_condition_that_the_save_forgets_is_kept() -> None:
    other = examples.match("tcp dport", 22)
    line = "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP"
    assert shim(other, XT, examples.DROP, line=line) is Decision.ACCEPT


def test_rule_that_nft_knows_is_not_read_from_the_save() -> None:
    assert shim(examples.ACCEPT, line="-j DROP") is Decision.ACCEPT


def test_save_with_another_count_of_rules_is_no_help() -> None:
    assert shim(XT, examples.DROP, line="-j DROP\n-A INPUT -j DROP") is Decision.UNKNOWN


# --- ebtables --------------------------------------------------------------------------------

SAVE = """*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
-A INPUT -s ! 00:16:3e:86:47:9a -i vethx -j DROP
-A INPUT -p ARP -i vethx --arp-mac-src ! 00:16:3e:86:47:9a -j DROP
-A INPUT -p ARP -i vethx --arp-ip-src 10.85.0.4 -j ACCEPT
-A INPUT -p IPv4 -i vethx --ip-src 0.0.0.0 --ip-proto udp --ip-dport 67 -j ACCEPT
-A INPUT -p IPv4 -i vethx --ip-src 10.85.0.4 -j ACCEPT
-A INPUT -p IPv6 -i vethx --ip6-src fe80::/10 --ip6-proto udp --ip6-dport 547 -j ACCEPT
-A INPUT -p IPv6 -i vethx --ip6-proto ipv6-icmp --ip6-icmp-type 134 -j DROP
-A INPUT -p IPv6 -i vethx --ip6-src fd85:5ec::216:3eff:fe86:479a -j ACCEPT
-A INPUT -i vethx -j DROP
"""


@pytest.mark.parametrize(
    ("kind", "is_accepted"),
    [
        ("legit_ipv4_udp", True),
        ("legit_garp", True),
        ("legit_dhcp4_discover", True),
        ("legit_dhcp6_solicit", True),
        ("legit_ipv6_udp", True),
        ("mac_spoof_ipv4", False),
        ("arp_spoof_sha", False),
        ("arp_spoof_sha_htype6", True),
        ("garp_spoof_spa", False),
        ("ipv4_spoof_src", False),
        ("ra_rogue_guasrc", False),
        ("ipv6_spoof_src", False),
        ("vlan100_ipv4_spoof", False),
        ("llc_802_3", False),
    ],
)
def test_ebtables_holds_a_nic_to_its_addresses(kind: str, is_accepted: bool) -> None:  # noqa: FBT001 - parametrized
    octets = encode.octets(frame_kinds.every(examples.nic("all"), NOBODY)[kind])
    seen = packet.bridged(octets, iifname="vethx")
    verdict = evaluate.evaluate(ebtables.decode(SAVE), seen, hook="input", family="bridge")
    assert verdict.decision is (Decision.ACCEPT if is_accepted else Decision.DROP)


def test_option_of_ebtables_that_is_not_known_cannot_be_told() -> None:
    text = "*filter\n:INPUT ACCEPT\n-A INPUT -i vethx --stp-type 1 -j DROP\n"
    octets = encode.octets(frame_kinds.every(examples.nic("all"), NOBODY)["legit_garp"])
    seen = packet.bridged(octets, iifname="vethx")
    verdict = evaluate.evaluate(ebtables.decode(text), seen, hook="input", family="bridge")
    assert verdict.decision is Decision.UNKNOWN


# --- behind a bridge -------------------------------------------------------------------------

BESIDE = examples.nic("all")
FOREIGN = frame_kinds.every(BESIDE, NOBODY)["na_spoof_target_ownsrc"]


def behind(condition: str, *, hook: str = "forward", is_handed_over: bool = True) -> Decision:
    """Return what ip6tables does with a foreign advertisement that crossed a bridge."""
    chain = hook.upper()
    text = f"*filter\n:{chain} ACCEPT [0:0]\n-A {chain} {condition} -j DROP\nCOMMIT"
    out = "veth-of-another" if hook == "forward" else ""
    seen = packet.bridged(
        encode.octets(FOREIGN), iifname=BESIDE.interface, oifname=out, bridge="lxdbr0"
    )
    after = packet.behind_bridge(seen, is_handed_over=is_handed_over)
    ruleset = iptables.decode(text, "ip6")
    return evaluate.evaluate(ruleset, after, hook=hook, family="ip6").decision


OTHER_ADDRESS = NOBODY.other_ipv6.packed.hex()


@pytest.mark.parametrize(
    "condition",
    [
        f"-m physdev --physdev-in {BESIDE.interface}",
        "-m physdev ! --physdev-in vethother",
        "-m physdev --physdev-is-bridged",
        "-i lxdbr0",
        f'-m string ! --hex-string "|{BESIDE.own_ipv6.packed.hex()}|" --algo bm --from 48 --to 64',
        "-m conntrack --ctstate UNTRACKED",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 136",
    ],
)
def test_condition_holds_behind_a_bridge(condition: str) -> None:
    assert behind(condition) is Decision.DROP


@pytest.mark.parametrize(
    "condition",
    [
        "-m physdev --physdev-in vethother",
        f"-m physdev ! --physdev-in {BESIDE.interface}",
        "-m physdev ! --physdev-is-bridged",
        f"-i {BESIDE.interface}",
        f'-m string ! --hex-string "|{OTHER_ADDRESS}|" --algo bm --from 48 --to 64',
        "-m conntrack --ctstate NEW",
    ],
)
def test_condition_does_not_hold_behind_a_bridge(condition: str) -> None:
    assert behind(condition) is Decision.ACCEPT


def test_bytes_that_end_too_late_are_found_by_some_kernels() -> None:
    search = f'-m string ! --hex-string "|{OTHER_ADDRESS}|" --algo bm --from 48 --to 60'
    assert behind(search) is Decision.UNKNOWN


def test_bytes_that_begin_elsewhere_are_not_found() -> None:
    search = f'-m string ! --hex-string "|{OTHER_ADDRESS}|" --algo bm --from 49 --to 64'
    assert behind(search) is Decision.DROP


def test_drop_of_what_is_found_is_one_to_get_round() -> None:
    """A packet in two pieces, and the bytes across them, are not found."""
    search = f'-m string --hex-string "|{OTHER_ADDRESS}|" --algo bm --from 48 --to 64'
    assert behind(search) is Decision.UNKNOWN


@pytest.mark.parametrize("hook", ["input", "forward"])
def test_port_by_the_beginning_of_its_name_cannot_be_told(hook: str) -> None:
    assert behind("-m physdev --physdev-in veth+", hook=hook) is Decision.UNKNOWN


def test_frame_for_the_host_is_not_bridged_on() -> None:
    assert behind("-m physdev --physdev-is-bridged", hook="input") is Decision.ACCEPT


def test_port_is_forgotten_where_br_netfilter_is_off() -> None:
    own = f"-m physdev --physdev-in {BESIDE.interface}"
    assert behind(own, hook="input", is_handed_over=False) is Decision.ACCEPT


def test_text_is_searched_as_it_is() -> None:
    assert decided("-A INPUT -m string --string x --algo bm -j DROP") is Decision.UNKNOWN


def headers(*extensions: ethernet.Extension) -> bytes:
    content = ethernet.Ipv6(
        source=BESIDE.own_ipv6,
        destination=NOBODY.bridge_ipv6,
        content=ethernet.Router(type=134),
        extensions=extensions,
    )
    return encode.content_octets(content)


@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        ((), (58, 40)),
        ((ethernet.Options(number=60),), (58, 48)),
        ((ethernet.Options(number=0), ethernet.Authentication()), (58, 72)),
        ((ethernet.Fragment(),), (58, 48)),
        ((ethernet.Fragment(offset=1),), (44, 40)),
    ],
)
def test_ebtables_looks_behind_all_headers(
    extensions: tuple[ethernet.Extension, ...], found: tuple[int, int]
) -> None:
    assert packet.skipped(headers(*extensions)) == found


def test_ebtables_finds_nothing_behind_a_header_that_is_cut_short() -> None:
    assert packet.skipped(headers(ethernet.Options(number=60))[:44]) is None


BROUTING = "*broute\n:BROUTING {}\n{}"


@pytest.mark.parametrize(
    ("policy", "line", "decision"),
    [
        ("ACCEPT", "", Decision.DROP),
        ("ACCEPT", "-A BROUTING -i vethx -j DROP\n", Decision.UNKNOWN),
        ("ACCEPT", "-A BROUTING -p IPv4 -i vethx -j DROP\n", Decision.UNKNOWN),
        ("ACCEPT", "-A BROUTING -p IPv6 -i vethx -j DROP\n", Decision.DROP),
        ("ACCEPT", "-A BROUTING -i vethy -j DROP\n", Decision.DROP),
        ("DROP", "", Decision.UNKNOWN),
        ("DROP", "-A BROUTING -i vethx -j ACCEPT\n", Decision.DROP),
    ],
)
def test_frame_that_is_routed_instead_of_bridged_is_not_held(
    policy: str, line: str, decision: Decision
) -> None:
    octets = encode.octets(frame_kinds.every(examples.nic("all"), NOBODY)["ipv4_spoof_src"])
    seen = packet.bridged(octets, iifname="vethx")
    ruleset = ebtables.decode(BROUTING.format(policy, line) + SAVE)
    verdict = evaluate.path(ruleset, seen, hooks=("prerouting", "input"))
    assert verdict.decision is decision


def test_frame_that_nft_has_routed_is_not_held() -> None:
    broute = {"mangle": {"key": {"meta": {"key": "broute"}}, "value": 1}}
    early = examples.made(
        ("b", [[broute, examples.ACCEPT]]), family="bridge", hook="prerouting", prio=-300
    )
    octets = encode.octets(frame_kinds.every(examples.nic("all"), NOBODY)["ipv4_spoof_src"])
    seen = packet.bridged(octets, iifname="vethx")
    verdict = evaluate.path(early + ebtables.decode(SAVE), seen, hooks=("prerouting", "input"))
    assert verdict.decision is Decision.UNKNOWN
