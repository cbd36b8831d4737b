"""nft's JSON: three spellings of values, what is left out, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_lxdsec.firewall.evaluation.evaluate import Decision, Verdict, evaluate
from pytest_lxdsec.firewall.model import packet, values
from pytest_lxdsec.firewall.model.values import Intervals
from pytest_lxdsec.firewall.parsers import nft, nft_netlink_debug, nft_values
from pytest_lxdsec.firewall.parsers.nft_values import Datatype
from tests.support import firewall_examples as examples
from tests.support.firewall_examples import ACCEPT, DROP, at_input, document, made, match, syn


def number(given: Any, **datatype: Any) -> Any:
    found = nft_values.among(given, Datatype(**datatype), {})
    assert isinstance(found, Intervals)
    return list(found)


@pytest.mark.parametrize(
    ("given", "datatype"),
    [
        ("00:16:3e:86:47:9a", {"kind": "mac", "length": 48}),
        (0x163E86479A, {"length": 48}),
        ("0x163e86479a", {"length": 48}),
    ],
)
def test_value_has_three_spellings(given: Any, datatype: dict[str, Any]) -> None:
    assert number(given, **datatype) == [(0x163E86479A, 0x163E86479A)]


def test_prefix_is_an_interval() -> None:
    given = {"prefix": {"addr": "10.1.2.3", "len": 8}}
    assert number(given, kind="ip", length=32) == [(0x0A000000, 0x0AFFFFFF)]


def test_set_of_neighbours_is_one_interval() -> None:
    assert number({"set": [{"range": [1, 4]}, 5, 9]}, length=16) == [(1, 5), (9, 9)]


def test_flags_are_or_ed() -> None:
    assert number(["syn", "ack"], names={"syn": 2, "ack": 16}) == [(18, 18)]


def test_address_of_the_other_family_is_not_read() -> None:
    with pytest.raises(nft_values.NotModelled):
        number("::1", kind="ip", length=32)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"nftables": {}}', '{"nftables": [1]}', '{"nftables": [{"rule": 1}]}']
)
def test_what_nft_does_not_print_is_refused(text: str) -> None:
    with pytest.raises(nft.NotUnderstood):
        nft.decode(text)


def test_rule_without_expressions_is_refused() -> None:
    broken = document(("i", [[DROP]]))
    del broken["nftables"][2]["rule"]["expr"]
    with pytest.raises(nft.NotUnderstood):
        nft.decode(json.dumps(broken))


@pytest.mark.parametrize(
    "expression",
    [
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "gre", "field": "flags"}},
                "right": 1,
            }
        },
        {"match": {"op": "==", "left": {"osf": {"key": "name"}}, "right": "Linux"}},
        {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}},
        {
            "match": {
                "op": "==",
                "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                "right": "@gone",
            }
        },
        {
            "match": {
                "op": "~",
                "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                "right": 8443,
            }
        },
        {"match": {"op": "==", "left": {"|": [1, 2]}, "right": 0}},
        {"match": {"left": 1}},
        {"xt": {"type": "match", "name": "recent"}},
        {"quota": {"val": 1}},
        {"a": 1, "b": 2},
        "accept",
    ],
)
def test_what_is_not_modelled_is_never_left_out(expression: Any) -> None:
    assert at_input(made(("i", [[expression, DROP]]))).decision is Decision.UNKNOWN


@pytest.mark.parametrize("expression", [{"counter": {}}, {"log": {"prefix": "x"}}, {"last": None}])
def test_what_only_watches_has_no_say(expression: Any) -> None:
    assert at_input(made(("i", [[expression, DROP]]))).is_dropped


# --- what is left out ------------------------------------------------------------------------


def test_source_of_ipv4_is_not_asked_of_ipv6() -> None:
    ruleset = made(("i", [[match("ip saddr", "10.0.0.0", "!="), DROP]]))
    assert at_input(ruleset, syn("2001:db8::1")).is_accepted


def test_way_to_reject_tells_the_family() -> None:
    ruleset = made(("i", [[{"reject": {"type": "icmp", "expr": "port-unreachable"}}]]))
    said = [at_input(ruleset, syn(source)).is_dropped for source in ("10.0.0.1", "2001:db8::1")]
    assert said == [True, False]


def tagged(body: list[Any], program: list[str]) -> Verdict:
    """Return what a rule of a bridge does to an ICMPv4 frame behind a VLAN tag."""
    text = json.dumps(document(("c", [body]), family="bridge"))
    shown = "bridge t c 1\n" + "".join(f"  [ {line} ]\n" for line in program)
    frame = bytes.fromhex(
        "ff" * 6 + "02" * 6 + "8100" + "0005" + "0800" + "45" + "00" * 11 + "0a000001" + "00" * 14
    )
    seen = packet.bridged(frame, iifname="a")
    return evaluate(nft.decode(text, shown), seen, hook="input", family="bridge")


BY_LINK = ["payload load 2b @ link header + 12 => reg 1 ", "cmp eq reg 1 0x00000008 "]
BY_META = ["meta load protocol => reg 1 ", "cmp eq reg 1 0x00000008 "]


@pytest.mark.parametrize(("program", "is_dropped"), [(BY_LINK, False), (BY_META, True)])
def test_listing_tells_which_protocol_was_asked(program: list[str], is_dropped: bool) -> None:  # noqa: FBT001 - parametrized
    stripped = [line.strip() for line in program]
    assert tagged([match("ip saddr", "10.0.0.1"), DROP], stripped).is_dropped is is_dropped


def test_listing_in_the_other_byte_order_is_read() -> None:
    text = "bridge t c 1\n  [ meta load protocol => reg 1 ]\n  [ cmp eq reg 1 0x08000000 ]\n"
    [tests] = nft_netlink_debug.read(text, byteorder="big").tests.values()
    [test] = tests
    assert test.among == values.number(0x0800)


# --- tables and sets -------------------------------------------------------------------------


def flagged(flags: Any) -> str:
    found = document(("i", [[DROP]]))
    found["nftables"][0]["table"]["flags"] = flags
    return json.dumps(found)


@pytest.mark.parametrize("flags", ["dormant", "t", ["dormant"], ["owner"]])
def test_table_with_flags_may_be_dormant(flags: Any) -> None:
    verdict = at_input(nft.decode(flagged(flags)))
    assert verdict.decision is Decision.UNKNOWN
    assert "has flags, it may be dormant" in verdict.reason


@pytest.mark.parametrize(("flags", "is_dropped"), [("dormant", False), ("owner", True)])
def test_listing_tells_whether_a_table_is_dormant(flags: str, is_dropped: bool) -> None:  # noqa: FBT001 - as above
    listing = f"table inet t {{\n\tflags {flags}\n}}\n"
    assert at_input(nft.decode(flagged("t"), listing)).is_dropped is is_dropped


def test_recorded_dormant_table_has_no_say() -> None:
    assert at_input(examples.input_rules("dormant")).is_accepted


def test_named_set_with_timeouts_cannot_be_told() -> None:
    verdict = at_input(examples.input_rules("dynamic set"))
    assert verdict.decision is Decision.UNKNOWN
    assert "the set @banned" in verdict.reason


def ingress(name: str) -> Verdict:
    return evaluate(examples.input_rules(name), syn(iifname="lo"), hook="ingress", family="netdev")


@pytest.mark.parametrize("name", ["ingress", "inet ingress"])
def test_ingress_chain_drops_at_its_device(name: str) -> None:
    assert ingress(name).is_dropped


def test_ingress_chain_has_no_say_at_another_device() -> None:
    ruleset = examples.input_rules("inet ingress")
    assert evaluate(ruleset, syn(), hook="ingress", family="netdev").is_accepted


def test_ingress_chain_without_devices_cannot_be_told() -> None:
    ruleset = made(("i", [[DROP]]), hook="ingress")
    verdict = evaluate(ruleset, syn(), hook="ingress", family="netdev")
    assert verdict.decision is Decision.UNKNOWN


def test_interface_with_a_star_stands_for_many() -> None:
    ruleset = made(("i", [[match("meta iifname", "eth*"), DROP]]))
    assert [at_input(ruleset, syn(iifname=n)).is_dropped for n in ("eth1", "lan0")] == [
        True,
        False,
    ]


def test_interface_by_number_cannot_be_told() -> None:
    ruleset = made(("i", [[match("meta iif", 7), DROP]]))
    assert at_input(ruleset).decision is Decision.UNKNOWN


def test_catch_all_element_is_asked_last() -> None:
    key = {"payload": {"protocol": "tcp", "field": "dport"}}
    vmap = {"vmap": {"key": key, "data": {"set": [["*", DROP], [8443, ACCEPT]]}}}
    assert at_input(made(("i", [[vmap]]))).is_accepted
