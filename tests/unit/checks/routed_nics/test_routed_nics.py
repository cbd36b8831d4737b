"""LXD-RTD-02 and 03, and LXD-BRI-09's learnt routes: what the host makes of a routed NIC."""

from __future__ import annotations

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_filters, evidence_sweep, judging
from tests.support.evidence_documents import GONE, Document, add, attach, configure, missing, patch
from tests.support.evidence_sweep import route

NIC = "nic/default/router1/eth0"
PAIR = "vethrouter1"
NUMBER = 6  # `evidence_sweep.links`
DEVICE = {"type": "nic", "name": "eth0", "nictype": "routed", "parent": "enp1s0"}


def judge(document: Document, control: str, subject: str = NIC) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))[control, subject]
    return found.verdict, judging.text(found) if found.finding else found.reason


# --- LXD-RTD-02 --------------------------------------------------------------------------------


def filtered(*parts: evidence_filters.Rules, document: Document | None = None) -> Document:
    base = evidence_documents.baseline() if document is None else document
    return patch(base, "host.filters", to={"value": evidence_filters.of(parts)})


def with_modes(every: object, own: object) -> Document:
    document = evidence_documents.baseline()
    for name, mode in (("all", every), (PAIR, own)):
        place = ("host.network", "interfaces", name, "ipv4", "rp_filter")
        document = patch(document, *place, to=mode)
    return document


def rule(interface: str | int = PAIR, *more: evidence_filters.Json) -> evidence_filters.Rules:
    return evidence_filters.reverse_path("router1.eth0", interface, *more)


def test_rule_and_mode_as_lxd_sets_them_pass() -> None:
    outcome, text = judge(evidence_documents.baseline(), "LXD-RTD-02")
    assert outcome is Outcome.PASS
    assert "IPv6: inet lxd prert.router1.eth0: iif vethrouter1" in text


def test_lost_rule_is_found_and_set_by_a_restart() -> None:
    outcome, text = judge(filtered(evidence_filters.closed_port()), "LXD-RTD-02")
    assert outcome is Outcome.FAIL
    assert "no rule drops spoofed IPv4 of vethrouter1" in text
    assert "lxc restart router1 --project default" in text


@pytest.mark.parametrize("interface", [NUMBER + 900, "vethother"])
def test_rule_of_an_interface_that_was_is_none(interface: str | int) -> None:
    assert judge(filtered(rule(interface)), "LXD-RTD-02")[0] is Outcome.FAIL


def test_rule_by_the_number_that_the_interface_has_is_one() -> None:
    assert judge(filtered(rule(NUMBER)), "LXD-RTD-02")[0] is Outcome.PASS


def test_rule_is_one_as_later_releases_of_nft_print_it() -> None:
    own = evidence_filters.reverse_path("router1.eth0", PAIR, result="check")
    assert judge(filtered(own), "LXD-RTD-02")[0] is Outcome.PASS


def test_rule_about_any_way_back_is_not_one() -> None:
    objects, programs, text = rule()
    objects[2]["rule"]["expr"][-2]["match"]["left"]["fib"]["flags"] = ["saddr"]
    assert judge(filtered((objects, programs, text)), "LXD-RTD-02")[0] is Outcome.ERROR


@pytest.mark.parametrize(("family", "other"), [("ipv4", "IPv6"), ("ipv6", "IPv4")])
def test_rule_for_one_family_leaves_the_other_open(family: str, other: str) -> None:
    only = evidence_filters.match({"meta": {"key": "nfproto"}}, family)
    outcome, text = judge(filtered(rule(PAIR, only)), "LXD-RTD-02")
    assert outcome is Outcome.FAIL
    assert f"observed: no rule drops spoofed {other} of vethrouter1\n" in text


def test_host_without_ipv6_needs_no_rule_for_it() -> None:
    only = evidence_filters.match({"meta": {"key": "nfproto"}}, "ipv4")
    document = patch(evidence_documents.baseline(), "host.network", "has_ipv6", to=False)
    assert judge(filtered(rule(PAIR, only), document=document), "LXD-RTD-02")[0] is Outcome.PASS


def test_accept_before_the_rule_lets_all_pass() -> None:
    objects, programs, text = rule()
    place = {"family": "inet", "table": "lxd", "chain": "prert.router1.eth0"}
    first = {"rule": {**place, "handle": 47, "expr": [{"accept": None}]}}
    document = filtered(([*objects[:2], first, *objects[2:]], programs, text))
    assert judge(document, "LXD-RTD-02")[0] is Outcome.FAIL


def test_accept_of_some_sources_before_the_rule_cannot_be_judged() -> None:
    objects, programs, text = rule()
    place = {"family": "inet", "table": "lxd", "chain": "prert.router1.eth0"}
    source = evidence_filters.match({"payload": {"protocol": "ip", "field": "saddr"}}, "10.0.0.1")
    first = {"rule": {**place, "handle": 47, "expr": [source, {"accept": None}]}}
    document = filtered(([*objects[:2], first, *objects[2:]], programs, text))
    assert judge(document, "LXD-RTD-02")[0] is Outcome.ERROR


def test_accept_in_another_chain_does_not_skip_the_rule() -> None:
    place = {"family": "inet", "table": "other"}
    chain = {**place, "name": "early", "type": "filter", "hook": "prerouting", "prio": -400}
    objects = [
        {"table": {"family": "inet", "name": "other", "handle": 2}},
        {"chain": {**chain, "handle": 1, "policy": "accept"}},
        {"rule": {**place, "chain": "early", "handle": 2, "expr": [{"accept": None}]}},
    ]
    other = (objects, "", "table inet other {\n}\n")
    assert judge(filtered(other, rule()), "LXD-RTD-02")[0] is Outcome.PASS


def test_table_that_sleeps_drops_nothing() -> None:
    objects, programs, _ = rule()
    asleep = "table inet lxd {\n\tflags dormant\n}\n"
    objects[0]["table"]["flags"] = "lxd"  # as nft 1.0.6 prints it
    assert judge(filtered((objects, programs, asleep)), "LXD-RTD-02")[0] is Outcome.FAIL


SAVE = (
    "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i {0} -m rpfilter --invert -j DROP\nCOMMIT\n"
)


@pytest.mark.parametrize(
    ("families", "interface", "outcome"),
    [
        (("ip", "ip6"), PAIR, Outcome.PASS),
        (("ip",), PAIR, Outcome.FAIL),
        (("ip6",), PAIR, Outcome.FAIL),
        (("ip", "ip6"), "vethother", Outcome.FAIL),
    ],
)
def test_rules_of_iptables_count_in_each_family(
    families: tuple[str, ...], interface: str, outcome: Outcome
) -> None:
    document = filtered(evidence_filters.closed_port())
    for family in families:
        save = evidence_filters.text(SAVE.format(interface))
        document = patch(document, "host.filters", "legacy", family, to=save)
    assert judge(document, "LXD-RTD-02")[0] is outcome


def test_rules_that_could_not_be_printed_are_no_rules_and_no_pass() -> None:
    failed = evidence_filters.text("", "nft is not installed")
    document = patch(evidence_documents.baseline(), "host.filters", "nft", to=failed)
    assert judge(document, "LXD-RTD-02")[0] is Outcome.ERROR


@pytest.mark.parametrize(
    ("every", "own", "outcome"),
    [
        (0, 1, Outcome.PASS),
        (1, 0, Outcome.PASS),
        (1, 1, Outcome.PASS),
        (2, 1, Outcome.FAIL),
        (0, 2, Outcome.FAIL),
        (0, 0, Outcome.FAIL),
        (None, 1, Outcome.ERROR),
        (1, None, Outcome.ERROR),
    ],
)
def test_mode_in_force_is_the_larger_one(every: object, own: object, outcome: Outcome) -> None:
    assert judge(with_modes(every, own), "LXD-RTD-02")[0] is outcome


def test_loose_mode_of_all_is_kept_for_the_others() -> None:
    text = judge(with_modes(2, 1), "LXD-RTD-02")[1]
    assert 'echo 2 > "$file"; done && sysctl -w net/ipv4/conf/all/rp_filter=0' in text
    assert "rp_filter=0 net/ipv4/conf/vethrouter1/rp_filter=1" in text


def test_mode_that_is_the_pairs_own_changes_nothing_else() -> None:
    text = judge(with_modes(0, 0), "LXD-RTD-02")[1]
    assert "repair:   sysctl -w net/ipv4/conf/vethrouter1/rp_filter=1\n" in text


@pytest.mark.parametrize("control", ["LXD-RTD-01", "LXD-RTD-02", "LXD-RTD-03"])
def test_pair_on_another_member_is_not_here_to_be_seen(control: str) -> None:
    document = evidence_documents.in_cluster(evidence_documents.baseline())
    document = patch(document, "instances", "default/router1", "location", to="lxd9")
    assert judge(document, control)[0] is Outcome.ERROR


@pytest.mark.parametrize("control", ["LXD-RTD-01", "LXD-RTD-02", "LXD-RTD-03"])
def test_pair_of_a_stopped_instance_does_not_exist(control: str) -> None:
    document = patch(
        evidence_documents.baseline(), "instances", "default/router1", "status", to="Stopped"
    )
    assert judge(document, control)[0] is Outcome.NOT_APPLICABLE


# --- LXD-RTD-03 --------------------------------------------------------------------------------


def routes(*more: evidence_sweep.Json, document: Document | None = None) -> Document:
    base = evidence_documents.baseline() if document is None else document
    return patch(base, "host.routes", to={"value": [*evidence_sweep.routes(), *more]})


def device(**settings: str) -> Document:
    named = {key.replace("__", "."): value for key, value in settings.items()}
    return attach(evidence_documents.baseline(), "default/router1", "eth0", DEVICE | named)


def test_routes_as_lxd_sets_them_pass() -> None:
    outcome, text = judge(evidence_documents.baseline(), "LXD-RTD-03")
    assert (outcome, text) == (Outcome.PASS, "vethrouter1 has: 192.0.2.50/32 in table main")


def test_missing_route_is_set_by_its_interface() -> None:
    document = patch(evidence_documents.baseline(), "host.routes", 1, to=GONE)
    outcome, text = judge(document, "LXD-RTD-03")
    assert outcome is Outcome.FAIL
    assert "there is no route to 192.0.2.50/32 in table main" in text
    assert "ip -4 route replace 192.0.2.50/32 dev vethrouter1 table 254" in text


@pytest.mark.parametrize(
    "extra",
    [
        route("192.0.2.0/25", PAIR),
        route("192.0.2.50/32", PAIR, table=100),
        route("192.0.2.50/32", PAIR, via="192.0.2.1"),
        route("0.0.0.0/0", PAIR),
        route("10.0.0.0/24", PAIR, protocol=2),
        route("2001:db8:5::/64", PAIR, protocol=9, metric=1024),
    ],
)
def test_route_too_many_to_the_instance_is_found(extra: evidence_sweep.Json) -> None:
    outcome, text = judge(routes(extra), "LXD-RTD-03")
    assert outcome is Outcome.FAIL
    assert f"the route to {extra['to']}" in text
    assert "leads to the instance too" in text


@pytest.mark.parametrize(
    "other",
    [
        route("192.0.2.50/32", "enp1s0", metric=5),
        route("192.0.2.50/32", "enp1s0", kind="local", table=255),
        route("192.0.2.50/32", "", kind="blackhole", table=7),
    ],
)
def test_route_to_its_address_that_leads_elsewhere_is_found(other: evidence_sweep.Json) -> None:
    outcome, text = judge(routes(other), "LXD-RTD-03")
    assert outcome is Outcome.FAIL
    assert "leads elsewhere" in text


@pytest.mark.parametrize(
    "other",
    [
        route("192.0.2.51/32", "enp1s0"),
        route("fe80::1/128", PAIR, protocol=2, metric=256),
        route("169.254.0.1/32", PAIR, kind="local", table=255, protocol=2),
    ],
)
def test_routes_of_others_and_of_the_hosts_own_addresses_are_nothing(
    other: evidence_sweep.Json,
) -> None:
    assert judge(routes(other), "LXD-RTD-03")[0] is Outcome.PASS


def test_way_that_was_not_seen_cannot_be_judged() -> None:
    assert judge(routes(route("192.0.2.0/25", "")), "LXD-RTD-03")[0] is Outcome.ERROR


def test_every_address_and_table_and_route_is_wanted() -> None:
    document = device(
        ipv4__address="192.0.2.50, 192.0.2.60",
        ipv4__host_table="42",
        ipv4__routes="198.51.100.0/24",
        ipv6__address="2001:DB8:5::0050",
        ipv6__host_address="fe80::77",
    )
    text = judge(document, "LXD-RTD-03")[1]
    for wanted in (
        "192.0.2.50/32 in table 42",
        "192.0.2.60/32 in table main",
        "198.51.100.0/24 in table main",
        "2001:db8:5::50/128 in table main",
    ):
        assert f"there is no route to {wanted}" in text
    document = routes(
        route("192.0.2.50/32", PAIR, table=42),
        route("192.0.2.60/32", PAIR),
        route("192.0.2.60/32", PAIR, table=42),
        route("198.51.100.0/24", PAIR, via="192.0.2.50"),
        route("2001:db8:5::50/128", PAIR, metric=1024),
        route("fe80::77/128", PAIR, protocol=2, metric=256),
        document=document,
    )
    assert judge(document, "LXD-RTD-03")[0] is Outcome.PASS


@pytest.mark.parametrize(
    "settings",
    [
        {"ipv4__address": "192.0.2.50.1"},
        {"ipv4__address": "192.0.2.50", "ipv4__host_table": "main"},
        {"ipv6__routes": "2001:db8::/64"},
    ],
)
def test_settings_that_make_no_route_cannot_be_judged(settings: dict[str, str]) -> None:
    assert judge(device(**settings), "LXD-RTD-03")[0] is Outcome.ERROR


def test_nic_without_addresses_has_no_routes() -> None:
    document = patch(device(), "host.routes", 1, to=GONE)
    assert judge(document, "LXD-RTD-03")[0] is Outcome.PASS


def test_interface_that_the_host_does_not_show_cannot_be_judged() -> None:
    document = configure(
        evidence_documents.baseline(), "default/router1", "volatile.eth0.host_name", "vethgone"
    )
    assert judge(document, "LXD-RTD-03")[0] is Outcome.ERROR


# --- LXD-BRI-09 --------------------------------------------------------------------------------

BRIDGE = "network/default/lxdbr0"


def test_route_that_a_program_learnt_is_found_by_its_protocol() -> None:
    learnt = route("::/0", "lxdbr0", via="fe80::9", protocol=9, metric=1024)
    outcome, text = judge(routes(learnt), "LXD-BRI-09", BRIDGE)
    assert outcome is Outcome.FAIL
    assert "route to ::/0 via fe80::9 was learned from an RA" in text
    assert "sysctl" not in text
    assert "tell it to leave the interface alone" in text


def test_route_that_was_learnt_elsewhere_is_not_the_bridges() -> None:
    learnt = route("::/0", "enp1s0", via="fe80::9", protocol=9, metric=1024)
    assert judge(routes(learnt), "LXD-BRI-09", BRIDGE)[0] is Outcome.PASS


def test_route_is_told_once_that_the_kernel_and_its_protocol_tell() -> None:
    learnt = route("::/0", "lxdbr0", via="fe80::9", protocol=9, metric=1024)
    kernels = {"to": "::/0", "via": "fe80::9", "interface": "lxdbr0"}
    document = add(routes(learnt), "host.network", "learnt_routes", entry=kernels)
    found = judging.judge(evidence_documents.evidence(document))["LXD-BRI-09", BRIDGE]
    assert found.reason.count("was learned from an RA") == 1


def test_routes_that_were_not_seen_are_no_pass() -> None:
    document = patch(evidence_documents.baseline(), "host.routes", to=missing("no netlink"))
    assert judge(document, "LXD-BRI-09", BRIDGE)[0] is Outcome.ERROR
