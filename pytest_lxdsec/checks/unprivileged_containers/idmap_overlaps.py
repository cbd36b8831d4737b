"""Which containers share host ids, among thousands in a fraction of a second.

Containers of LXD's default map all share the same ids, so the pairs that overlap may be millions:
each container gets one witness and the number of the others. A set of containers is the bits of
one int, in the order of their names: the union of a whole set costs about as much as one addition,
its size is `bit_count` and its first name the lowest bit.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ...lxd import idmap


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """That one container shares host ids with others.

    Attributes:
        other: The first of the others by name, the witness.
        others: How many there are, the witness included.
        kind: Whether user or group ids are shared with the witness; user ids where both are.
        shared: The lowest host ids shared with the witness.
    """

    other: str
    others: int
    kind: idmap.Kind
    shared: idmap.Interval


def find(
    maps: Mapping[str, idmap.IdMap], *, groups: Iterable[Collection[str]] = ()
) -> Mapping[str, Overlap]:
    """Return who shares host ids with whom; who shares none is not in the result.

    Args:
        maps: The id map of each container.
        groups: Containers that may share ids with each other, and so do not count for each other.
    """
    names = sorted(maps)
    bits = {name: 1 << number for number, name in enumerate(names)}
    exempt = _exempt(bits, groups)
    met = dict.fromkeys(names, 0)
    for kind in idmap.Kind:
        spans = {name: idmap.spans(maps[name].ranges(kind)) for name in names}
        who = _who_reaches(bits, spans)
        for name in names:
            met[name] |= functools.reduce(operator.or_, map(who, spans[name]), 0)
    return {
        name: _overlap(maps[name], others, names, maps)
        for name in names
        if (others := met[name] & ~exempt[name])
    }


def _exempt(bits: Mapping[str, int], groups: Iterable[Collection[str]]) -> Mapping[str, int]:
    """Return whom each name does not count: itself and who is in a group with it."""
    exempt = dict(bits)
    for group in groups:
        members = [name for name in group if name in bits]
        together = functools.reduce(operator.or_, map(bits.__getitem__, members), 0)
        for name in members:
            exempt[name] |= together
    return exempt


def _who_reaches(
    bits: Mapping[str, int], spans: Mapping[str, tuple[idmap.Interval, ...]]
) -> Callable[[idmap.Interval], int]:
    """Return a function from an interval that is in `spans` to the set of those who meet it.

    A sweep over the bounds of all intervals gives the set that reaches each segment between two
    bounds; a tree of unions of segments makes that of any interval from a few of them.
    """
    changes: dict[int, int] = {}
    for name, intervals in spans.items():
        for bound in itertools.chain.from_iterable((each.start, each.stop) for each in intervals):
            changes[bound] = changes.get(bound, 0) ^ bits[name]
    bounds = sorted(changes)
    segments = list(itertools.accumulate(map(changes.__getitem__, bounds), operator.xor))
    unions = _union_tree(segments)

    @functools.cache  # containers of the default map all ask for the same interval
    def who(interval: idmap.Interval) -> int:
        first = bisect.bisect_left(bounds, interval.start)
        return _union(unions, first, bisect.bisect_left(bounds, interval.stop))

    return who


def _union_tree(sets: list[int]) -> list[int]:
    """Return a binary tree in a list.

    Node i is the union of nodes 2i and 2i + 1, leaves are `sets`.
    """
    tree = [0] * len(sets) + sets
    for node in range(len(sets) - 1, 0, -1):
        tree[node] = tree[2 * node] | tree[2 * node + 1]
    return tree


def _union(tree: list[int], first: int, stop: int) -> int:
    """Return the union of the leaves from `first` to before `stop`."""
    union, first, stop = 0, first + len(tree) // 2, stop + len(tree) // 2
    while first < stop:
        if first % 2:
            union |= tree[first]
            first += 1
        if stop % 2:
            stop -= 1
            union |= tree[stop]
        first, stop = first // 2, stop // 2
    return union


def _overlap(
    mine: idmap.IdMap, others: int, names: list[str], maps: Mapping[str, idmap.IdMap]
) -> Overlap:
    witness = names[(others & -others).bit_length() - 1]
    kind, shared = next(
        (kind, shared)
        for kind in idmap.Kind
        for shared in idmap.common(mine.ranges(kind), maps[witness].ranges(kind))
    )
    return Overlap(other=witness, others=others.bit_count(), kind=kind, shared=shared)
