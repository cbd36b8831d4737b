"""What a sender may choose: where rules ask for it, a frame that is dropped shows nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.spoofing import frame_kinds, guarantees, search, sender_choice, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples
from tests.support.firewall_examples import ACCEPT, match

OTHER = 0x20010DB8000000000000000000001234  # an address, as nft prints what it loads by offset
SETTINGS = ("mac", "ipv4", "ipv6", "all", "v4none", "v6none", "bothnone", "v4+v6none")


def behind_an_accept(condition: Any) -> rules.RuleSet:
    """Return one chain: what is accepted first, and then all is dropped."""
    return examples.made(
        ("in", [[condition, ACCEPT], [{"drop": None}]]),
        family="bridge",
        hook="input",
    )


def violations(
    ruleset: rules.RuleSet, kind: str, guarantee: guarantees.Guarantee
) -> list[trial.Violation]:
    nic = examples.nic("all")
    frame = frame_kinds.every(nic, NOBODY)[kind]
    return [o for o in trial.violations(ruleset, nic, frame, [guarantee]) if o.hook == "input"]


@pytest.mark.parametrize(
    "condition",
    [
        match("ip daddr", "10.85.0.1"),
        match("ip ttl", 7),
        match("ether daddr", "00:16:3e:11:22:33"),
        match("meta pkttype", "host"),
        match({"payload": {"base": "th", "offset": 16, "len": 16}}, 53),
    ],
)
def test_frame_whose_like_may_pass_is_no_frame_that_is_dropped(condition: Any) -> None:
    [found] = violations(behind_an_accept(condition), "ipv4_spoof_src", guarantees.IPV4_SOURCE)
    assert not found.is_certain
    assert "the sender may choose what it asks about" in found.text


@pytest.mark.parametrize(
    "condition",
    [
        match("ip saddr", "10.85.0.4"),
        match("ether saddr", "00:16:3e:11:22:33"),
        match("ip protocol", 6),
        match("ether type", 0x88B5),
    ],
)
def test_what_makes_a_frame_pretend_is_not_the_senders_to_choose(condition: Any) -> None:
    assert violations(behind_an_accept(condition), "ipv4_spoof_src", guarantees.IPV4_SOURCE) == []


def test_options_may_hold_anything() -> None:
    decoy = {"payload": {"base": "nh", "offset": 384, "len": 128}}
    ruleset = behind_an_accept(match(decoy, OTHER))
    [found] = violations(ruleset, "na_spoof_exthdr_ownsrc", guarantees.NEIGHBOUR_TARGET)
    assert not found.is_certain


def test_what_an_advertisement_says_is_what_is_asked() -> None:
    target = {"payload": {"base": "nh", "offset": 384, "len": 128}}
    ruleset = behind_an_accept(match(target, OTHER))
    assert violations(ruleset, "na_spoof_target_ownsrc", guarantees.NEIGHBOUR_TARGET) == []


@pytest.mark.parametrize("kind", ["arp_spoof_spa_vid0", "vlan100_ipv4_spoof", "eth_88b5_bcast"])
def test_what_no_receiver_understands_is_open(kind: str) -> None:
    ruleset = behind_an_accept(match({"payload": {"base": "nh", "offset": 40, "len": 16}}, 3))
    assert not all(o.is_certain for o in violations(ruleset, kind, guarantees.ETHERTYPE))
    assert sender_choice.of(frame_kinds.every(examples.nic("all"), NOBODY)[kind])


@pytest.mark.parametrize("setting", SETTINGS)
def test_stock_rules_hold_whatever_the_sender_chooses(setting: str) -> None:
    """Nothing is left in doubt: what LXD's own rules drop, they drop in all its forms."""
    nic, ruleset = examples.nic(setting), examples.recorded(setting)
    asked = [
        guarantee
        for guarantee in guarantees.SOURCES
        if guarantee.applies(nic) and not guarantee.passes
    ]
    if not nic.ipv4 and not nic.ipv6:
        asked.remove(guarantees.ETHERTYPE)  # LXD-BRI-08
    found = search.search(ruleset, nic, asked).violation
    assert found is None or (found.guarantee is guarantees.ETHERTYPE and found.is_certain)
