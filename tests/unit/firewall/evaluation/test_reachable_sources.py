"""Who reaches a port: acceptance vectors of an audit of API ports, and what they stand for."""

from __future__ import annotations

import ipaddress

import pytest

from pytest_lxdsec.firewall.evaluation import reachable_sources
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.parsers import iptables
from tests.support import firewall_examples as examples

ALLOWED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48")]
HOST = {4: "192.0.2.10", 6: "2001:db8::10"}


def reached(ruleset: rules.RuleSet, version: int, *, port: int = 8443) -> reachable_sources.Reach:
    address = ipaddress.ip_address(HOST[version])
    door = reachable_sources.Endpoint(address=address, port=port, interfaces=("eth0", "eth1"))
    return reachable_sources.sources(ruleset, door)


def outside(name: str, version: int) -> bool:
    """Return whether anybody who is not allowed gets in."""
    return bool(reached(examples.input_rules(name), version).outside(ALLOWED))


@pytest.mark.parametrize(
    ("name", "is_open"),
    [
        ("allow 10/8 inet", (False, False)),
        ("table ip only", (False, True)),
        ("accept without drop", (True, True)),
        ("drop of another port", (False, False)),
        ("two tables", (False, False)),
        ("port range", (True, True)),
        ("one interface", (True, True)),
        ("allowed set with everything", (True, False)),
        ("allowed set", (True, False)),
        ("redirect", (True, True)),
        ("redirect before the filter", (False, False)),
        ("lxd's own", (True, True)),
        ("dormant", (True, True)),
        ("verdict map", (True, True)),
        ("concatenation", (True, False)),
        ("firewalld's way", (False, False)),
        ("goto at the top", (True, True)),
        ("a mark", (False, False)),
        ("established only", (False, False)),
        ("source ports", (False, False)),
    ],
)
def test_acceptance_vector(name: str, is_open: tuple[bool, bool]) -> None:
    assert (outside(name, 4), outside(name, 6)) == is_open


def test_no_filter_lets_everybody_in() -> None:
    found = reached(rules.EMPTY, 4)
    assert ipaddress.ip_network("1.0.0.0/8") in found.networks(Decision.ACCEPT)


def test_who_cannot_be_a_source_is_not_counted() -> None:
    lowest = reached(rules.EMPTY, 4).spans[0].low
    assert ipaddress.IPv4Address(lowest) == ipaddress.IPv4Address("1.0.0.0")


def test_drop_for_another_port_leaves_this_one_open() -> None:
    ruleset = examples.input_rules("drop of another port")
    assert reached(ruleset, 4, port=443).outside(ALLOWED)


def test_exactly_the_allowed_networks_are_named() -> None:
    found = reached(examples.input_rules("allowed set"), 4).networks(Decision.ACCEPT)
    assert [str(net) for net in found] == [
        "10.0.0.0/8",
        "192.0.2.1/32",
        "192.0.2.2/31",
        "192.0.2.4/30",
        "192.0.2.8/31",
    ]


def test_wider_than_the_policy_is_outside() -> None:
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    found = reached(examples.input_rules("allow 10/8 inet"), 4).outside(allowed)
    assert ipaddress.ip_network("10.0.0.0/16") in found


def test_source_port_that_lets_in_is_found() -> None:
    found = reached(examples.input_rules("source ports"), 4).networks(Decision.ACCEPT)
    assert found == (ipaddress.ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize("name", ["limit", "single bits", "service"])
def test_what_cannot_be_told_is_no_pass(name: str) -> None:
    found = reached(examples.input_rules(name), 4)
    assert found.outside(ALLOWED, Decision.UNKNOWN)


def test_translated_door_is_named() -> None:
    spans = reached(examples.input_rules("redirect"), 4).spans
    assert {(span.port, span.verdict.is_accepted) for span in spans} >= {(443, True)}


def xt(*lines: str, policy: str = "ACCEPT", family: str = "ip") -> rules.RuleSet:
    text = "\n".join(["*filter", f":INPUT {policy} [0:0]", *lines, "COMMIT", ""])
    return iptables.decode(text, family)


def test_accept_of_iptables_without_a_drop_restricts_nobody() -> None:
    ruleset = xt("-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8443 -j ACCEPT")
    assert reached(ruleset, 4).outside(ALLOWED)


def test_iptables_for_one_family_leaves_the_other_open() -> None:
    ruleset = xt("-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 8443 -j ACCEPT", policy="DROP")
    assert [bool(reached(ruleset, version).outside(ALLOWED)) for version in (4, 6)] == [
        False,
        True,
    ]


def test_no_interface_is_no_way_in() -> None:
    door = reachable_sources.Endpoint(
        address=ipaddress.ip_address(HOST[4]), port=8443, interfaces=()
    )
    assert reachable_sources.sources(rules.EMPTY, door).networks(Decision.ACCEPT) == ()
