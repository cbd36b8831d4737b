"""Rules put before LXD's, and exceptions from its drops, that no fixed list of frames knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_lxdsec.firewall.evaluation import interface_index
from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.parsers import nft
from pytest_lxdsec.firewall.spoofing import guarantees, rule_directed, search, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples
from tests.support.firewall_examples import ACCEPT, DROP, RETURN, jump, match

NIC = examples.nic("all")
IN, FORWARD = examples.CHAINS
Document = dict[str, Any]
Change = Callable[[Document], None]


def changed(*changes: Change) -> rules.RuleSet:
    document = json.loads(examples.text("all"))
    for change in changes:
        change(document)
    return nft.decode(json.dumps(document), examples.listing("all"))


def rule(chain: str, *steps: Any) -> Document:
    where = {"family": "bridge", "table": "lxd", "chain": chain}
    return {"rule": {**where, "handle": 9000, "expr": list(steps)}}


def before(chain: str, *steps: Any) -> Change:
    """Return a rule of the NIC's before all others of a chain."""

    def insert(document: Document) -> None:
        objects = document["nftables"]
        at = next(i for i, one in enumerate(objects) if one.get("rule", {}).get("chain") == chain)
        objects.insert(at, rule(chain, match("meta iifname", NIC.interface), *steps))

    return insert


def chain(name: str, *bodies: list[Any]) -> Change:
    def append(document: Document) -> None:
        made = {"family": "bridge", "table": "lxd", "name": name, "handle": 8000}
        document["nftables"].append({"chain": made})
        document["nftables"].extend(rule(name, *body) for body in bodies)

    return append


def except_from_drops(name: str, condition: Document) -> Change:
    """Return all drops of a chain get a condition more."""

    def change(document: Document) -> None:
        for one in document["nftables"]:
            body = one.get("rule", {}).get("expr", [{}])
            if one.get("rule", {}).get("chain") == name and body[-1] == DROP:
                body.insert(1, condition)

    return change


def list_ethertype(name: str, number: int) -> Change:
    """Return LXD's list of EtherTypes gets another one."""

    def change(document: Document) -> None:
        for one in document["nftables"]:
            for step in one.get("rule", {}).get("expr", ()):
                right = step.get("match", {}).get("right")
                if one["rule"]["chain"] == name and isinstance(right, dict) and "set" in right:
                    right["set"].append(number)

    return change


def violation(ruleset: rules.RuleSet) -> trial.Violation | None:
    part = interface_index.Index(ruleset).part(NIC.interface)
    return search.search(part, NIC, guarantees.SOURCES).violation


CONDITIONS = {
    "udp dport": match("udp dport", 5353),
    "tcp dport": match("tcp dport", 443),
    "one of several ports": match("udp dport", {"set": [1900, 5353]}),
    "a range of ports": match("tcp dport", 50000, ">"),
    "sctp": match("sctp dport", 5060),
    "to the gateway": match("ip daddr", "10.85.0.1"),
    "to a group": match("ip6 daddr", "ff02::fb"),
    "to a MAC address": match("ether daddr", "00:16:3e:11:22:33"),
    "ARP for the gateway": match("arp daddr ip", "10.85.0.1"),
    "a protocol": match("ip protocol", 112),
    "a protocol of either family": match("meta l4proto", 89),
    "an EtherType": match("ether type", 0x8863),
    "a life time": match("ip ttl", 255),
    "a service": match("ip dscp", 46),
    "a type of ICMPv6": match("icmpv6 type", 143),
    "masked bits": match({"&": [{"payload": {"protocol": "ip", "field": "daddr"}}, 255]}, 7),
    "bytes by offset": match({"payload": {"base": "nh", "offset": 128, "len": 32}}, 0x0A550001),
    "a hardware type": match("arp htype", 7),
    "a group of Ethernet's": match("meta pkttype", "multicast"),
}


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("name", examples.CHAINS)
def test_accept_of_something_only_is_found(name: str, condition: Document) -> None:
    found = violation(changed(before(name, condition, ACCEPT)))
    assert found is not None
    assert (found.is_certain, found.verdict.rule and found.verdict.rule.handle) == (True, 9000)


def test_accept_of_two_things_together_is_found() -> None:
    both = (match("ip saddr", "10.85.0.9"), match("ip daddr", "10.85.0.1"))
    found = violation(changed(before(IN, *both, ACCEPT)))
    assert found is not None
    assert "from 10.85.0.9 to 10.85.0.1" in found.text


def test_accept_of_a_pair_is_found() -> None:
    pair = {"concat": [{"payload": {"protocol": "ip", "field": f}} for f in ("saddr", "daddr")]}
    values = {"set": [{"concat": ["10.85.0.9", "10.85.0.1"]}]}
    assert violation(changed(before(IN, match(pair, values), ACCEPT))) is not None


@pytest.mark.parametrize("port", ["vethpeer", "vethp*"])
def test_accept_towards_one_port_is_found(port: str) -> None:
    found = violation(changed(before(FORWARD, match("meta oifname", port), ACCEPT)))
    assert found is not None
    assert (found.is_certain, found.hook) == (True, "forward")


def test_accept_by_a_map_is_found() -> None:
    key = {"payload": {"protocol": "udp", "field": "dport"}}
    ports = {"vmap": {"key": key, "data": {"set": [[123, DROP], [5353, ACCEPT]]}}}
    found = violation(changed(before(IN, ports)))
    assert found is not None
    assert "to 5353 " in found.text


def test_return_before_the_drops_is_found() -> None:
    assert violation(changed(before(IN, match("tcp dport", 25), RETURN))) is not None


@pytest.mark.parametrize("kind", ["jump", "goto"])
def test_accept_behind_jumps_is_found(kind: str) -> None:
    found = violation(
        changed(
            chain("outer", [match("ip daddr", "10.85.0.1"), jump("inner", kind)]),
            chain("inner", [match("udp dport", {"set": [53, 67]}), ACCEPT]),
            before(IN, jump("outer")),
        )
    )
    assert found is not None
    assert "to 53 from" in found.text
    assert "to 10.85.0.1" in found.text


def test_accept_of_a_mark_that_another_rule_sets_is_found() -> None:
    mark = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}
    found = violation(
        changed(
            before(IN, match("meta mark", 7), ACCEPT),
            before(IN, match("tcp dport", 25), mark),
        )
    )
    assert found is not None
    assert "TCP" in found.text


@pytest.mark.parametrize(
    "condition",
    [
        match("udp dport", 5353, "!="),
        match("ip ttl", 255, "!="),
        match("ether daddr", "00:16:3e:11:22:33", "!="),
    ],
)
def test_exception_from_the_drops_is_found(condition: Document) -> None:
    assert violation(changed(except_from_drops(IN, condition))) is not None


@pytest.mark.parametrize("name", examples.CHAINS)
def test_ethertype_that_was_added_to_the_list_is_found(name: str) -> None:
    found = violation(changed(list_ethertype(name, 0x892F)))
    assert found is not None
    assert "0x892f" in found.text


def test_what_is_dropped_besides_is_no_offence() -> None:
    assert violation(changed(before(IN, match("tcp dport", 25), DROP))) is None


def test_condition_that_is_not_modelled_cannot_be_told() -> None:
    odd = match("meta length", {"range": [100, 200]})
    found = violation(changed(before(IN, odd, ACCEPT)))
    assert found is not None
    assert not found.is_certain


def test_rules_without_end_are_not_tried_by_halves() -> None:
    bodies = ([match("sctp dport", number), ACCEPT] for number in range(1, rule_directed.MOST + 2))
    ruleset = changed(chain("many", *bodies), before(IN, jump("many")))
    with pytest.raises(rule_directed.TooManyError, match="rules to aim at"):
        violation(ruleset)


@pytest.mark.parametrize("setting", ["mac", "ipv4", "ipv6", "all", "bothnone", "v4+v6none"])
def test_every_accept_of_lxds_own_is_aimed_at(setting: str) -> None:
    nic = examples.nic(setting)
    part = interface_index.Index(examples.recorded(setting)).part(nic.interface)
    aims = [aim for aim in rule_directed.every(part) if aim.way[-1].besides is None]
    made = {
        aim.way for aim in aims if rule_directed.directed_frame(aim, part, nic, NOBODY) is not None
    }
    assert made == {aim.way for aim in aims}
