"""Laws of the packet-filter engine, over frames and rule sets of all sorts."""

from __future__ import annotations

import dataclasses
import ipaddress

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_lxdsec.firewall.evaluation import evaluate, reachable_sources
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.frames import decode, encode, ethernet
from pytest_lxdsec.firewall.model import packet, rules, values
from pytest_lxdsec.firewall.model.rules import Action, Base, Kind, Match
from pytest_lxdsec.firewall.spoofing import (
    filtered_nic,
    guarantees,
    random_search,
    search,
    shape_cache,
    trial,
)
from tests.support import firewall_examples as examples
from tests.unit.firewall.spoofing import test_shape_cache as siblings

NIC = examples.nic("all")
ANY_FRAME = random_search.anything(NIC)


@given(ANY_FRAME)
def test_frame_comes_back_from_its_bytes(frame: ethernet.Frame) -> None:
    assert encode.octets(decode.parse(encode.octets(frame))) == encode.octets(frame)


@given(st.binary(min_size=14, max_size=200))
def test_bytes_come_back_from_what_was_read(octets: bytes) -> None:
    try:
        frame = decode.parse(octets)
    except decode.NoFrame:
        return
    assert encode.octets(frame) == octets


@given(st.binary(min_size=14, max_size=200))
def test_mended_bytes_are_a_frame_that_needs_no_mending(octets: bytes) -> None:
    try:
        frame = decode.mended(octets)
    except decode.NoFrame:
        return
    made = encode.octets(frame)
    assert encode.octets(decode.parse(made)) == made


@given(st.data(), ANY_FRAME)
def test_damaged_frame_is_judged_or_refused(data: st.DataObject, frame: ethernet.Frame) -> None:
    octets = bytearray(encode.octets(frame))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] = data.draw(st.integers(0, 255))
    cut = bytes(octets[: data.draw(st.integers(14, len(octets)))])
    verdict = trial.judge(examples.recorded("all"), NIC, cut, "input")
    assert verdict.decision is not Decision.UNKNOWN


# --- rule sets -------------------------------------------------------------------------------

PORT = rules.Payload(base=Base.TRANSPORT, offset=16, length=16)
SOURCE = rules.Payload(base=Base.NETWORK, offset=96, length=32)
conditions = st.one_of(
    st.builds(
        Match,
        field=st.just(PORT),
        among=st.sampled_from([values.number(8443), values.Intervals([(1, 1023)])]),
        negated=st.booleans(),
    ),
    st.builds(
        Match,
        field=st.just(SOURCE),
        among=st.sampled_from(
            [values.Intervals([(10 << 24, (11 << 24) - 1)]), values.number(0x0A000001)]
        ),
        negated=st.booleans(),
    ),
)
doubts = st.just(rules.UnknownCondition(text="who knows"))
ends = st.builds(
    Action, kind=st.sampled_from([Kind.ACCEPT, Kind.DROP, Kind.RETURN, Kind.CONTINUE])
) | st.builds(Action, kind=st.sampled_from([Kind.JUMP, Kind.GOTO]), target=st.just("sub"))
marks = st.builds(rules.SetMark, key=st.just("mark"), value=st.sampled_from([0, 7]))


def bodies(with_doubt: bool) -> st.SearchStrategy[tuple[rules.Rule, ...]]:  # noqa: FBT001 - one of two strategies
    step = conditions | doubts if with_doubt else conditions
    steps = st.tuples(st.lists(step, max_size=2), ends)
    rule = steps.map(lambda pair: rules.Rule(steps=(*pair[0], pair[1])))
    return st.lists(rule, max_size=5).map(tuple)


@st.composite
def rule_sets(draw: st.DrawFn, *, with_doubt: bool = False) -> rules.RuleSet:
    sub = tuple(
        rule
        for rule in draw(bodies(with_doubt))
        if not any(isinstance(step, Action) and step.target for step in rule.steps)
    )
    base = [
        rules.Chain(
            name=f"i{at}",
            rules=draw(bodies(with_doubt)),
            hook=rules.Hook(
                name="input",
                priority=draw(st.integers(-2, 2)),
                policy=draw(st.sampled_from([Kind.ACCEPT, Kind.DROP])),
            ),
        )
        for at in range(draw(st.integers(1, 3)))
    ]
    chains = (*base, rules.Chain(name="sub", rules=sub))
    return rules.RuleSet(tables=(rules.Table(family="ip", name="t", chains=chains),))


packets = st.builds(
    lambda source, port: reachable_sources.syn(
        source, ipaddress.IPv4Address("192.0.2.1"), source_port=40000, port=port, iifname="e"
    ),
    st.sampled_from(
        [ipaddress.IPv4Address(text) for text in ("10.0.0.1", "10.9.9.9", "192.0.2.7")]
    ),
    st.sampled_from([8443, 22, 4000]),
)


def decide(ruleset: rules.RuleSet, seen: packet.Packet) -> Decision:
    return evaluate.evaluate(ruleset, seen, hook="input", family="ip").decision


def without_doubts(ruleset: rules.RuleSet, *, holds: bool) -> rules.RuleSet:
    """Return the rule set in which every unknown condition holds, or in which none does."""
    never = Match(field=PORT, among=values.Intervals([]))

    def certain(rule: rules.Rule) -> rules.Rule:
        steps = [
            never if isinstance(s, rules.UnknownCondition) and not holds else s for s in rule.steps
        ]
        return rules.Rule(
            steps=tuple(s for s in steps if not isinstance(s, rules.UnknownCondition))
        )

    [table] = ruleset.tables
    chains = tuple(
        dataclasses.replace(chain, rules=tuple(certain(rule) for rule in chain.rules))
        for chain in table.chains
    )
    return rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))


@given(rule_sets(with_doubt=True), packets, st.booleans())
def test_certain_answer_is_true_whatever_the_unknown_is(
    ruleset: rules.RuleSet,
    seen: packet.Packet,
    holds: bool,  # noqa: FBT001 - Hypothesis fills it
) -> None:
    decision = decide(ruleset, seen)
    assume(decision is not Decision.UNKNOWN)
    assert decide(without_doubts(ruleset, holds=holds), seen) is decision


@given(rule_sets(), packets)
def test_known_rules_have_a_known_answer(ruleset: rules.RuleSet, seen: packet.Packet) -> None:
    assert decide(ruleset, seen) is not Decision.UNKNOWN


@given(rule_sets(), packets, st.data())
def test_rule_that_never_matches_changes_nothing(
    ruleset: rules.RuleSet, seen: packet.Packet, data: st.DataObject
) -> None:
    [table] = ruleset.tables
    chain = data.draw(st.sampled_from(table.chains))
    never = Match(field=PORT, among=values.number(9))
    dead = rules.Rule(steps=(never, data.draw(ends)))
    at = data.draw(st.integers(0, len(chain.rules)))
    longer = dataclasses.replace(chain, rules=(*chain.rules[:at], dead, *chain.rules[at:]))
    chains = tuple(longer if each is chain else each for each in table.chains)
    changed = rules.RuleSet(tables=(dataclasses.replace(table, chains=chains),))
    assert decide(changed, seen) is decide(ruleset, seen)


@given(rule_sets(), packets, ends)
def test_rule_behind_an_end_changes_nothing(
    ruleset: rules.RuleSet, seen: packet.Packet, end: Action
) -> None:
    [table] = ruleset.tables
    stop = rules.Rule(steps=(Action(kind=Kind.DROP),))
    first = dataclasses.replace(table.chains[0], rules=(*table.chains[0].rules, stop))
    later = dataclasses.replace(first, rules=(*first.rules, rules.Rule(steps=(end,))))
    both = (
        rules.RuleSet(tables=(dataclasses.replace(table, chains=(each, *table.chains[1:])),))
        for each in (first, later)
    )
    one, other = (decide(each, seen) for each in both)
    assert one is other


@given(rule_sets(), packets, st.randoms(use_true_random=False))
def test_order_in_which_base_chains_are_listed_is_no_matter(
    ruleset: rules.RuleSet, seen: packet.Packet, random: object
) -> None:
    [table] = ruleset.tables
    listed = list(table.chains)
    random.shuffle(listed)  # type: ignore[attr-defined]  # a random.Random
    shuffled = rules.RuleSet(tables=(dataclasses.replace(table, chains=tuple(listed)),))
    assert decide(shuffled, seen) is decide(ruleset, seen)


@given(rule_sets(), rule_sets(), packets)
def test_more_tables_never_let_more_in(
    one: rules.RuleSet, other: rules.RuleSet, seen: packet.Packet
) -> None:
    assume(decide(one, seen) is Decision.DROP)
    assert decide(one + other, seen) is Decision.DROP


@given(rule_sets(), st.integers(1 << 24, (224 << 24) - 1))
@settings(max_examples=50)
def test_reach_agrees_with_every_single_source(ruleset: rules.RuleSet, source: int) -> None:
    address = ipaddress.IPv4Address(source)
    assume(not address.is_loopback)
    host = ipaddress.IPv4Address("192.0.2.1")
    door = reachable_sources.Endpoint(address=host, port=8443, interfaces=("e",))
    [span] = [
        s for s in reachable_sources.sources(ruleset, door).spans if s.low <= source <= s.high
    ]
    seen = reachable_sources.syn(address, host, source_port=40000, port=8443, iifname="e")
    assert span.verdict.decision is evaluate.path(ruleset, seen).decision


# --- NICs ------------------------------------------------------------------------------------


@given(
    random_search.recipes(NIC), st.sampled_from(range(1, 60)), st.sampled_from(guarantees.HOOKS)
)
def test_equal_shapes_have_equal_verdicts(recipe: search.Recipe, number: int, hook: str) -> None:
    other = siblings.sibling(number)
    nics = [siblings.NICS[0], other]
    ruleset = siblings.many(nics)
    bench = shape_cache.ShapeCache(ruleset)
    parts = [bench.part(each) for each in nics]
    one, two = (shape_cache.shape(part, each) for part, each in zip(parts, nics, strict=True))
    assert one == two
    verdicts = [
        trial.judge(part, each, encode.octets(recipe.frame(each)), hook).decision
        for part, each in zip(parts, nics, strict=True)
    ]
    assert verdicts[0] is verdicts[1]


@given(random_search.recipes(NIC))
def test_recipe_makes_the_same_frame_again(recipe: search.Recipe) -> None:
    assert recipe.frame(NIC) == recipe.frame(NIC)


@given(random_search.pretending(NIC, hook="input"))
@settings(max_examples=50)
def test_frame_that_pretends_is_no_frame_of_its_own(frame: ethernet.Frame) -> None:
    assert not guarantees.OWN.concerns(frame, NIC, "input")


@given(random_search.own(NIC, hook="input"))
@settings(max_examples=50)
def test_own_frames_pass_where_nothing_is_filtered(frame: ethernet.Frame) -> None:
    octets = encode.octets(frame)
    assert trial.judge(rules.EMPTY, NIC, octets, "input").is_accepted


def test_search_finds_the_same_frame_each_time() -> None:
    lost = examples.recorded("mac")
    found = [search.search(lost, NIC, (guarantees.IPV6_SOURCE,), examples=80) for _ in range(2)]
    assert found[0] == found[1]


def test_hypothesis_shrinks_to_the_one_thing_that_is_wrong() -> None:
    hunt = random_search.Search(
        ruleset=rules.EMPTY, nic=NIC, asked=(guarantees.SOURCE_MAC,), around=filtered_nic.NOBODY
    )
    found = hunt.smallest(200)
    assert found is not None
    frame = found[0].frame
    assert (frame.source, frame.destination, frame.tags) == (
        filtered_nic.NOBODY.other_mac,
        ethernet.BROADCAST,
        (),
    )
