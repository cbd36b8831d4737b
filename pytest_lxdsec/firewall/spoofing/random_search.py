"""Random frames by Hypothesis, and the smallest of them that breaks a guarantee.

The only module of the package that imports Hypothesis. It draws coin flips and nothing else: into
numbers and texts Hypothesis mixes constants of whatever modules happen to be loaded (and keeps
them in a directory), and the same evidence would not always give the same frame.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import hypothesis
from hypothesis import strategies as st

from ..frames.ethernet import Frame
from ..model import rules
from . import grammar, guarantees, trial
from .filtered_nic import NOBODY, SPARE_IPV4, SPARE_IPV6, FilteredNic, Surroundings
from .search import Found, Recipe


@st.composite
def recipes(draw: st.DrawFn, nic: FilteredNic, around: Surroundings = NOBODY) -> Recipe:
    """Recipes for frames of all sorts."""
    coin, flips = st.booleans(), list[bool]()

    def flip() -> bool:
        flips.append(draw(coin))
        return flips[-1]

    grammar.frame(flip, nic, around)
    return Recipe(flips=tuple(flips))


def anything(nic: FilteredNic, around: Surroundings = NOBODY) -> st.SearchStrategy[Frame]:
    """Frames of all sorts: the NIC's own, and such that pretend."""
    return recipes(nic, around).map(lambda recipe: recipe.frame(nic, around))


def own(nic: FilteredNic, around: Surroundings = NOBODY, *, hook: str) -> st.SearchStrategy[Frame]:
    """Frames that the NIC may send."""
    return anything(nic, around).filter(lambda frame: guarantees.OWN.concerns(frame, nic, hook))


def pretending(
    nic: FilteredNic, around: Surroundings = NOBODY, *, hook: str
) -> st.SearchStrategy[Frame]:
    """Frames that some guarantee forbids."""
    forbidding = [guarantee for guarantee in guarantees.EVERY if not guarantee.passes]
    return anything(nic, around).filter(
        lambda frame: any(guarantee.concerns(frame, nic, hook) for guarantee in forbidding)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The violations among random frames.

    Attributes:
        certain: The smallest frame that certainly breaks a guarantee; None for none.
        doubtful: The first frame that may break one; None for none.
        tried: The number of frames.
    """

    certain: Found | None
    doubtful: Found | None
    tried: int


def draw(
    ruleset: rules.RuleSet,
    nic: FilteredNic,
    asked: Sequence[guarantees.Guarantee],
    *,
    around: Surroundings,
    examples: int,
) -> Drawn:
    """Try a fixed sample of frames; if one breaks a guarantee, search the smallest that does."""
    search = Search(ruleset=ruleset, nic=nic, asked=asked, around=around)
    sample = _sample(examples)
    is_broken = any(search.is_offender(recipe) for recipe in sample)
    certain = search.smallest(examples) if is_broken else None
    tried = max(search.tried, len(sample))
    return Drawn(certain=certain, doubtful=search.doubtful, tried=tried)


@functools.lru_cache(maxsize=4)
def _sample(examples: int) -> tuple[Recipe, ...]:
    """So many recipes for frames of all sorts, made once: to make them costs more than to try.

    They are good for any NIC, though it is one with both kinds of addresses that they are for.
    """
    nic = FilteredNic(
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


@dataclass(slots=True, kw_only=True)
class Search:
    """One search with Hypothesis; `doubtful` is the first frame that could not be told."""

    ruleset: rules.RuleSet
    nic: FilteredNic
    asked: Sequence[guarantees.Guarantee]
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
        """Return whether its frame surely breaks a guarantee; the first doubt is kept."""
        self.tried += 1
        violations = self._offences(recipe)
        for each in violations:
            if not each.is_certain and self.doubtful is None:
                self.doubtful = (each, recipe)
        return any(each.is_certain for each in violations)

    def _offences(self, recipe: Recipe) -> list[trial.Violation]:
        frame = recipe.frame(self.nic, self.around)
        return trial.violations(self.ruleset, self.nic, frame, self.asked)
