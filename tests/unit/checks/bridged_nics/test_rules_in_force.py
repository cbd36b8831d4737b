"""LXD-BRI-06 to 08 on evidence by hand: what NICs are held to, and in which way rules are lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pytest_lxdsec.checks.bridged_nics import allowed_addresses, rules_in_force
from pytest_lxdsec.inventory import nics
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import CannotTell, Outcome
from tests.support import (
    evidence_api,
    evidence_documents,
    evidence_filters,
    evidence_sweep,
    judging,
)
from tests.support.evidence_documents import Document, attach, configure, evidence, patch

WEB1, SUBJECT, PORT = "default/web1", "nic/default/web1/eth0", "vethdweb1"
OWN = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
ON = dict.fromkeys(allowed_addresses.IP_KEYS.values(), "true")
BOTH = {**OWN, **ON}
NO_IPV4, NO_IPV6 = {"ipv4.address": "none"}, {"ipv6.address": "none"}


def judge(document: Document, control: str = "LXD-BRI-06", subject: str = SUBJECT) -> Result:
    return judging.judge(evidence(document))[control, subject]


def with_setting(setting: str, device: Document, document: Document | None = None) -> Document:
    """Return the baseline with a device of web1's own and the rules of a setting."""
    changed = document or evidence_documents.baseline()
    rules = evidence_filters.of([
        evidence_filters.lxd_rules(label, setting=setting if label == "web1" else "v4+v6none")
        for label in evidence_api.NUMBERS
    ])  # fmt: skip
    changed = patch(changed, "host.filters", to={"value": rules})
    return attach(changed, WEB1, "eth0", device)


def with_ipv6(document: Document) -> Document:
    """Return a copy in which lxdbr0 has IPv6, with an address reserved for every NIC."""
    document = patch(
        document, "networks", "default/lxdbr0", "config", "ipv6.address", to="fd42::1/64"
    )
    for label, number in evidence_api.NUMBERS.items():
        line = f"{evidence_api.mac(number)},{evidence_api.ipv4(number)}"
        line += f",[{evidence_api.ipv6(number)}],{label}\n"
        document = reserve(document, line, f"{label}.eth0")
    return document


def reserve(document: Document, line: object, name: str = "web1.eth0") -> Document:
    return patch(document, "host.reservations", "lxdbr0", "entries", name, to=line)


def change_rules(document: Document, change: Callable[[list[Any]], object]) -> Document:
    """Return a copy with the objects of nft's JSON changed in place."""
    found = json.loads(evidence_documents.value(document, "host.filters", "nft", "text"))
    change(found["nftables"])
    return patch(document, "host.filters", "nft", "text", to=json.dumps(found))


def insert(chain: str, *steps: Any) -> Callable[[list[Any]], object]:
    """Put a rule of web1's before all others of a chain."""
    return first(chain, evidence_filters.match({"meta": {"key": "iifname"}}, PORT), *steps)


def first(chain: str, *steps: Any) -> Callable[[list[Any]], object]:
    """Put a rule before all others of a chain."""
    rule = {"family": "bridge", "table": "lxd", "chain": chain, "handle": 9999}

    def change(objects: list[Any]) -> None:
        at = next(i for i, one in enumerate(objects) if one.get("rule", {}).get("chain") == chain)
        objects.insert(at, {"rule": {**rule, "expr": list(steps)}})

    return change


def drop_objects(*kinds: str, chain: str = "") -> Callable[[list[Any]], object]:
    def change(objects: list[Any]) -> None:
        objects[:] = [one for one in objects if not (set(one) & set(kinds) and chain in str(one))]

    return change


# --- rules that are lost -----------------------------------------------------------------------


def test_stock_rules_hold_a_nic_with_addresses() -> None:
    result = judge(with_ipv6(with_setting("all", BOTH)))
    assert result.reason.startswith(
        f"{PORT} is held to 00:16:3e:00:00:18, 10.10.10.24/32, fd42::216:3eff:fe00:18/128: "
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            drop_objects("table", "chain", "rule", chain="lxd"),
            "LXD's table `bridge lxd` is not in the kernel: its rules were flushed",
        ),
        (
            drop_objects("chain", "rule", chain=".web1.eth0"),
            "LXD's chain in.web1.eth0 is not in the kernel: its rules were flushed",
        ),
        (
            drop_objects("rule", chain="fwd.web1.eth0"),
            "LXD's chain fwd.web1.eth0 is empty: its rules were flushed",
        ),
        (
            insert("in.web1.eth0", {"accept": None}),
            "a rule accepts it before LXD's can drop it: iifname vethdweb1 accept",
        ),
    ],
)
def test_lost_rules_fail_and_are_explained(
    change: Callable[[list[Any]], object], why: str
) -> None:
    result = judge(change_rules(evidence_documents.baseline(), change))
    assert result.finding is not None
    assert result.finding.observed.startswith(f"{why}; reaches ")
    assert result.finding.remedy.command == "lxc restart web1 --project default"


def test_finding_shows_who_is_pretended_to_be() -> None:
    lost = drop_objects("chain", "rule", chain=".web1.eth0")
    result = judge(change_rules(evidence_documents.baseline(), lost))
    assert "reaches the host: IPv4 UDP 40000 to 40000 from 10.10.10.24 " in judging.text(result)
    assert "(from 02:00:5e:00:53:66 to everybody)" in judging.text(result)


def test_dormant_table_fails() -> None:
    document = evidence_documents.baseline()
    listing = evidence_documents.value(document, "host.filters", "listing", "text")
    listing = listing.replace("table bridge lxd {\n", "table bridge lxd {\n\tflags dormant\n")
    document = patch(document, "host.filters", "listing", "text", to=listing)
    result = judge(document)
    assert "LXD's table `bridge lxd` is dormant" in judging.text(result)
    # LXD itself cannot start a NIC then.
    assert result.finding is not None
    assert result.finding.remedy.command == "nft add table bridge lxd"


def test_accept_of_one_other_address_is_found() -> None:
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    accept = insert(
        "fwd.web1.eth0", evidence_filters.match(source, "10.10.10.1"), {"accept": None}
    )
    result = judge(change_rules(evidence_documents.baseline(), accept))
    assert "reaches other instances: IPv4 UDP 40000 to 40000 from 10.10.10.1 " in judging.text(
        result
    )


def test_accept_in_another_chain_does_no_harm() -> None:
    chain = {"family": "bridge", "table": "site", "name": "i", "handle": 1, "type": "filter"}
    hook = {"hook": "input", "prio": -300, "policy": "accept"}
    rule = {"family": "bridge", "table": "site", "chain": "i", "handle": 2}
    more = [
        {"table": {"family": "bridge", "name": "site", "handle": 9}},
        {"chain": chain | hook},
        {"rule": rule | {"expr": [{"accept": None}]}},
    ]
    document = change_rules(evidence_documents.baseline(), lambda found: found.extend(more))
    assert judge(document).verdict is Outcome.PASS


def test_rules_of_an_earlier_address_are_stale() -> None:
    line = "00:16:3e:00:00:18,10.10.10.99,web1\n"
    result = judge(reserve(evidence_documents.baseline(), line))
    assert "the rules drop what is the NIC's own" in judging.text(result)


def test_rules_of_an_earlier_interface_are_stale() -> None:
    document = configure(evidence_documents.baseline(), WEB1, "volatile.eth0.host_name", "vethnew")
    document = patch(document, "host.links", PORT, "name", to="vethnew")
    said = "the rules in LXD's chain in.web1.eth0 are about vethdweb1, and the NIC is vethnew"
    assert said in judging.text(judge(document))


def test_renamed_interface_fails_and_is_named() -> None:
    document = patch(evidence_documents.baseline(), "host.links", PORT, "name", to="other0")
    result = judge(document)
    assert result.finding is not None
    said = "the host has no interface vethdweb1, which LXD's rules are about; lxdbr0 has ports"
    assert result.finding.observed.startswith(f"{said} that LXD does not know: ")
    assert "other0" in result.finding.observed


@pytest.mark.parametrize(("master", "where"), [(0, "no bridge"), (5, "lxdbr1")])
def test_interface_that_is_no_port_of_its_bridge_fails(master: int, where: str) -> None:
    document = patch(evidence_documents.baseline(), "host.links", PORT, "master", to=master)
    assert f"{PORT} is a port of {where}, not of lxdbr0" in judging.text(judge(document))


def test_rules_of_a_bridge_do_nothing_on_open_vswitch() -> None:
    document = patch(
        evidence_documents.baseline(), "host.links", "lxdbr0", "kind", to="openvswitch"
    )
    assert "no bridge of Linux (openvswitch)" in judging.text(judge(document))


@pytest.mark.parametrize(
    ("key", "name", "outcome"),
    [
        ("ibrname", "lxdbr0", Outcome.FAIL),
        ("ibrname", "lxdbr1", Outcome.PASS),
        ("obrname", "lxdbr*", Outcome.FAIL),
        ("obrname", "br0", Outcome.PASS),
    ],
)
def test_accept_for_a_bridge_is_one_for_its_ports(key: str, name: str, outcome: Outcome) -> None:
    which = evidence_filters.match({"meta": {"key": key}}, name)
    accept = first("fwd.web1.eth0", which, PORT_OF_MDNS, ACCEPT)
    result = judge(change_rules(evidence_documents.baseline(), accept))
    assert result.verdict is outcome


def test_unknown_statement_cannot_tell() -> None:
    odd = insert("in.web1.eth0", {"dance": None})
    result = judge(change_rules(evidence_documents.baseline(), odd))
    assert (result.verdict, "cannot be told" in result.reason) == (Outcome.ERROR, True)


def test_driver_of_xtables_is_judged_by_its_own_rules() -> None:
    document = patch(
        evidence_documents.baseline(), "server", "environment", "firewall", to="xtables"
    )
    document = patch(document, "host.filters", "nft", "text", to='{"nftables": []}')
    assert f"ebtables has no rule about {PORT}" in judging.text(judge(document))


# As LXD's older driver writes them for a NIC with the filter of its MAC address alone.
EBTABLES = """*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
-A INPUT -s ! 00:16:3e:00:00:18 -i vethdweb1 -j DROP
-A FORWARD -s ! 00:16:3e:00:00:18 -i vethdweb1 -j DROP
-A INPUT -p IPv4 -i vethdweb1 -j ACCEPT
-A FORWARD -p IPv4 -i vethdweb1 -j ACCEPT
-A INPUT -p ARP -i vethdweb1 -j ACCEPT
-A FORWARD -p ARP -i vethdweb1 -j ACCEPT
-A INPUT -p IPv6 -i vethdweb1 -j ACCEPT
-A FORWARD -p IPv6 -i vethdweb1 -j ACCEPT
"""


def with_ebtables(save: str) -> Document:
    document = attach(
        evidence_documents.baseline(), WEB1, "eth0", {**OWN, "security.mac_filtering": "true"}
    )
    document = patch(document, "server", "environment", "firewall", to="xtables")
    document = patch(document, "host.filters", "nft", "text", to='{"nftables": []}')
    text = evidence_filters.text(save)
    return patch(document, "host.filters", "legacy", "bridge", to=text)


def by_command(save: str, command: str) -> str:
    """Return a save after commands that put rules in front."""
    for step in command.split(" && "):
        _, _, _, _, chain, rule = step.split(" ", 5)
        first_of_all = save.index("-A ")
        save = f"{save[:first_of_all]}-A {chain} {rule}\n{save[first_of_all:]}"
    return save


def test_what_the_older_driver_does_not_ask_is_put_down_to_lxd() -> None:
    result = judge(with_ebtables(EBTABLES))
    assert result.finding is not None
    assert "are loaded, but they do not drop ARP that gives another" in judging.text(result)
    assert result.finding.origin.startswith("LXD itself")
    repaired = by_command(EBTABLES, result.finding.remedy.command)
    assert judge(with_ebtables(repaired)).verdict is Outcome.PASS


def test_what_else_is_lost_of_the_older_driver_is_not() -> None:
    lines = EBTABLES.splitlines(keepends=True)
    lost = "".join(line for line in lines if "FORWARD -s" not in line)
    result = judge(with_ebtables(lost))
    assert result.finding is not None
    assert result.finding.origin.startswith("the kernel's packet filter")
    assert "LXD itself" not in judging.text(result)


# --- what a NIC is held to ---------------------------------------------------------------------


def nic(document: Document, instance: str = WEB1) -> tuple[Any, nics.Nic]:
    seen = evidence(document)
    found = next(one for one in seen.instances if one.key == instance)
    networks = {(n.project, n.name): n for n in seen.networks}
    return seen, nics.of(found, networks)[0]


def held(document: Document, instance: str = WEB1) -> Any:
    return allowed_addresses.held(*nic(document, instance))


def test_mac_filter_alone_holds_to_the_mac_address_only() -> None:
    document = with_setting("mac", {**OWN, "security.mac_filtering": "true"})
    assert judge(document).reason.startswith(f"{PORT} is held to 00:16:3e:00:00:18: ")


def test_any_ip_filter_brings_the_mac_filter() -> None:
    document = with_setting("mac", {**OWN, "security.ipv4_filtering": "true"})
    document = change_rules(document, drop_objects("rule", chain="ether"))
    assert judge(document).verdict is Outcome.FAIL


@pytest.mark.parametrize("word", ["enabled", "maybe", "2", "y", "false", ""])
def test_words_that_are_no_truth_for_lxd_promise_nothing(word: str) -> None:
    document = with_setting("mac", {**OWN, "security.mac_filtering": word})
    assert judge(document).verdict is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("word", ["TRUE", "Yes", "ON", "1", "tRuE"])
def test_words_that_are_true_for_lxd_promise(word: str) -> None:
    document = with_setting("mac", {**OWN, "security.mac_filtering": word})
    assert judge(document).verdict is Outcome.PASS


@pytest.mark.parametrize("kind", ["macvlan", "p2p", "routed", "sriov"])
def test_other_kinds_of_nics_have_no_such_rules(kind: str) -> None:
    device = {"type": "nic", "nictype": kind, "parent": "enp1s0", "security.mac_filtering": "true"}
    document = with_setting("mac", device)
    assert judge(document).verdict is Outcome.NOT_APPLICABLE


def test_instance_that_does_not_run_has_no_rules() -> None:
    result = judge(evidence_documents.baseline(), subject="nic/default/spare1/eth0")
    assert "does not run" in result.reason


def test_frozen_instance_is_judged() -> None:
    result = judge(evidence_documents.baseline(), subject="nic/default/db1/eth0")
    assert result.verdict is Outcome.PASS


def test_virtual_machine_is_judged() -> None:
    result = judge(evidence_documents.baseline(), subject="nic/default/vm1/eth0")
    assert result.verdict is Outcome.PASS


def test_instance_of_another_member_cannot_be_told() -> None:
    document = evidence_documents.in_cluster(
        evidence_documents.baseline(), str(evidence_api.SUPPORTED.latest)
    )
    document = patch(document, "instances", WEB1, "location", to="lxd2")
    assert "add that member's host" in judge(document).reason


def test_configured_mac_address_goes_before_the_recorded_one() -> None:
    document = evidence_documents.baseline()
    document = attach(document, WEB1, "eth0", {**BOTH, "hwaddr": "00:16:3E:AA:BB:CC"})
    assert held(document).mac == "00:16:3e:aa:bb:cc"


def test_unknown_mac_address_cannot_be_told() -> None:
    document = configure(evidence_documents.baseline(), WEB1, "volatile.eth0.hwaddr", "")
    assert judge(document).verdict is Outcome.ERROR


def test_routes_widen_what_a_nic_may_use() -> None:
    device = {**BOTH, "ipv4.routes": "198.51.100.0/24, 192.0.2.0/28"}
    device |= {"ipv4.routes.external": "203.0.113.7/32"}
    found = held(attach(evidence_documents.baseline(), WEB1, "eth0", device)).ipv4
    assert [str(net) for net in found] == [
        "10.10.10.24/32",
        "198.51.100.0/24",
        "192.0.2.0/28",
        "203.0.113.7/32",
    ]


def test_routes_of_a_nic_without_address_are_not_its_own() -> None:
    device = {**BOTH, **NO_IPV4, "ipv4.routes": "198.51.100.0/24"}
    assert held(attach(evidence_documents.baseline(), WEB1, "eth0", device)).ipv4 == ()


def test_configured_address_goes_before_the_reserved_one() -> None:
    device = {**BOTH, "ipv4.address": "10.10.10.77"}
    found = held(attach(evidence_documents.baseline(), WEB1, "eth0", device)).ipv4
    assert [str(net) for net in found] == ["10.10.10.77/32"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("ipv4.address", "none"), ("ipv4.address", ""), ("ipv4.dhcp", "false"), ("ipv4.dhcp", "odd")],
)
def test_bridge_without_dhcp_gives_no_address(key: str, value: str) -> None:
    document = evidence_documents.baseline()
    document = patch(document, "networks", "default/lxdbr0", "config", key, to=value)
    assert held(document).ipv4 == ()


@pytest.mark.parametrize(
    "line", [evidence_documents.GONE, "", "00:16:3e:00:00:18,web1\n", "00:16:3e:00:00:18,,web1\n"]
)
def test_address_that_is_not_reserved_cannot_be_told(line: object) -> None:
    assert judge(reserve(evidence_documents.baseline(), line)).verdict is Outcome.ERROR


def test_reservation_that_is_no_address_cannot_be_told() -> None:
    document = reserve(evidence_documents.baseline(), "00:16:3e:00:00:18,1.2.3.456,web1\n")
    with pytest.raises(CannotTell, match="is no address"):
        held(document)


def test_nics_of_odd_names_are_looked_up_as_lxd_writes_them() -> None:
    device = {**BOTH, "name": "lan-1"}
    document = configure(
        evidence_documents.baseline(), WEB1, "volatile.lan-a/b.hwaddr", "00:16:3e:00:00:18"
    )
    document = attach(document, WEB1, "eth0", {"type": "none"})
    document = attach(document, WEB1, "lan-a/b", device)
    document = configure(document, WEB1, "volatile.lan-a/b.host_name", PORT)
    document = reserve(document, "00:16:3e:00:00:18,10.10.10.8,web1\n", "web1.lan--a-b")
    seen, found = nic(document)
    assert str(allowed_addresses.held(seen, found).ipv4[0]) == "10.10.10.8/32"
    assert rules_in_force.label(found) == "web1.lan-a/b"


def test_reservation_that_lxd_is_about_to_remove_is_none() -> None:
    document = reserve(evidence_documents.baseline(), evidence_documents.GONE)
    line = "00:16:3e:00:00:18,10.10.10.24,web1\n"
    document = reserve(document, line, "web1.eth0.removing")
    assert judge(document).verdict is Outcome.ERROR


def test_chains_of_a_nic_with_a_dot_are_looked_up_whole() -> None:
    document = attach(evidence_documents.baseline(), WEB1, "eth0", {"type": "none"})
    document = attach(document, WEB1, "lan.1", BOTH)
    document = configure(document, WEB1, "volatile.lan.1.hwaddr", "00:16:3e:00:00:18")
    document = configure(document, WEB1, "volatile.lan.1.host_name", PORT)
    document = reserve(document, "00:16:3e:00:00:18,10.10.10.24,web1\n", "web1.lan.1")
    text = evidence_documents.value(document, "host.filters", "nft", "text")
    listing = evidence_documents.value(document, "host.filters", "listing", "text")
    for part, given in (("nft", text), ("listing", listing)):
        moved = given.replace(".web1.eth0", ".web1.lan.1")
        document = patch(document, "host.filters", part, "text", to=moved)
    subject = "nic/default/web1/lan.1"
    assert judge(document, subject=subject).verdict is Outcome.PASS
    lost = change_rules(document, drop_objects("chain", "rule", chain="in.web1.lan.1"))
    assert "LXD's chain in.web1.lan.1 is not in the kernel" in judging.text(
        judge(lost, subject=subject)
    )


@pytest.mark.parametrize("key", ["ipv4.firewall", "ipv6.firewall"])
def test_bridge_without_lxds_firewall_has_the_nics_rules(key: str) -> None:
    document = evidence_documents.baseline()
    document = patch(document, "networks", "default/lxdbr0", "config", key, to="false")
    assert judge(document).verdict is Outcome.PASS


def test_unmanaged_bridge_needs_an_address_in_the_configuration() -> None:
    device = {**ON, "type": "nic", "nictype": "bridged", "parent": "br0"}
    document = attach(evidence_documents.baseline(), WEB1, "eth0", device)
    with pytest.raises(CannotTell, match="br0 is no network of LXD's"):
        held(document)


def test_parent_may_be_a_bridge_of_lxds() -> None:
    device = {**ON, "type": "nic", "nictype": "bridged", "parent": "lxdbr0"}
    found = held(attach(evidence_documents.baseline(), WEB1, "eth0", device))
    assert str(found.ipv4[0]) == "10.10.10.24/32"


def test_chains_of_another_project_have_its_name() -> None:
    found = nic(evidence_documents.baseline(), "tenants/web1")[1]
    assert rules_in_force.label(found) == "tenants_web1.eth0"


# --- where LXD falls short of its guide --------------------------------------------------------


def test_stock_rules_fall_short_for_advertisements() -> None:
    result = judge(with_ipv6(with_setting("all", BOTH)), "LXD-BRI-07")
    assert result.finding is not None
    said = f"LXD's rules for {PORT} are loaded, but they do not drop neighbour advertisements"
    assert result.finding.observed.startswith(said)
    assert result.finding.origin.startswith("LXD itself")
    assert "SECURITY.md" in result.finding.remedy.note


def test_gap_is_told_without_a_recipe() -> None:
    # The class of the gap, and no frame that goes through it.
    result = judge(with_ipv6(with_setting("all", BOTH)), "LXD-BRI-07")
    assert not any(word in result.reason for word in ("header", "behind", "::66", "option"))


def test_nic_without_ipv6_filter_is_promised_nothing_about_advertisements() -> None:
    document = with_setting("ipv4", {**OWN, "security.ipv4_filtering": "true"})
    assert judge(document, "LXD-BRI-07").verdict is Outcome.NOT_APPLICABLE


def test_where_all_ipv6_is_dropped_advertisements_are() -> None:
    assert judge(evidence_documents.baseline(), "LXD-BRI-07").verdict is Outcome.PASS


def test_advertisements_of_lost_rules_are_not_put_down_to_lxd() -> None:
    document = with_ipv6(with_setting("all", BOTH))
    lost = drop_objects("chain", "rule", chain=".web1.eth0")
    result = judge(change_rules(document, lost), "LXD-BRI-07")
    assert result.finding is not None
    assert result.finding.observed.endswith("its rules were flushed (see LXD-BRI-06)")
    assert "LXD itself" not in result.finding.origin


# --- LXD's other driver ------------------------------------------------------------------------


def with_xtables() -> Document:
    """Return the baseline with IPv6, in which LXD writes its rules with ebtables and ip6tables."""
    document = with_ipv6(with_setting("all", BOTH))
    document = patch(document, "server", "environment", "firewall", to="xtables")
    return patch(document, "host.filters", to={"value": evidence_filters.xtables("web1")})


def change_ip6tables(document: Document, change: Callable[[str], str]) -> Document:
    """Return a copy with other rules in ip6tables: nft's JSON has the same number of them."""
    where = ("host.filters", "shims", "ip6", "text")
    return patch(document, *where, to=change(evidence_documents.value(document, *where)))


def test_xtables_fall_short_of_others_mac_addresses_in_arp() -> None:
    result = judge(with_xtables())
    assert result.finding is not None
    assert result.finding.origin.startswith("LXD itself")
    assert result.finding.observed.endswith("ARP that gives another's MAC address as the sender's")
    assert "--arp-mac-src ! 00:16:3e:00:00:18 -j DROP" in result.finding.remedy.command


def test_xtables_with_an_accept_in_front_are_not_put_down_to_lxd() -> None:
    document = with_xtables()
    accept = {"family": "bridge", "table": "filter", "chain": "INPUT", "handle": 9999}
    front = change_rules(
        document, lambda found: found.append({"rule": {**accept, "expr": [{"accept": None}]}})
    )
    everything = json.loads(evidence_documents.value(front, "host.filters", "nft", "text"))
    rules = everything["nftables"]
    rules.insert(next(i for i, one in enumerate(rules) if "rule" in one), rules.pop())
    front = patch(front, "host.filters", "nft", "text", to=json.dumps(everything))
    where = ("host.filters", "shims", "bridge", "text")
    saved = evidence_documents.value(front, *where)
    saved = saved.replace("-A INPUT", "-A INPUT -j ACCEPT\n-A INPUT", 1)
    result = judge(patch(front, *where, to=saved))
    assert result.finding is not None
    assert result.finding.observed.startswith("a rule accepts it before LXD's can drop it: ")


def test_xtables_fall_short_of_advertisements() -> None:
    result = judge(with_xtables(), "LXD-BRI-07")
    assert result.finding is not None
    assert result.finding.origin.startswith("LXD itself")


def test_ip6tables_that_drop_all_advertisements_are_seen() -> None:
    """No offset to be deceived: an ip6tables rule that asks for nothing else."""
    strict = change_ip6tables(
        with_xtables(),
        lambda text: "\n".join(
            line.partition(" -m string")[0] + " -j DROP" if "string" in line else line
            for line in text.splitlines()
        ),
    )
    result = judge(strict, "LXD-BRI-07")
    assert result.verdict is Outcome.PASS, judging.text(result)


def test_ip6tables_that_see_no_frame_are_found() -> None:
    document = patch(with_xtables(), "host.filters", "bridge", "bridge-nf-call-ip6tables", to="0")
    result = judge(document, "LXD-BRI-07")
    assert result.finding is not None
    assert result.finding.observed.startswith("net.bridge.bridge-nf-call-ip6tables is off: ")
    assert result.finding.remedy.command == "sysctl -w net.bridge.bridge-nf-call-ip6tables=1"


def test_lost_rules_of_ip6tables_are_not_put_down_to_lxd() -> None:
    lost = change_rules(with_xtables(), drop_objects("rule", chain="'lxd_nic_lxdbr0'"))
    gone = change_ip6tables(
        lost,
        lambda text: "\n".join(
            line for line in text.splitlines() if not line.startswith("-A lxd_nic_lxdbr0")
        ),
    )
    result = judge(gone, "LXD-BRI-07")
    assert result.finding is not None
    assert result.finding.observed == f"ip6tables has no rule about {PORT}"
    assert result.finding.remedy.command == "lxc restart web1 --project default"


def test_hosts_own_rules_behind_the_bridge_leave_it_to_be_told() -> None:
    """Many rules about packets to the host, like those of a firewall with lists."""
    own = [f"-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT" for port in range(1, 1500)]
    place = {"family": "ip6", "table": "filter", "chain": "INPUT"}
    shim = {"xt": {"type": "match", "name": "tcp"}}
    more = [{"rule": {**place, "handle": 5000, "expr": [shim, {"accept": None}]}}] * len(own)

    def add(objects: list[Any]) -> None:
        objects.extend(more)

    many = change_ip6tables(
        change_rules(with_xtables(), add),
        lambda text: text.replace("COMMIT", "\n".join([*own, "COMMIT"])),
    )
    result = judge(many, "LXD-BRI-07")
    assert result.finding is not None
    assert result.finding.origin.startswith("LXD itself")


def test_ip6tables_that_were_not_printed_cannot_be_told() -> None:
    error = patch(with_xtables(), "host.filters", "shims", "ip6", "error", to="not installed")
    assert judge(error, "LXD-BRI-07").verdict is Outcome.ERROR


def test_stock_rules_fall_short_without_any_address() -> None:
    document = with_setting("bothnone", {**BOTH, **NO_IPV4, **NO_IPV6})
    result = judge(document, "LXD-BRI-08")
    assert result.finding is not None
    assert result.finding.origin.startswith("LXD itself")
    assert judge(document).verdict is Outcome.PASS


def test_one_address_brings_the_rule_that_the_other_family_needs() -> None:
    assert judge(evidence_documents.baseline(), "LXD-BRI-08").verdict is Outcome.PASS


def test_nic_with_addresses_is_promised_nothing_about_none() -> None:
    document = with_ipv6(with_setting("all", BOTH))
    assert judge(document, "LXD-BRI-08").verdict is Outcome.NOT_APPLICABLE


def test_fixed_lxd_passes() -> None:
    document = with_setting("bothnone", {**BOTH, **NO_IPV4, **NO_IPV6})
    kind = {"payload": {"protocol": "ether", "field": "type"}}
    fixed = {"match": {"op": "!=", "left": kind, "right": {"set": ["arp", "ip", "ip6"]}}}
    for chain in ("in.web1.eth0", "fwd.web1.eth0"):
        document = change_rules(document, insert(chain, fixed, {"drop": None}))
    assert judge(document, "LXD-BRI-08").verdict is Outcome.PASS


def test_fixed_lxd_drops_foreign_advertisements_and_passes() -> None:
    # Drops, as LXD had them before 5.0, in place of its accepts: no header may hide them.
    document = with_ipv6(with_setting("all", BOTH))
    own = str(evidence_api.ipv6(evidence_api.NUMBERS["web1"]))
    kind = evidence_filters.match(ICMPV6, "nd-neighbor-advert")
    target = {"payload": {"protocol": "icmpv6", "field": "taddr"}}
    source = {"payload": {"protocol": "ip6", "field": "saddr"}}
    plain = {"payload": {"protocol": "ip6", "field": "nexthdr"}}

    def drop_unless(left: Any, *allowed: str) -> tuple[Any, ...]:
        right = {"set": list(allowed)} if len(allowed) > 1 else allowed[0]
        return kind, {"match": {"op": "!=", "left": left, "right": right}}, DROP

    for chain in ("in.web1.eth0", "fwd.web1.eth0"):
        for steps in (
            drop_unless(target, own),
            drop_unless(source, own, "fe80::216:3eff:fe00:18"),
            drop_unless(plain, "ipv6-icmp"),
        ):
            document = change_rules(document, insert(chain, *steps))
    assert judge(document, "LXD-BRI-07").verdict is Outcome.PASS
    assert judge(document).verdict is Outcome.PASS


# --- for all NICs of a host --------------------------------------------------------------------


def test_nics_of_one_setting_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_in_force, "_KNOWN", {})
    found = judging.judge(evidence(evidence_documents.baseline()))
    passed = [key for key, one in found.items() if key[0] == "LXD-BRI-06" and one.finding is None]
    assert (len(passed) > 3, len(rules_in_force._KNOWN)) == (True, 3)


def test_same_evidence_gives_the_same_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    document = change_rules(
        evidence_documents.baseline(), insert("in.web1.eth0", {"accept": None})
    )
    told = set()
    for _ in range(2):
        monkeypatch.setattr(rules_in_force, "_KNOWN", {})
        told.add(judging.text(judge(document)))
    assert len(told) == 1


PROGRAM = """
from tests.unit.checks.bridged_nics import test_rules_in_force as own
for control in ("LXD-BRI-06", "LXD-BRI-07"):
    for change in own.SEVERAL:
        document = own.with_ipv6(own.with_setting("all", own.BOTH))
        result = own.judge(own.change_rules(document, change), control)
        print(own.judging.text(result))
"""
PORT_OF_MDNS = evidence_filters.match({"payload": {"protocol": "udp", "field": "dport"}}, 5353)
ACCEPT: dict[str, Any] = {"accept": None}
# Found by a known kind, by an aimed frame, by chance, not at all; and one that cannot be told.
SEVERAL = (
    insert("in.web1.eth0", ACCEPT),
    insert("fwd.web1.eth0", PORT_OF_MDNS, ACCEPT),
    insert("in.web1.eth0", evidence_filters.match({"exthdr": {"name": "rt"}}, True), ACCEPT),
    insert("in.web1.eth0", {"drop": None}),
    insert("in.web1.eth0", {"dance": None}),
)


def test_same_evidence_gives_the_same_finding_in_any_process() -> None:
    told = set()
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        told.add(done.stdout)
    [text] = told
    assert "reaches the host" in text


def test_finding_is_the_same_whichever_nic_was_judged_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its shape is known by then, or not: the frame is the same.
    document = evidence_documents.baseline()
    for label in ("web1", "db1"):
        way = evidence_filters.match(
            {"meta": {"key": "iifname"}}, evidence_api.interface_of(label)
        )
        change = first(f"in.{label}.eth0", way, PORT_OF_MDNS, ACCEPT)
        document = change_rules(document, change)
    texts = []
    for before in ((), ("default/db1",)):
        monkeypatch.setattr(rules_in_force, "_KNOWN", {})
        rules_in_force._bench.cache_clear()
        for key in (*before, WEB1):
            seen, own = nic(document, key)
            one = allowed_addresses.held(seen, own)
            tried = rules_in_force.try_frames(seen, one, rules_in_force.sources(one))
        assert tried.violation is not None
        texts.append(tried.violation.text)
    assert texts[0] == texts[1]


# --- router advertisements, held off by the NICs' rules (LXD-BRI-09) ---------------------------


def accepting(document: Document | None = None) -> Document:
    """Return the baseline whose host takes router advertisements on lxdbr0.

    No unknown ports there.
    """
    changed = document or evidence_documents.baseline()
    path = ("host.network", "interfaces", "lxdbr0", "ipv6", "accept_ra")
    changed = patch(changed, *path, to=2)
    return patch(changed, "host.links", "vethdbuilder1", "master", to=0)


def judge_network(document: Document) -> Result:
    return judge(document, "LXD-BRI-09", "network/default/lxdbr0")


@pytest.mark.parametrize(
    ("disabled", "accepts", "forwards", "outcome"),
    [
        (0, 0, 0, Outcome.PASS),
        (0, 0, 1, Outcome.PASS),
        (0, 1, 0, Outcome.FAIL),
        (0, 1, 1, Outcome.PASS),
        (0, 2, 0, Outcome.FAIL),
        (0, 2, 1, Outcome.FAIL),
        (1, 2, 1, Outcome.PASS),
        (0, None, 1, Outcome.ERROR),
        (0, 1, None, Outcome.ERROR),
        (None, 2, 1, Outcome.ERROR),
    ],
)
def test_host_takes_advertisements_by_the_kernels_formula(
    disabled: int | None, accepts: int | None, forwards: int | None, outcome: Outcome
) -> None:
    document = attach(evidence_documents.baseline(), WEB1, "eth0", OWN)
    settings = {"disable_ipv6": disabled, "accept_ra": accepts, "forwarding": forwards}
    for key, value in settings.items():
        place = ("host.network", "interfaces", "lxdbr0", "ipv6", key)
        document = patch(document, *place, to=value)
    assert judge_network(document).verdict is outcome


def test_what_all_interfaces_have_is_not_asked() -> None:
    document = attach(evidence_documents.baseline(), WEB1, "eth0", OWN)
    place = ("host.network", "interfaces", "all", "ipv6", "accept_ra")
    assert judge_network(patch(document, *place, to=2)).verdict is Outcome.PASS


def test_rules_of_every_nic_hold_advertisements_off() -> None:
    result = judge_network(accepting())
    assert (result.verdict, "accept_ra is 2" in result.reason) == (Outcome.PASS, True)
    assert f"the rules for {PORT} drop router advertisements" in result.reason


def test_one_nic_without_the_filter_lets_advertisements_in() -> None:
    document = attach(accepting(), WEB1, "eth0", {**OWN, "security.mac_filtering": "true"})
    assert judge_network(document).verdict is Outcome.FAIL


def test_one_nic_whose_rules_are_lost_lets_advertisements_in() -> None:
    lost = drop_objects("chain", "rule", chain=".web1.eth0")
    assert judge_network(change_rules(accepting(), lost)).verdict is Outcome.FAIL


def test_port_that_is_no_nic_of_lxds_lets_advertisements_in() -> None:
    document = patch(accepting(), "host.links", "vethdbuilder1", "master", to=4)
    assert judge_network(document).verdict is Outcome.FAIL


def test_port_of_another_networks_nic_lets_advertisements_in() -> None:
    # What it is held to is not asked here: its NIC is on another bridge by LXD's word.
    document = attach(accepting(), WEB1, "eth0", {"type": "nic", "network": "lxdbr1"})
    assert judge_network(document).verdict is Outcome.FAIL


def test_port_that_sets_the_mtu_brings_nothing_in() -> None:
    mtu = evidence_sweep.link("lxdbr0-mtu", 90, "dummy", master=4)
    document = evidence_documents.add(accepting(), "host.links", entry=mtu)
    assert judge_network(document).verdict is Outcome.PASS


def at_input(*steps: Any, hook: str = "input") -> Document:
    """Return evidence of a host that accepts RAs on lxdbr0, with one unfiltered NIC."""
    document = attach(accepting(), WEB1, "eth0", OWN)
    place = {"family": "inet", "table": "site"}
    chain = {**place, "name": "c", "handle": 1, "type": "filter", "hook": hook, "prio": 0}
    more = [
        {"table": {"family": "inet", "name": "site", "handle": 9}},
        {"chain": {**chain, "policy": "accept"}},
        {"rule": {**place, "chain": "c", "handle": 2, "expr": list(steps)}},
    ]
    return change_rules(document, lambda found: found.extend(more))


BY_BRIDGE = evidence_filters.match({"meta": {"key": "iifname"}}, "lxdbr0")
ICMPV6 = {"payload": {"protocol": "icmpv6", "field": "type"}}
ADVERT = evidence_filters.match(ICMPV6, "nd-router-advert")
DROP: dict[str, Any] = {"drop": None}
# As LXD's ACLs have it: what is always allowed, and the default.
ACL = {"match": {"op": "!=", "left": ICMPV6, "right": {"set": [1, 2, 3, 4, 133, 135, 136, 143]}}}


@pytest.mark.parametrize(
    "steps",
    [
        (BY_BRIDGE, ADVERT, DROP),
        (ADVERT, DROP),
        (BY_BRIDGE, ACL, {"reject": {"type": "icmpx", "expr": "port-unreachable"}}),
        (BY_BRIDGE, DROP),
    ],
)
@pytest.mark.parametrize("hook", ["input", "prerouting"])
def test_rules_of_the_host_hold_advertisements_off(steps: tuple[Any, ...], hook: str) -> None:
    result = judge_network(at_input(*steps, hook=hook))
    assert result.verdict is Outcome.PASS
    assert "the host drops router advertisements of lxdbr0: inet site c: " in judging.text(result)


@pytest.mark.parametrize(
    "steps",
    [
        (evidence_filters.match({"meta": {"key": "iifname"}}, "lxdbr1"), ADVERT, DROP),
        (evidence_filters.match(ICMPV6, "nd-router-solicit"), DROP),
        (BY_BRIDGE, ADVERT, {"accept": None}),
        # An extension header is enough to get past this one.
        (
            evidence_filters.match(
                {"payload": {"protocol": "ip6", "field": "nexthdr"}}, "ipv6-icmp"
            ),
            evidence_filters.match({"payload": {"base": "nh", "offset": 320, "len": 8}}, 134),
            DROP,
        ),
    ],
)
def test_rules_that_are_not_about_all_advertisements_do_not(steps: tuple[Any, ...]) -> None:
    assert judge_network(at_input(*steps)).verdict is Outcome.FAIL


def test_rules_about_some_senders_cannot_tell_of_advertisements() -> None:
    source = {"payload": {"protocol": "ip6", "field": "saddr"}}
    document = at_input(evidence_filters.match(source, "fe80::9"), ADVERT, DROP)
    assert judge_network(document).verdict is Outcome.ERROR


def test_route_that_was_learnt_before_fails_behind_rules_too() -> None:
    learnt = {"to": "::/0", "via": "fe80::9", "interface": "lxdbr0"}
    document = evidence_documents.add(
        at_input(BY_BRIDGE, ADVERT, DROP), "host.network", "learnt_routes", entry=learnt
    )
    assert judge_network(document).verdict is Outcome.FAIL


def test_tagged_advertisements_count_too() -> None:
    # Without any address the EtherTypes are not listed, and a tag hides an advertisement.
    document = with_setting("bothnone", {**BOTH, **NO_IPV4, **NO_IPV6}, accepting())
    assert judge_network(document).verdict is Outcome.FAIL


def test_rules_that_are_not_known_cannot_tell_of_advertisements() -> None:
    document = patch(accepting(), "host.filters", to=evidence_documents.missing("no shell"))
    assert judge_network(document).verdict is Outcome.ERROR
