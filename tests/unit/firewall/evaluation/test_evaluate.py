"""Chains, priorities, policies, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_lxdsec.firewall.evaluation import evaluate
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.model import rules
from pytest_lxdsec.firewall.model.rules import Kind
from pytest_lxdsec.firewall.parsers import nft
from tests.support.firewall_examples import (
    ACCEPT,
    CONTINUE,
    DROP,
    RETURN,
    at_input,
    document,
    jump,
    made,
    match,
    syn,
)

LIMIT = {"limit": {"rate": 5, "per": "second"}}
OTHER = match("tcp dport", 22)
OURS = match("tcp dport", 8443)


def decided(*chains: tuple[str, list[list[Any]]], policy: str = "accept") -> Decision:
    return at_input(made(*chains, policy=policy)).decision


def test_nothing_drops_where_there_is_no_rule() -> None:
    assert at_input(rules.EMPTY).reason == "no chain asks"


def test_first_rule_that_matches_decides() -> None:
    assert decided(("i", [[OTHER, DROP], [OURS, ACCEPT], [DROP]])) is Decision.ACCEPT


def test_policy_decides_where_no_rule_does() -> None:
    assert decided(("i", [[OTHER, ACCEPT]]), policy="drop") is Decision.DROP


def test_reject_drops() -> None:
    assert decided(("i", [[{"reject": {"type": "tcp reset"}}]])) is Decision.DROP


def test_return_of_a_base_chain_is_its_policy() -> None:
    assert decided(("i", [[RETURN], [ACCEPT]]), policy="drop") is Decision.DROP


def test_jump_comes_back() -> None:
    assert (
        decided(("i", [[jump("s")], [DROP]]), ("s", [[OURS, RETURN], [ACCEPT]])) is Decision.DROP
    )


def test_goto_does_not_come_back() -> None:
    chains = ("i", [[jump("s", "goto")], [DROP]]), ("s", [[OTHER, ACCEPT]])
    assert decided(*chains) is Decision.ACCEPT


def test_goto_from_a_called_chain_returns_to_the_caller() -> None:
    chains = (
        ("i", [[jump("s")], [DROP]]),
        ("s", [[jump("g", "goto")], [ACCEPT]]),
        ("g", [[OTHER, ACCEPT]]),
    )
    assert decided(*chains) is Decision.DROP


def test_accept_in_a_called_chain_ends_the_base_chain() -> None:
    assert decided(("i", [[jump("s")], [DROP]]), ("s", [[ACCEPT]])) is Decision.ACCEPT


def test_chain_that_is_not_listed_cannot_be_told() -> None:
    assert decided(("i", [[jump("gone")], [DROP]])) is Decision.UNKNOWN


def test_endless_jumps_cannot_be_told() -> None:
    assert decided(("i", [[jump("s")]]), ("s", [[jump("s")]])) is Decision.UNKNOWN


def test_verdict_map_acts_by_the_first_entry_that_fits() -> None:
    pairs = [[22, DROP], [{"range": [8000, 9000]}, jump("s")]]
    vmap = {
        "vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": {"set": pairs}}
    }
    assert decided(("i", [[vmap], [DROP]]), ("s", [[ACCEPT]])) is Decision.ACCEPT


def test_verdict_map_without_an_entry_ends_the_rule() -> None:
    vmap = {
        "vmap": {
            "key": {"payload": {"protocol": "tcp", "field": "dport"}},
            "data": {"set": [[22, ACCEPT]]},
        }
    }
    assert decided(("i", [[vmap, ACCEPT], [DROP]])) is Decision.DROP


def test_continue_of_a_verdict_map_goes_on_within_the_rule() -> None:
    vmap = {"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["new", CONTINUE]]}}}
    assert decided(("i", [[vmap, ACCEPT], [DROP]])) is Decision.ACCEPT


def two(first: Any, second: Any, priorities: tuple[int, int] = (0, 1)) -> rules.RuleSet:
    documents = [
        document(("i", [[body]]), prio=prio)
        for body, prio in zip((first, second), priorities, strict=True)
    ]
    made = [nft.decode(json.dumps(each)) for each in documents]
    return made[0] + made[1]


def test_accept_does_not_save_from_a_later_base_chain() -> None:
    assert at_input(two(ACCEPT, DROP)).decision is Decision.DROP


def test_drop_is_final() -> None:
    assert at_input(two(DROP, ACCEPT)).decision is Decision.DROP


def test_base_chains_run_by_priority_and_not_as_listed() -> None:
    mark, ask = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}, match("meta mark", 7)
    listed = document(("i", [[ask, DROP]]), prio=5), document(("i", [[mark]]), prio=-5)
    ruleset = nft.decode(json.dumps(listed[0])) + nft.decode(json.dumps(listed[1]))
    assert at_input(ruleset).decision is Decision.DROP


def test_order_of_equal_priorities_is_not_relied_upon() -> None:
    mark, ask = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}, match("meta mark", 7)
    documents = document(("i", [[mark]])), document(("i", [[ask, DROP]]))
    ruleset = nft.decode(json.dumps(documents[0])) + nft.decode(json.dumps(documents[1]))
    assert at_input(ruleset).decision is Decision.UNKNOWN


def test_table_of_the_other_family_has_no_say() -> None:
    assert at_input(made(("i", [[DROP]]), family="ip6")).decision is Decision.ACCEPT


def test_hook_of_another_kind_has_no_say() -> None:
    assert at_input(made(("i", [[DROP]]), hook="forward")).decision is Decision.ACCEPT


# --- what is not known -----------------------------------------------------------------------


@pytest.mark.parametrize("last", [ACCEPT, DROP])
def test_unknown_condition_that_decides_cannot_be_told(last: Any) -> None:
    first = DROP if last is ACCEPT else ACCEPT
    assert decided(("i", [[LIMIT, first], [last]])) is Decision.UNKNOWN


def test_unknown_condition_that_changes_nothing_is_no_matter() -> None:
    assert decided(("i", [[LIMIT, DROP], [DROP]])) is Decision.DROP


def test_unknown_condition_behind_one_that_fails_is_no_matter() -> None:
    assert decided(("i", [[LIMIT, OTHER, DROP], [OURS, ACCEPT]])) is Decision.ACCEPT


def test_second_doubt_is_no_certainty() -> None:
    body: list[list[Any]] = [[LIMIT, OURS, CONTINUE], [LIMIT, ACCEPT]]
    assert decided(("i", body), policy="drop") is Decision.UNKNOWN


def test_later_chain_that_surely_drops_decides() -> None:
    assert at_input(two({"xt": None}, DROP)).decision is Decision.DROP


def test_unknown_statement_may_do_anything() -> None:
    assert decided(("i", [[{"frobnicate": {}}]])) is Decision.UNKNOWN


def test_queue_is_not_known() -> None:
    assert decided(("i", [[{"queue": {"num": 1}}]])) is Decision.UNKNOWN


def test_doubt_within_a_called_chain_reaches_the_caller() -> None:
    chains = ("i", [[jump("s")], [ACCEPT]]), ("s", [[LIMIT, DROP]])
    assert decided(*chains) is Decision.UNKNOWN


def test_unknown_verdict_names_the_rule_and_the_reason() -> None:
    verdict = at_input(made(("i", [[LIMIT, DROP]])))
    assert verdict.reason == "inet t i: limit rate 5 per second drop: limit is not modelled"


def test_mark_set_in_doubt_is_not_known() -> None:
    mark = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}
    body = [[LIMIT, mark], [match("meta mark", 7), DROP]]
    assert decided(("i", body)) is Decision.UNKNOWN


def test_changed_bytes_are_not_known() -> None:
    change = {"mangle": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "value": 22}}
    assert decided(("i", [[change], [OURS, DROP]])) is Decision.UNKNOWN


def test_verdict_names_the_rule_that_decides() -> None:
    verdict = at_input(made(("i", [[match("ip saddr", "10.0.0.1"), DROP]])))
    assert verdict.rule is not None
    assert (verdict.reason, verdict.rule.handle) == ("inet t i: ip saddr 10.0.0.1 drop", 1)


def test_verdict_names_the_chains_that_let_pass() -> None:
    verdict = at_input(made(("i", [])))
    assert verdict.reason == "no rule of inet t i matches, and the policy is accept"


def test_dormant_table_has_no_say() -> None:
    table = rules.Table(
        family="inet",
        name="t",
        is_dormant=True,
        chains=(
            rules.Chain(name="i", hook=rules.Hook(name="input", priority=0, policy=Kind.DROP)),
        ),
    )
    assert at_input(rules.RuleSet(tables=(table,))).is_accepted


# --- ways ------------------------------------------------------------------------------------


def test_state_is_not_known_before_tracking() -> None:
    ask = match({"ct": {"key": "state"}}, "new", "in")
    early = made(("i", [[ask, DROP]]), hook="prerouting", prio=-300)
    assert evaluate.path(early, syn()).is_accepted


def test_state_is_new_behind_tracking() -> None:
    ask = match({"ct": {"key": "state"}}, "new", "in")
    assert at_input(made(("i", [[ask, DROP]]))).is_dropped


def test_established_does_not_let_a_new_one_in() -> None:
    ask = match({"ct": {"key": "state"}}, ["established", "related"], "in")
    assert decided(("i", [[ask, ACCEPT]]), policy="drop") is Decision.DROP


def test_translated_port_is_what_the_filter_sees() -> None:
    nat = made(("p", [[OTHER, {"redirect": {"port": 8443}}]]), hook="prerouting", type="nat")
    drop = made(("i", [[OURS, DROP]]))
    assert evaluate.path(nat + drop, syn(port=22)).is_dropped


def test_prerouting_drops_too() -> None:
    assert evaluate.path(made(("p", [[DROP]]), hook="prerouting"), syn()).is_dropped
