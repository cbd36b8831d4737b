"""Filters that are configured and not at work, on rules that LXD really wrote."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.parsers import nft
from pytest_lxdsec.firewall.spoofing import guarantees, search, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import FilteredNic
from tests.support import firewall_examples as examples

NIC = examples.nic("all")
Document = dict[str, Any]


def violation(ruleset: rules.RuleSet, nic: FilteredNic = NIC) -> trial.Violation | None:
    """Return what a short search finds."""
    return search.search(ruleset, nic, guarantees.SOURCES, examples=60).violation


def changed(change: Callable[[Document], None]) -> rules.RuleSet:
    found = json.loads(examples.text("all"))
    change(found)
    return nft.decode(json.dumps(found), examples.listing("all"))


def rule_of(chain: str, *body: Any) -> Document:
    where = {"family": "bridge", "table": "lxd", "chain": chain}
    return {"rule": {**where, "handle": 9999, "expr": list(body)}}


def first_rule(document: Document, chain: str) -> int:
    objects = document["nftables"]
    return next(i for i, o in enumerate(objects) if o.get("rule", {}).get("chain") == chain)


def test_rules_as_lxd_writes_them_hold() -> None:
    assert violation(examples.recorded("all")) is None


def test_flushed_rules_are_found() -> None:
    found = violation(rules.EMPTY)
    assert found is not None
    assert found.is_certain
    assert found.verdict.reason == "no chain asks"


def test_renamed_interface_is_found() -> None:
    found = violation(examples.recorded("all"), dataclasses.replace(NIC, interface="veth-renamed"))
    assert found is not None
    assert found.is_certain


def test_dormant_table_is_found() -> None:
    listing = examples.listing("all").replace(
        "table bridge lxd {\n", "table bridge lxd {\n\tflags dormant\n\n"
    )
    found = violation(nft.decode(examples.text("all"), listing))
    assert found is not None
    assert found.is_certain


def test_table_with_flags_and_no_listing_cannot_be_told() -> None:
    document = json.loads(examples.text("all"))
    document["nftables"][1]["table"]["flags"] = "lxd"
    found = violation(nft.decode(json.dumps(document)))
    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize("chain", examples.CHAINS)
def test_accept_in_front_of_the_drops_is_found(chain: str) -> None:
    def insert(document: Document) -> None:
        document["nftables"].insert(first_rule(document, chain), rule_of(chain, examples.ACCEPT))

    found = violation(changed(insert))
    assert found is not None
    assert found.hook == ("input" if chain.startswith("in.") else "forward")
    assert found.verdict.rule is not None
    assert found.verdict.rule.handle == 9999


def test_accept_in_another_base_chain_is_harmless() -> None:
    def insert(document: Document) -> None:
        where = {"family": "bridge", "table": "lxd", "name": "early", "handle": 9998}
        hook = {"type": "filter", "hook": "input", "prio": -300, "policy": "accept"}
        document["nftables"].append({"chain": {**where, **hook}})
        document["nftables"].append(rule_of("early", examples.ACCEPT))

    assert violation(changed(insert)) is None


def test_rule_behind_the_drops_is_harmless() -> None:
    def insert(document: Document) -> None:
        document["nftables"].append(rule_of("in.plain.eth0", examples.ACCEPT))

    found = violation(changed(insert))
    # Its own DHCP and the like end before; what reaches it was dropped before.
    assert found is None


def test_stale_chain_with_the_old_address_is_found() -> None:
    own = dataclasses.replace(NIC, ipv4=(type(NIC.ipv4[0])("10.85.0.99/32"),))
    found = violation(examples.recorded("all"), own)
    assert found is not None
    assert found.is_certain


def test_unknown_statement_in_the_chain_cannot_be_told() -> None:
    def insert(document: Document) -> None:
        at = first_rule(document, "in.plain.eth0")
        document["nftables"].insert(at, rule_of("in.plain.eth0", {"xt": None}))

    found = violation(changed(insert))
    assert found is not None
    assert not found.is_certain


@pytest.mark.parametrize(
    ("setting", "asked", "guarantee"),
    [
        ("ipv6", guarantees.ADVERTISEMENTS, "P6"),
        ("all", guarantees.ADVERTISEMENTS, "P6"),
        ("v4none", guarantees.NO_ADDRESS, "P10v4"),
        ("v6none", guarantees.NO_ADDRESS, "P10v6"),
        ("bothnone", guarantees.NO_ADDRESS, "P10v4"),
        ("v4none", guarantees.SOURCES, "P7"),
    ],
)
def test_gap_of_stock_lxd_is_found(
    setting: str, asked: tuple[guarantees.Guarantee, ...], guarantee: str
) -> None:
    outcome = search.search(examples.recorded(setting), examples.nic(setting), asked)
    assert outcome.violation is not None
    assert (outcome.violation.guarantee.id, outcome.violation.is_certain) == (guarantee, True)


@pytest.mark.parametrize("setting", ["mac", "ipv4", "ipv6", "all"])
def test_stock_lxd_holds_sources_of_nics_with_addresses(setting: str) -> None:
    assert violation(examples.recorded(setting), examples.nic(setting)) is None


def test_network_that_was_not_given_is_too_wide() -> None:
    wide = dataclasses.replace(NIC, ipv4=(type(NIC.ipv4[0])("0.0.0.0/0"),))
    assert guarantees.too_wide(wide, [*NIC.ipv4, *NIC.ipv6]) == wide.ipv4


def test_drop_before_the_bridge_counts() -> None:
    hook = rules.Hook(name="ingress", priority=0, policy=rules.Kind.DROP, devices=("veth9",))
    early = rules.Table(family="netdev", name="t", chains=(rules.Chain(name="c", hook=hook),))
    nic = dataclasses.replace(NIC, interface="veth9")
    sources = [guarantee for guarantee in guarantees.SOURCES if not guarantee.passes]
    ruleset = rules.RuleSet(tables=(early,))
    assert search.search(ruleset, nic, sources, examples=20).violation is None


def test_frame_that_goes_another_way_before_the_bridge_is_not_held() -> None:
    # What the chains of the bridge would do to it does not matter any more.
    forward = {"fwd": {"dev": "vethpeer", "family": "ip", "addr": "10.85.0.9"}}
    where = {"family": "netdev", "table": "t"}
    hook = {"type": "filter", "hook": "ingress", "prio": 0, "policy": "accept"}

    def insert(document: Document) -> None:
        document["nftables"] += [
            {"table": {"family": "netdev", "name": "t", "handle": 70}},
            {"chain": {**where, "name": "c", "handle": 71, **hook, "dev": NIC.interface}},
            {"rule": {**where, "chain": "c", "handle": 72, "expr": [forward]}},
        ]

    found = violation(changed(insert))
    assert found is not None
    assert (found.is_certain, "goes another way" in found.text) == (False, True)


def test_nothing_is_tried_where_nothing_is_promised() -> None:
    outcome = search.search(rules.EMPTY, examples.nic("none"), guarantees.ADVERTISEMENTS)
    assert (outcome.violation, outcome.tried) == (None, 0)
