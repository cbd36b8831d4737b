from __future__ import annotations

import time

import pytest

from pytest_lxdsec.checks.unprivileged_containers import idmap_overlaps
from pytest_lxdsec.checks.unprivileged_containers.idmap_overlaps import Overlap
from pytest_lxdsec.lxd import idmap
from pytest_lxdsec.lxd.idmap import IdMap, Interval, Kind, Range


def of(*spans: tuple[int, int]) -> tuple[Range, ...]:
    return tuple(Range(start=start, stop=stop, container=start) for start, stop in spans)


def both(*spans: tuple[int, int]) -> IdMap:
    return IdMap(uids=of(*spans), gids=of(*spans))


DEFAULT = both((100_000, 10_100_001))


def isolated(number: int) -> IdMap:
    return both((165_536 + 65_536 * number, 165_536 + 65_536 * (number + 1)))


def test_nobody_overlaps_with_nobody() -> None:
    assert idmap_overlaps.find({}) == {}


def test_lone_container_overlaps_with_nobody() -> None:
    assert idmap_overlaps.find({"web1": DEFAULT}) == {}


def test_isolated_containers_side_by_side_do_not_overlap() -> None:
    assert idmap_overlaps.find({f"c{number}": isolated(number) for number in range(9)}) == {}


def test_containers_of_the_default_map_overlap_with_all_of_their_kind() -> None:
    found = idmap_overlaps.find({"a": DEFAULT, "b": DEFAULT, "c": DEFAULT})
    assert {name: (each.other, each.others) for name, each in found.items()} == {
        "a": ("b", 2),
        "b": ("a", 2),
        "c": ("a", 2),
    }


def test_isolated_container_overlaps_with_one_of_the_default_map() -> None:
    found = idmap_overlaps.find({"default": DEFAULT, "isolated": isolated(0)})
    assert found["isolated"] == Overlap(
        other="default", others=1, kind=Kind.UID, shared=Interval(start=165_536, stop=231_072)
    )


def test_group_ids_alone_are_enough() -> None:
    found = idmap_overlaps.find({"a": IdMap(gids=of((5, 9))), "b": IdMap(gids=of((8, 12)))})
    assert found["a"] == Overlap(
        other="b", others=1, kind=Kind.GID, shared=Interval(start=8, stop=9)
    )


def test_user_ids_of_one_are_not_group_ids_of_another() -> None:
    assert idmap_overlaps.find({"a": IdMap(gids=of((5, 9))), "b": IdMap(uids=of((5, 9)))}) == {}


def test_other_that_is_met_in_several_ranges_counts_once() -> None:
    found = idmap_overlaps.find({"a": both((0, 10), (20, 30)), "b": both((5, 25), (28, 40))})
    assert found["a"].others == 1


def test_range_in_the_gap_of_another_map_does_not_meet_it() -> None:
    assert idmap_overlaps.find({"a": both((0, 10), (20, 30)), "b": both((10, 20))}) == {}


def test_map_that_repeats_its_own_ids_does_not_overlap_with_itself() -> None:
    assert idmap_overlaps.find({"a": both((0, 10), (5, 15), (15, 20))}) == {}


def test_members_of_a_group_do_not_count_for_each_other() -> None:
    maps = {"a": DEFAULT, "b": DEFAULT, "c": DEFAULT}
    found = idmap_overlaps.find(maps, groups=[("a", "b")])
    assert {name: (each.other, each.others) for name, each in found.items()} == {
        "a": ("c", 1),
        "b": ("c", 1),
        "c": ("a", 2),
    }


def test_member_of_two_groups_may_share_with_both() -> None:
    maps = {"a": DEFAULT, "b": DEFAULT, "c": DEFAULT}
    found = idmap_overlaps.find(maps, groups=[("a", "b"), ("b", "c", "stopped")])
    assert sorted(found) == ["a", "c"]


@pytest.mark.parametrize(
    "maps",
    [
        {f"c{number}": DEFAULT for number in range(1000)},
        {f"c{number}": isolated(number) for number in range(1000)},
        {
            f"c{number}": both((2000 + number, 2001 + number), (100_000, 101_000 + number))
            for number in range(1000)
        },
    ],
    ids=["default", "isolated", "raw"],
)
def test_thousand_containers_are_compared_in_a_fraction_of_a_second(
    maps: dict[str, idmap.IdMap],
) -> None:
    begin = time.process_time()
    idmap_overlaps.find(maps)
    assert time.process_time() - begin < 0.25  # 10 to 30 ms on the machine it was written on
