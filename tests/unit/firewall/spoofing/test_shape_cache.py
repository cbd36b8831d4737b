"""Many NICs: one part of the rules each, and one search a shape."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections.abc import Iterator

from pytest_lxdsec.firewall.evaluation import interface_index
from pytest_lxdsec.firewall.frames import encode
from pytest_lxdsec.firewall.model import protocol_numbers, rules, values
from pytest_lxdsec.firewall.parsers import nft
from pytest_lxdsec.firewall.spoofing import (
    foreign_addresses,
    frame_kinds,
    guarantees,
    shape_cache,
    trial,
)
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY, FilteredNic
from tests.support import firewall_examples as examples

OLD = examples.nic("all")


def sibling(number: int) -> FilteredNic:
    """Another NIC of the same setting."""
    return dataclasses.replace(
        OLD,
        interface=f"veth{number:08x}",
        mac=(0x00163E000000 + number * 7).to_bytes(6, "big").hex(":"),
        ipv4=(ipaddress.IPv4Network(int(ipaddress.IPv4Address("10.85.1.0")) + number),),
        ipv6=(ipaddress.IPv6Network(int(ipaddress.IPv6Address("fd85:5ec::1:0")) + number * 13),),
    )


def rewritten(text: str, new: FilteredNic, name: str) -> str:
    """Text of nft with another NIC's names and addresses."""
    old_mac, new_mac = (int(each.mac.replace(":", ""), 16) for each in (OLD, new))
    pairs = {
        OLD.interface: new.interface,
        OLD.mac: new.mac,
        str(old_mac): str(new_mac),
        str(OLD.own_ipv4): str(new.own_ipv4),
        str(OLD.own_ipv6): str(new.own_ipv6),
        hex(int(OLD.own_ipv6)): hex(int(new.own_ipv6)),
        "plain.eth0": f"{name}.eth0",
    }
    for before, after in pairs.items():
        text = text.replace(before, after)
    return text


def objects(new: FilteredNic, name: str) -> Iterator[dict[str, object]]:
    for each in json.loads(rewritten(examples.text("all"), new, name))["nftables"]:
        [content] = each.values()
        if f"{name}.eth0" in str(content.get("chain", content.get("name"))):
            yield each


def many(nics: list[FilteredNic]) -> rules.RuleSet:
    """Return the rules of all of them, in one table."""
    head = json.loads(examples.text("all"))["nftables"][:2]
    every = [each for at, nic in enumerate(nics) for each in objects(nic, f"c{at}")]
    document = json.dumps({"nftables": [*head, *every]})
    # Handles are not unique among the copies, so each rule's tests are those of its original.
    listings = [rewritten(examples.listing("all"), nic, f"c{at}") for at, nic in enumerate(nics)]
    return nft.decode(document, "\n\n".join(listings))


NICS = [sibling(number) for number in range(1, 9)]


def test_part_is_what_concerns_the_interface() -> None:
    part = interface_index.Index(many(NICS)).part(NICS[3].interface)
    names = [chain.name for table in part.tables for chain in table.chains]
    assert names == ["in.c3.eth0", "fwd.c3.eth0"]


def test_part_gives_the_verdicts_of_the_whole() -> None:
    ruleset = many(NICS)
    part = interface_index.Index(ruleset).part(NICS[2].interface)
    for frame in frame_kinds.every(NICS[2], NOBODY).values():
        octets = encode.octets(frame)
        for hook in guarantees.HOOKS:
            whole = trial.judge(ruleset, NICS[2], octets, hook)
            assert trial.judge(part, NICS[2], octets, hook).decision is whole.decision


def test_rule_for_any_interface_is_in_every_part() -> None:
    ruleset = many(NICS[:2])
    [table] = ruleset.tables
    every = rules.Chain(
        name="every",
        rules=(rules.Rule(steps=(rules.Action(kind=rules.Kind.DROP),)),),
        hook=rules.Hook(name="input", priority=0),
    )
    wider = dataclasses.replace(table, chains=(*table.chains, every))
    part = interface_index.Index(rules.RuleSet(tables=(wider,))).part("elsewhere")
    assert [chain.name for chain in part.tables[0].chains] == ["every"]


def test_nics_of_one_setting_are_judged_once() -> None:
    bench = shape_cache.ShapeCache(many(NICS))
    for nic in NICS:
        bench.search(nic, guarantees.ADVERTISEMENTS)
    assert bench.searches == 1


def test_finding_of_a_known_shape_names_its_own_addresses() -> None:
    bench = shape_cache.ShapeCache(many(NICS))
    texts = []
    for nic in NICS:
        violation = bench.search(nic, guarantees.ADVERTISEMENTS).violation
        assert violation is not None
        texts.append(violation.text)
    own = [
        str(nic.own_ipv6) in text and nic.mac in text
        for nic, text in zip(NICS, texts, strict=True)
    ]
    assert all(own)


def test_finding_by_an_aimed_frame_names_its_own_addresses() -> None:
    ruleset = many(NICS[:3])
    [table] = ruleset.tables
    port = rules.Payload(base=rules.Base.TRANSPORT, offset=16, length=16)
    condition = rules.Match(field=port, among=values.number(5353))
    ends = (condition, rules.Action(kind=rules.Kind.ACCEPT))
    chains = tuple(
        dataclasses.replace(
            chain, rules=(rules.Rule(steps=(chain.rules[0].steps[0], *ends)), *chain.rules)
        )
        for chain in table.chains
    )
    bench = shape_cache.ShapeCache(
        rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))
    )
    for nic in NICS[:3]:
        violation = bench.search(nic, guarantees.SOURCES).violation
        assert violation is not None
        assert (violation.is_certain, nic.mac in violation.text) == (True, True)
    assert bench.searches == 1


def by_interface(nics: list[FilteredNic]) -> rules.Chain:
    """Return a site's own chain before LXD's: one map and one set that have every port."""
    ports, source = (
        rules.Meta(key="iifname"),
        rules.Payload(base=rules.Base.LINK, offset=48, length=48),
    )
    back = rules.Action(kind=rules.Kind.RETURN)
    known = tuple((values.Names((nic.interface,)), back) for nic in nics)
    pairs = values.Rows(
        tuple(
            (values.Names((nic.interface,)), values.number(protocol_numbers.mac_number(nic.mac)))
            for nic in nics
        )
    )
    both = rules.Match(field=rules.Joined(fields=(ports, source)), among=pairs, negated=True)
    drop = rules.Action(kind=rules.Kind.DROP)
    return rules.Chain(
        name="site",
        rules=(
            rules.Rule(steps=(both, drop)),
            rules.Rule(steps=(rules.VerdictMap(field=ports, entries=known),)),
        ),
        hook=rules.Hook(name="forward", priority=-300),
    )


def test_map_of_all_ports_leaves_one_shape() -> None:
    site = rules.Table(family="bridge", name="site", chains=(by_interface(NICS),))
    bench = shape_cache.ShapeCache(rules.RuleSet(tables=(*many(NICS).tables, site)))
    for nic in NICS:
        assert foreign_addresses.surroundings(bench.part(nic), nic) == (NOBODY,)
        assert bench.search(nic, guarantees.SOURCES).violation is None
    assert bench.searches == 1


def test_map_that_lets_one_port_pass_is_its_own_shape() -> None:
    chain = by_interface(NICS)
    pairs = chain.rules[0].steps[0]
    assert isinstance(pairs, rules.Match)
    accepted = rules.Rule(steps=(rules.VerdictMap(
        field=rules.Meta(key="iifname"),
        entries=((values.Names((NICS[2].interface,)), rules.Action(kind=rules.Kind.ACCEPT)),),
    ),))  # fmt: skip
    [table] = many(NICS).tables
    chains = tuple(
        dataclasses.replace(each, rules=(accepted, *each.rules)) for each in table.chains
    )
    bench = shape_cache.ShapeCache(
        rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))
    )
    found = [bench.search(nic, guarantees.SOURCES).violation is not None for nic in NICS]
    assert found == [nic is NICS[2] for nic in NICS]


def test_part_of_a_pair_gives_the_verdicts_of_the_whole() -> None:
    swapped = dataclasses.replace(by_interface(list(reversed(NICS))), name="other")
    site = rules.Table(family="bridge", name="site", chains=(by_interface(NICS[:4]), swapped))
    ruleset = rules.RuleSet(tables=(*many(NICS).tables, site))
    index = interface_index.Index(ruleset)
    for nic in NICS[2:6]:
        for frame in frame_kinds.every(nic, NOBODY).values():
            octets = encode.octets(frame)
            whole = trial.judge(ruleset, nic, octets, "forward")
            part = trial.judge(index.part(nic.interface), nic, octets, "forward")
            assert part.decision is whole.decision


def shape_of(ruleset: rules.RuleSet, nic: FilteredNic) -> shape_cache.Shape:
    return shape_cache.shape(interface_index.Index(ruleset).part(nic.interface), nic)


def test_lost_rule_is_another_shape() -> None:
    ruleset = many(NICS[:2])
    [table] = ruleset.tables
    chains = tuple(
        dataclasses.replace(chain, rules=chain.rules[1:]) if chain.name == "in.c0.eth0" else chain
        for chain in table.chains
    )
    broken = rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))
    assert shape_of(broken, NICS[0]) != shape_of(broken, NICS[1])


def test_another_nics_address_in_the_rules_is_another_shape() -> None:
    confused = dataclasses.replace(NICS[0], ipv4=NICS[1].ipv4)
    ruleset = many(NICS[:2])
    assert shape_of(ruleset, confused) != shape_of(ruleset, NICS[1])


def test_other_filters_are_another_shape() -> None:
    ruleset = many(NICS[:1])
    other = dataclasses.replace(NICS[0], filters_ipv6=False)
    assert shape_of(ruleset, other) != shape_of(ruleset, NICS[0])


def test_constant_that_holds_one_address_only_tells_two_apart() -> None:
    ruleset = many(NICS[:2])
    source = rules.Payload(base=rules.Base.NETWORK, offset=96, length=32)
    low = int(NICS[0].own_ipv4) - 5
    some = rules.Match(field=source, among=values.Intervals([(low, low + 5)]))
    chain = rules.Chain(
        name="site",
        rules=(rules.Rule(steps=(some, rules.Action(kind=rules.Kind.ACCEPT))),),
        hook=rules.Hook(name="input", priority=0),
    )
    [table] = ruleset.tables
    wider = rules.RuleSet(tables=(dataclasses.replace(table, chains=(*table.chains, chain)),))
    assert shape_of(wider, NICS[0]) != shape_of(wider, NICS[1])


def beside_lxds(chain: rules.Chain) -> rules.RuleSet:
    """Return the rules of two NICs, and a chain of the site's."""
    [table] = many(NICS[:2]).tables
    site = rules.Table(family="bridge", name="site", chains=(chain,))
    return rules.RuleSet(tables=(table, site))


def test_interfaces_by_the_beginning_of_their_names_tell_two_apart() -> None:
    first = NICS[0].interface
    named = rules.Match(field=rules.Meta(key="iifname"), among=values.Names((f"{first[:-1]}*",)))
    other = dataclasses.replace(NICS[1], interface="lan0")
    chain = rules.Chain(
        name="site",
        rules=(rules.Rule(steps=(named, rules.Action(kind=rules.Kind.DROP))),),
        hook=rules.Hook(name="input", priority=0),
    )
    part = interface_index.Index(beside_lxds(chain)).part(first)
    assert shape_cache.shape(part, NICS[0]) != shape_cache.shape(part, other)


def test_chain_of_one_interfaces_frames_tells_two_apart() -> None:
    devices = (NICS[0].interface,)
    hook = rules.Hook(name="ingress", priority=0, devices=devices, policy=rules.Kind.DROP)
    chain = rules.Chain(name="early", hook=hook)
    part = rules.RuleSet(tables=(rules.Table(family="netdev", name="t", chains=(chain,)),))
    assert shape_cache.shape(part, NICS[0]) != shape_cache.shape(part, NICS[1])


def searched(pattern: bytes) -> rules.RuleSet:
    """Return an ip6tables rule that looks for bytes."""
    found = rules.Search(pattern=pattern, low=48, high=64)
    step = rules.Match(field=found, among=values.number(1))
    chain = rules.Chain(
        name="FORWARD",
        rules=(rules.Rule(steps=(step, rules.Action(kind=rules.Kind.ACCEPT))),),
        hook=rules.Hook(name="forward", priority=0),
    )
    return rules.RuleSet(tables=(rules.Table(family="ip6", name="filter", chains=(chain,)),))


def test_search_for_its_own_address_tells_no_two_apart() -> None:
    one, two = (shape_cache.shape(searched(nic.own_ipv6.packed), nic) for nic in NICS[:2])
    assert one == two


def test_search_for_other_bytes_tells_all_apart() -> None:
    ruleset = searched(NICS[2].own_ipv6.packed)
    assert shape_cache.shape(ruleset, NICS[0]) != shape_cache.shape(ruleset, NICS[1])


def test_rules_of_ports_behind_the_bridge_are_in_the_parts_of_those_ports() -> None:
    bridge = rules.Match(field=rules.Meta(key="iifname"), among=values.Names(("lxdbr0",)))
    chain = rules.Chain(
        name="FORWARD",
        rules=tuple(
            rules.Rule(
                steps=(
                    bridge,
                    rules.Match(field=rules.PHYSDEV_IN, among=values.Names((nic.interface,))),
                    rules.Action(kind=rules.Kind.DROP),
                )
            )
            for nic in NICS
        ),
        hook=rules.Hook(name="forward", priority=0),
    )
    ruleset = rules.RuleSet(tables=(rules.Table(family="ip6", name="filter", chains=(chain,)),))
    index = interface_index.Index(ruleset, is_behind=True)
    [table] = index.part(NICS[2].interface, "lxdbr0").tables
    assert table.chains[0].rules == (chain.rules[2],)
    assert interface_index.Index(ruleset).part(NICS[2].interface).tables == ()


def test_part_keeps_what_comes_before_the_bridge() -> None:
    hook = rules.Hook(name="ingress", priority=0, devices=("veth9",))
    dropped = rules.Rule(steps=(rules.Action(kind=rules.Kind.DROP),))
    chains = (
        rules.Chain(name="early", hook=hook, rules=(dropped,)),
        rules.Chain(name="in", hook=rules.Hook(name="input", priority=0), rules=(dropped,)),
    )
    ruleset = rules.RuleSet(tables=(rules.Table(family="inet", name="t", chains=chains),))
    [table] = interface_index.Index(ruleset).part("veth9").tables
    assert [chain.name for chain in table.chains] == ["early"]
