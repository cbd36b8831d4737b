from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec.checks.unprivileged_containers import idmap_overlaps
from pytest_lxdsec.lxd import idmap
from pytest_lxdsec.lxd.idmap import IdMap, Kind, Range

UNIVERSE = 24  # ids, few enough to look at each of them

RANGES = st.builds(
    lambda start, count, container: Range(start=start, stop=start + count, container=container),
    st.integers(0, UNIVERSE - 6),
    st.integers(1, 6),
    st.integers(0, UNIVERSE),
)
MANY = st.lists(RANGES, max_size=4).map(tuple)
MAPS = st.builds(IdMap, uids=MANY, gids=MANY)
NAMED = st.dictionaries(st.sampled_from("abcdefgh"), MAPS)
GROUPS = st.lists(st.sets(st.sampled_from("abcdefghi")), max_size=3)


@st.composite
def functions(draw: st.DrawFn) -> tuple[Range, ...]:
    """Ranges such as the kernel takes: no id of the container and none of the host twice."""
    found: list[Range] = []
    start = container = 0
    for _ in range(draw(st.integers(0, 4))):
        start += draw(st.integers(0, 3))
        container += draw(st.integers(0, 3))
        count = draw(st.integers(1, 4))
        found.append(Range(start=start, stop=start + count, container=container))
        start, container = start + count, container + count
    return tuple(draw(st.permutations(found)))


def ids(ranges: tuple[idmap.Interval, ...]) -> set[int]:
    return set(itertools.chain.from_iterable(range(each.start, each.stop) for each in ranges))


def pairs(ranges: tuple[Range, ...]) -> set[tuple[int, int]]:
    """Return every (container id, host id), looked at one by one."""
    return {
        (each.container + offset, each.start + offset)
        for each in ranges
        for offset in range(each.stop - each.start)
    }


def reach(each: IdMap) -> set[tuple[Kind, int]]:
    return {(kind, host_id) for kind in Kind for host_id in ids(each.ranges(kind))}


@given(MANY)
def test_joining_ranges_changes_no_id(ranges: tuple[Range, ...]) -> None:
    assert pairs(IdMap(uids=ranges).uids) == pairs(ranges)


@given(functions(), functions())
def test_maps_are_equal_if_they_send_the_same_ids(
    one: tuple[Range, ...], other: tuple[Range, ...]
) -> None:
    assert (IdMap(uids=one) == IdMap(uids=other)) == (pairs(one) == pairs(other))


@given(functions(), st.data())
def test_cutting_a_range_in_two_is_the_same_map(
    ranges: tuple[Range, ...], data: st.DataObject
) -> None:
    pieces: list[Range] = []
    for each in ranges:
        cut = data.draw(st.integers(each.start, each.stop))
        halves = ((each.start, cut), (cut, each.stop))
        pieces.extend(
            Range(start=start, stop=stop, container=each.container + start - each.start)
            for start, stop in halves
            if start < stop
        )
    assert IdMap(gids=tuple(pieces)) == IdMap(gids=ranges)


@given(functions(), st.integers(0, 2 * UNIVERSE))
def test_id_is_sent_where_its_range_says(ranges: tuple[Range, ...], container_id: int) -> None:
    expected = dict(pairs(ranges)).get(container_id)
    assert IdMap(uids=ranges).host_id(Kind.UID, container_id) == expected


@given(MAPS, st.sampled_from(Kind), st.integers(0, 2 * UNIVERSE))
def test_map_covers_what_its_ranges_hold(each: IdMap, kind: Kind, host_id: int) -> None:
    assert each.covers(kind, host_id) == (host_id in ids(each.ranges(kind)))


@given(MANY, MANY)
def test_common_ids_are_those_in_both(one: tuple[Range, ...], other: tuple[Range, ...]) -> None:
    assert ids(idmap.common(one, other)) == ids(one) & ids(other)


@given(MANY)
def test_spans_are_sorted_and_apart(ranges: tuple[Range, ...]) -> None:
    found = idmap.spans(ranges)
    assert all(one.stop < other.start for one, other in itertools.pairwise(found))
    assert ids(found) == ids(ranges)


@given(NAMED, GROUPS)
def test_overlaps_are_those_that_looking_at_every_id_finds(
    maps: dict[str, IdMap], groups: list[set[str]]
) -> None:
    reached = {name: reach(each) for name, each in maps.items()}
    expected = {}
    for name, mine in reached.items():
        may_share = {name}.union(*(group for group in groups if name in group))
        others = sorted(o for o, ids_ in reached.items() if o not in may_share and mine & ids_)
        if others:
            shared = mine & reached[others[0]]
            first = min(shared, key=lambda pair: (pair[0] is Kind.GID, pair[1]))
            expected[name] = (others[0], len(others), *first)
    found = idmap_overlaps.find(maps, groups=groups)
    assert {
        name: (each.other, each.others, each.kind, each.shared.start)
        for name, each in found.items()
    } == expected


@given(NAMED)
def test_shared_ids_are_shared_to_the_last_one(maps: dict[str, IdMap]) -> None:
    for name, each in idmap_overlaps.find(maps).items():
        mine, theirs = maps[name].ranges(each.kind), maps[each.other].ranges(each.kind)
        assert ids((each.shared,)) <= ids(mine) & ids(theirs)
        assert each.shared.stop not in ids(mine) & ids(theirs)


@given(NAMED, st.permutations("abcdefgh"))
def test_overlaps_do_not_depend_on_the_order_of_the_maps(
    maps: dict[str, IdMap], order: list[str]
) -> None:
    shuffled = {name: maps[name] for name in order if name in maps}
    assert idmap_overlaps.find(shuffled) == idmap_overlaps.find(maps)


@given(functions(), functions())
def test_kernels_text_of_a_map_is_read_as_that_map(
    uids: tuple[Range, ...], gids: tuple[Range, ...]
) -> None:
    texts = [
        "".join(f"{e.container:10} {e.start:10} {e.stop - e.start:10}\n" for e in ranges)
        for ranges in (uids, gids)
    ]
    if uids and gids:
        assert idmap.parse_kernel(*texts) == IdMap(uids=uids, gids=gids)


@given(functions(), functions())
def test_lxds_text_of_a_map_is_read_as_that_map(
    uids: tuple[Range, ...], gids: tuple[Range, ...]
) -> None:
    entries = [
        {
            "Isuid": is_uid,
            "Isgid": not is_uid,
            "Hostid": each.start,
            "Nsid": each.container,
            "Maprange": each.stop - each.start,
        }
        for is_uid, ranges in ((True, uids), (False, gids))
        for each in ranges
    ]
    assert idmap.parse_volatile(json.dumps(entries)) == IdMap(uids=uids, gids=gids)


@given(MANY, MANY)
def test_raw_text_of_a_map_is_read_as_that_map(
    uids: tuple[Range, ...], gids: tuple[Range, ...]
) -> None:
    lines = [
        f"{kind} {each.start}-{each.stop - 1} "
        f"{each.container}-{each.container + each.stop - each.start - 1}"
        for kind, ranges in (("uid", uids), ("gid", gids))
        for each in ranges
    ]
    assert idmap.parse_raw("\n".join(lines)) == IdMap(uids=uids, gids=gids)


TEXTS = st.one_of(st.text(), st.text("0123456789 -:\nuidgboth"))


@given(TEXTS, TEXTS)
def test_any_text_of_the_kernel_is_a_map_or_refused(uid_map: str, gid_map: str) -> None:
    try:
        found = idmap.parse_kernel(uid_map, gid_map)
    except ValueError:
        return
    assert found.uids
    assert found.gids


@given(TEXTS)
def test_any_raw_text_is_a_map_or_refused(text: str) -> None:
    try:
        found = idmap.parse_raw(text)
    except ValueError:
        return
    assert bool(text.strip("\n")) == bool(found.uids or found.gids)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["Isuid", "Isgid", "Hostid", "Nsid", "Maprange"]), inner
            ),
        ),
    )
)
def test_any_json_is_a_map_or_refused(document: object) -> None:
    try:
        found = idmap.parse_volatile(json.dumps(document))
    except ValueError:
        return
    assert isinstance(document, list)
    assert bool(document) == bool(found.uids or found.gids)
