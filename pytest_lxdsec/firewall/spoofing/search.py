"""Hypothesis: frames of a NIC, and the smallest that breaks a law.

The only module here that imports Hypothesis. It draws coin flips and nothing else: into numbers
and texts Hypothesis mixes constants of whatever modules happen to be loaded (and keeps them in a
directory), and the same evidence would not always give the same frame.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import hypothesis
from hypothesis import strategies as st

from ..frames import encode, ethernet
from ..frames.ethernet import Frame
from ..model import protocol_numbers, rules
from . import frame_kinds, grammar, guarantees, rule_directed, trial
from .filtered_nic import NOBODY, SPARE_IPV4, SPARE_IPV6, Nic, Surroundings

EXAMPLES = 400  # frames tried for a NIC besides those of `kinds`


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a frame was made: it makes the like for any other NIC.

    Attributes:
        kind: The name in `kinds`; "" where flips made it.
        flips: The coin flips for `grammar`; what is beyond them is False.
        aim: The rules that it was made for; None where it was made for none.
    """

    kind: str = ""
    flips: tuple[bool, ...] = ()
    aim: rule_directed.Aim | None = None

    def shot(
        self, part: rules.RuleSet, nic: Nic, around: Surroundings
    ) -> rule_directed.Shot | None:
        """Return the frame of a NIC, and the port by which it leaves; None where there is none."""
        if self.aim is not None:
            return rule_directed.shot(self.aim, part, nic, around)
        return rule_directed.Shot(frame=self.frame(nic, around))

    def frame(self, nic: Nic, around: Surroundings = NOBODY) -> Frame:
        """Return the frame of a NIC; not of one that is aimed at rules."""
        if self.kind:
            return frame_kinds.every(nic, around)[self.kind]
        rest = iter(self.flips)
        return grammar.frame(lambda: next(rest, False), nic, around)


@st.composite
def recipes(draw: st.DrawFn, nic: Nic, around: Surroundings = NOBODY) -> Recipe:
    """Recipes for frames of all sorts."""
    coin, flips = st.booleans(), list[bool]()

    def flip() -> bool:
        flips.append(draw(coin))
        return flips[-1]

    grammar.frame(flip, nic, around)
    return Recipe(flips=tuple(flips))


def anything(nic: Nic, around: Surroundings = NOBODY) -> st.SearchStrategy[Frame]:
    """Frames of all sorts: the NIC's own, and such that pretend."""
    return recipes(nic, around).map(lambda recipe: recipe.frame(nic, around))


def own(nic: Nic, around: Surroundings = NOBODY, *, hook: str) -> st.SearchStrategy[Frame]:
    """Frames that the NIC may send."""
    return anything(nic, around).filter(lambda frame: guarantees.OWN.concerns(frame, nic, hook))


def pretending(nic: Nic, around: Surroundings = NOBODY, *, hook: str) -> st.SearchStrategy[Frame]:
    """Frames that some law forbids."""
    forbidding = [law for law in guarantees.EVERY if not law.passes]
    return anything(nic, around).filter(
        lambda frame: any(law.concerns(frame, nic, hook) for law in forbidding)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search has found.

    Attributes:
        offence: The smallest frame that breaks a law, a certain one if there is any; else one of
            which it cannot be told; None: none was found.
        recipe: How its frame was made; None with no offence.
        tried: How many frames were tried; 0 where none of the laws promises the NIC anything,
            which is no reason to pass.
    """

    offence: trial.Offence | None = None
    recipe: Recipe | None = None
    tried: int


def search(
    ruleset: rules.RuleSet,
    nic: Nic,
    asked: Sequence[guarantees.Law],
    *,
    around: Surroundings = NOBODY,
    examples: int = EXAMPLES,
) -> Outcome:
    """Look for the smallest frame that breaks one of the laws; the same for the same arguments.

    First the known kinds, plainest first, and then frames that have what a rule asks for; where
    none of them is an offender, Hypothesis looks further, without its database and with a fixed
    seed.

    Raises:
        aimed.TooManyError: there are more rules than frames can be aimed at.
    """
    asked = [law for law in asked if law.applies(nic)]
    if not asked:
        return Outcome(tried=0)
    known = [
        (offence, Recipe(kind=name))
        for name, frame in frame_kinds.every(nic, around).items()
        for offence in trial.offences(ruleset, nic, frame, asked)
    ]
    count = len(frame_kinds.every(nic, around))
    certain = [each for each in known if each[0].is_certain]
    if certain:
        offence, recipe = min(certain, key=_size)
        return Outcome(offence=offence, recipe=recipe, tried=count)
    shots = _aimed(ruleset, nic, asked, around)
    count += shots.tried
    if shots.offence is not None and shots.offence.is_certain:
        return dataclasses.replace(shots, tried=count)
    if shots.offence is not None and shots.recipe is not None:
        known.append((shots.offence, shots.recipe))
    hunt = Hunt(ruleset=ruleset, nic=nic, asked=asked, around=around)
    sample = _sample(examples)
    is_there = any(hunt.is_offender(recipe) for recipe in sample)
    found = (hunt.smallest(examples) if is_there else None) or next(iter(known), None)
    found = found or hunt.doubtful
    tried = count + max(hunt.tried, len(sample))
    if found is None:
        return Outcome(tried=tried)
    return Outcome(offence=found[0], recipe=found[1], tried=tried)


def _aimed(
    ruleset: rules.RuleSet, nic: Nic, asked: Sequence[guarantees.Law], around: Surroundings
) -> Outcome:
    """Return what frames aimed at the rules find.

    The smallest certain offender, else the first doubt.
    """
    # That more of its own is dropped than LXD would is the right of whoever writes such a rule.
    asked = [law for law in asked if not law.passes]
    seen: set[rule_directed.Shot] = set()
    found: list[Found] = []
    for aim in rule_directed.every(ruleset):
        shot = rule_directed.shot(aim, ruleset, nic, around)
        if shot is None or shot in seen:
            continue
        seen.add(shot)
        out = shot.out or trial.ELSEWHERE
        recipe = Recipe(aim=aim)
        offences = trial.offences(ruleset, nic, shot.frame, asked, out=out)
        found.extend((offence, recipe) for offence in offences)
    certain = [each for each in found if each[0].is_certain]
    worst = min(certain, key=_plain_size) if certain else next(iter(found), None)
    if worst is None:
        return Outcome(tried=len(seen))
    return Outcome(offence=worst[0], recipe=worst[1], tried=len(seen))


@functools.lru_cache(maxsize=4)
def _sample(examples: int) -> tuple[Recipe, ...]:
    """So many recipes for frames of all sorts, made once: to make them costs more than to try.

    They are good for any NIC, though it is one with both kinds of addresses that they are for.
    """
    nic = Nic(
        interface="veth0",
        mac="02:00:5e:00:53:77",
        ipv4=(ipaddress.IPv4Network(SPARE_IPV4),),
        ipv6=(ipaddress.IPv6Network(SPARE_IPV6),),
    )
    made: dict[Recipe, None] = {}

    def keep(recipe: Recipe) -> bool:
        made[recipe] = None
        return False

    with contextlib.suppress(hypothesis.errors.NoSuchExample):
        hypothesis.find(recipes(nic), keep, settings=_settings(examples))
    return tuple(made)


def _settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        database=None,
        derandomize=True,
        deadline=None,
        max_examples=examples,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        verbosity=hypothesis.Verbosity.quiet,
    )


Found = tuple[trial.Offence, Recipe]


def _size(found: Found) -> tuple[bool, bool, int]:
    """Plain before tagged, short before long; among equals the order of `kinds` decides.

    What pretends comes before what is harmless: whoever reads the finding must see the harm.
    """
    offence, recipe = found
    is_harmless = recipe.kind in frame_kinds.QUIET
    return is_harmless, bool(offence.frame.tags), len(encode.octets(offence.frame))


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


@dataclass(slots=True, kw_only=True)
class Hunt:
    """One search with Hypothesis; `doubtful` is the first frame that could not be told."""

    ruleset: rules.RuleSet
    nic: Nic
    asked: Sequence[guarantees.Law]
    around: Surroundings
    doubtful: Found | None = None
    tried: int = 0

    def smallest(self, examples: int) -> Found | None:
        """Return the smallest certain offender among about so many frames."""
        strategy = recipes(self.nic, self.around)
        try:
            recipe = hypothesis.find(strategy, self.is_offender, settings=_settings(examples))
        except hypothesis.errors.NoSuchExample:
            return None
        certain = (each for each in self._offences(recipe) if each.is_certain)
        return next(certain), recipe

    def is_offender(self, recipe: Recipe) -> bool:
        """Return whether its frame surely breaks a law; the first doubt is kept."""
        self.tried += 1
        offences = self._offences(recipe)
        for each in offences:
            if not each.is_certain and self.doubtful is None:
                self.doubtful = (each, recipe)
        return any(each.is_certain for each in offences)

    def _offences(self, recipe: Recipe) -> list[trial.Offence]:
        frame = recipe.frame(self.nic, self.around)
        return trial.offences(self.ruleset, self.nic, frame, self.asked)
