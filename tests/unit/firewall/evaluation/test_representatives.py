"""What no rule tells apart is tried once; whom a NIC's rules know is pretended to be."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from pytest_lxdsec.firewall.evaluation import reachable_sources, representatives
from pytest_lxdsec.firewall.model import rules, values
from pytest_lxdsec.firewall.parsers import iptables
from pytest_lxdsec.firewall.spoofing import foreign_addresses
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples

INTERFACES = ("lo", "eth0", "eth1", "veth1", "veth2")
HOST = ipaddress.IPv4Address("192.0.2.10")
SAMPLE = reachable_sources.syn(HOST, HOST, source_port=40000, port=8443, iifname="")


def filtered(*lines: str) -> rules.RuleSet:
    body = "".join(f"-A INPUT {line}\n" for line in lines)
    return iptables.decode(f"*filter\n:INPUT ACCEPT [0:0]\n{body}COMMIT\n", "ip")


def on_bridge(*lines: str) -> rules.RuleSet:
    """Return the same rules, had a bridge them."""
    [table] = filtered(*lines).tables
    return rules.RuleSet(tables=(dataclasses.replace(table, family="bridge"),))


def ways(*lines: str) -> tuple[str, ...]:
    return representatives.interfaces(filtered(*lines), SAMPLE, INTERFACES)


def addresses(*lines: str) -> list[str]:
    own = [HOST, HOST + 1, ipaddress.IPv4Address("10.0.0.1")]
    return [str(each) for each in representatives.addresses(filtered(*lines), SAMPLE, own)]


def test_without_rules_one_interface_stands_for_all() -> None:
    assert ways() == ("lo",)


def test_interface_that_a_rule_names_stands_for_itself() -> None:
    assert ways("-i eth1 -j DROP") == ("lo", "eth1")


def test_interfaces_of_one_pattern_fare_alike() -> None:
    assert ways("-i veth+ -j DROP", "! -i lo -j DROP") == ("lo", "eth0", "veth1")


def test_addresses_that_no_rule_names_fare_alike() -> None:
    assert addresses("-s 10.0.0.0/8 -j DROP") == ["192.0.2.10"]


def test_address_that_a_rule_names_stands_for_itself() -> None:
    assert addresses("-d 192.0.2.11 -j DROP") == ["192.0.2.10", "192.0.2.11"]


def test_addresses_of_which_rules_see_a_part_are_all_tried() -> None:
    assert len(addresses("-d 0.0.0.1/0.0.0.1 -j DROP")) == 3


@pytest.mark.parametrize("setting", ["all", "mac", "ipv4", "ipv6", "v4none", "bothnone"])
def test_rules_of_lxd_know_nobody_else(setting: str) -> None:
    ruleset, nic = examples.recorded(setting), examples.nic(setting)
    assert foreign_addresses.surroundings(part(ruleset, nic.interface), nic) == (NOBODY,)


def test_rules_for_an_earlier_address_know_it() -> None:
    ruleset, nic = examples.recorded("all"), examples.nic("all")
    moved = dataclasses.replace(nic, ipv4=(ipaddress.IPv4Network("10.85.0.99/32"),))
    found = foreign_addresses.surroundings(part(ruleset, nic.interface), moved)
    assert [str(each.other_ipv4) for each in found] == ["192.0.2.66", "10.85.0.4"]


def test_rules_for_an_earlier_mac_address_know_it() -> None:
    ruleset, nic = examples.recorded("all"), examples.nic("all")
    moved = dataclasses.replace(nic, mac="00:16:3e:00:00:01")
    found = foreign_addresses.surroundings(part(ruleset, nic.interface), moved)
    assert [each.other_mac for each in found] == [NOBODY.other_mac, nic.mac]


def test_too_many_others_are_not_tried_by_halves() -> None:
    lines = [f"-s 198.51.100.{number} -j ACCEPT" for number in range(0, 200, 2)]
    with pytest.raises(foreign_addresses.TooManyError, match="know 100 addresses of others"):
        foreign_addresses.surroundings(on_bridge(*lines), examples.nic("all"))


def test_others_whom_only_rules_behind_the_bridge_know_are_nobody_to_pretend() -> None:
    """No source but its own has come that far."""
    lines = [f"-s 198.51.100.{number} -j ACCEPT" for number in range(0, 200, 2)]
    assert len(foreign_addresses.surroundings(filtered(*lines), examples.nic("all"))) == 1


def test_address_that_ip6tables_searches_is_one_to_pretend() -> None:
    search = '-m string --hex-string "|20010db8000000000000000000001234|" --algo bm'
    text = f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {search} -j ACCEPT\nCOMMIT"
    [_, found] = foreign_addresses.surroundings(iptables.decode(text, "ip6"), examples.nic("all"))
    assert str(found.other_ipv6) == "2001:db8::1234"


def test_members_of_a_set_are_one_where_no_rule_tells_them_apart() -> None:
    source = rules.Payload(base=rules.Base.LINK, offset=48, length=48)
    macs = values.Intervals((number, number) for number in range(0, 2000, 2))
    known = rules.Match(field=source, among=macs, negated=True)
    drop = rules.Rule(steps=(known, rules.Action(kind=rules.Kind.DROP)))
    hook = rules.Hook(name="forward", priority=-300)
    chain = rules.Chain(name="c", rules=(drop,), hook=hook)
    ruleset = rules.RuleSet(tables=(rules.Table(family="bridge", name="t", chains=(chain,)),))
    found = foreign_addresses.surroundings(ruleset, examples.nic("mac"))
    assert [each.other_mac for each in found] == [NOBODY.other_mac, "00:00:00:00:00:00"]


@pytest.mark.parametrize("length", [32, 30, 24])
def test_network_that_begins_with_the_nics_own_address_knows_others(length: int) -> None:
    nic = dataclasses.replace(examples.nic("all"), ipv4=(ipaddress.IPv4Network("10.85.0.0/32"),))
    ruleset = on_bridge(f"-s 10.85.0.0/{length} -j ACCEPT")
    others = [str(each.other_ipv4) for each in foreign_addresses.surroundings(ruleset, nic)][1:]
    assert others == ([] if length == 32 else ["10.85.0.1"])


def part(ruleset: rules.RuleSet, interface: str) -> rules.RuleSet:
    """Return the chains of one NIC."""
    [table] = [each for each in ruleset.tables if each.name == "lxd" and each.family == "bridge"]
    chains = tuple(each for each in table.chains if interface in str(each))
    return rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))
