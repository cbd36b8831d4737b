"""The search for the smallest frame that breaks a guarantee; docs/packet-filters.md explains it.

Three stages, each only if the one before found no certain violation: all known kinds of frames
(`frame_kinds`), frames directed at the rules (`rule_directed`), and random frames
(`random_search`, which imports Hypothesis).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ..frames import encode, ethernet
from ..frames.ethernet import Frame
from ..model import protocol_numbers, rules
from . import frame_kinds, grammar, guarantees, rule_directed, trial
from .filtered_nic import NOBODY, FilteredNic, Surroundings

EXAMPLES = 400  # frames tried for a NIC besides those of `kinds`


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The way a frame was made; it makes the same frame for any other NIC.

    Attributes:
        kind: The name in `frame_kinds`; "" if flips made the frame.
        flips: The coin flips for `grammar`; all further flips are False.
        aim: The rules that the frame is directed at; None if it is not directed.
    """

    kind: str = ""
    flips: tuple[bool, ...] = ()
    aim: rule_directed.RulePath | None = None

    def directed(
        self, part: rules.RuleSet, nic: FilteredNic, around: Surroundings
    ) -> rule_directed.DirectedFrame | None:
        """Return the frame of a NIC, and the port by which it leaves; None where there is none."""
        if self.aim is not None:
            return rule_directed.directed_frame(self.aim, part, nic, around)
        return rule_directed.DirectedFrame(frame=self.frame(nic, around))

    def frame(self, nic: FilteredNic, around: Surroundings = NOBODY) -> Frame:
        """Return the frame of a NIC; not of one that is aimed at rules."""
        if self.kind:
            return frame_kinds.every(nic, around)[self.kind]
        rest = iter(self.flips)
        return grammar.frame(lambda: next(rest, False), nic, around)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search has found.

    Attributes:
        violation: The smallest frame that breaks a guarantee, a certain one if there is any, else
            one that may break it; None for none.
        recipe: How its frame was made; None with no violation.
        tried: How many frames were tried; 0 where none of the laws promises the NIC anything,
            which is no reason to pass.
    """

    violation: trial.Violation | None = None
    recipe: Recipe | None = None
    tried: int


def search(
    ruleset: rules.RuleSet,
    nic: FilteredNic,
    asked: Sequence[guarantees.Guarantee],
    *,
    around: Surroundings = NOBODY,
    examples: int = EXAMPLES,
) -> Outcome:
    """Search the smallest frame that breaks one of the guarantees.

    The same arguments give the same outcome.

    Raises:
        rule_directed.TooManyError: there are more rules than frames can be directed at.
    """
    asked = [guarantee for guarantee in asked if guarantee.applies(nic)]
    if not asked:
        return Outcome(tried=0)
    known = [
        (violation, Recipe(kind=name))
        for name, frame in frame_kinds.every(nic, around).items()
        for violation in trial.violations(ruleset, nic, frame, asked)
    ]
    count = len(frame_kinds.every(nic, around))
    certain = [each for each in known if each[0].is_certain]
    if certain:
        violation, recipe = min(certain, key=_size)
        return Outcome(violation=violation, recipe=recipe, tried=count)
    directed = _directed(ruleset, nic, asked, around)
    count += directed.tried
    if directed.violation is not None and directed.violation.is_certain:
        return dataclasses.replace(directed, tried=count)
    if directed.violation is not None and directed.recipe is not None:
        known.append((directed.violation, directed.recipe))
    from . import random_search  # noqa: PLC0415 - Hypothesis: 0.8 s, only if frames are drawn

    drawn = random_search.draw(ruleset, nic, asked, around=around, examples=examples)
    found = drawn.certain or next(iter(known), None) or drawn.doubtful
    if found is None:
        return Outcome(tried=count + drawn.tried)
    return Outcome(violation=found[0], recipe=found[1], tried=count + drawn.tried)


def _directed(
    ruleset: rules.RuleSet,
    nic: FilteredNic,
    asked: Sequence[guarantees.Guarantee],
    around: Surroundings,
) -> Outcome:
    """Return the smallest certain violation of frames directed at rules, else the first doubt."""
    # A site's own rules may drop more of the NIC's own frames than LXD's do.
    asked = [guarantee for guarantee in asked if not guarantee.passes]
    seen: set[rule_directed.DirectedFrame] = set()
    found: list[Found] = []
    for aim in rule_directed.every(ruleset):
        shot = rule_directed.directed_frame(aim, ruleset, nic, around)
        if shot is None or shot in seen:
            continue
        seen.add(shot)
        out = shot.out or trial.ELSEWHERE
        recipe = Recipe(aim=aim)
        violations = trial.violations(ruleset, nic, shot.frame, asked, out=out)
        found.extend((violation, recipe) for violation in violations)
    certain = [each for each in found if each[0].is_certain]
    worst = min(certain, key=_plain_size) if certain else next(iter(found), None)
    if worst is None:
        return Outcome(tried=len(seen))
    return Outcome(violation=worst[0], recipe=worst[1], tried=len(seen))


Found = tuple[trial.Violation, Recipe]


def _size(found: Found) -> tuple[bool, bool, int]:
    """Plain before tagged, short before long; among equals the order of `kinds` decides.

    What pretends comes before what is harmless: whoever reads the finding must see the harm.
    """
    violation, recipe = found
    is_harmless = recipe.kind in frame_kinds.QUIET
    return is_harmless, bool(violation.frame.tags), len(encode.octets(violation.frame))


def _plain_size(found: Found) -> tuple[bool, bool, bool, int]:
    """Return the sort key of a frame; see `_size`. Understood content comes before raw bytes."""
    content = found[0].frame.content
    inner = content.content if isinstance(content, ethernet.Ipv4 | ethernet.Ipv6) else content
    return isinstance(inner, ethernet.Other) and inner.protocol in _KNOWN, *_size(found)


_KNOWN = (
    *(protocol_numbers.ETH_ARP, protocol_numbers.ETH_IPV4, protocol_numbers.ETH_IPV6),
    *(
        protocol_numbers.TCP,
        protocol_numbers.UDP,
        protocol_numbers.ICMP,
        protocol_numbers.IPV6_ICMP,
    ),
)
