from __future__ import annotations

import json

import pytest

from pytest_lxdsec.lxd import idmap
from pytest_lxdsec.lxd.idmap import IdMap, Interval, Kind, Range, SubIds

# Recorded from LXD 5.0.2: a container of the default map, an isolated one, a privileged one.
DEFAULT = "         0     100000   10000001\n"
ISOLATED = "         0     165536      65536\n"
PRIVILEGED = "         0          0 4294967295\n"
VOLATILE = (
    '[{"Isuid":true,"Isgid":false,"Hostid":100000,"Nsid":0,"Maprange":10000001},'
    '{"Isuid":false,"Isgid":true,"Hostid":100000,"Nsid":0,"Maprange":10000001}]'
)


def of(*ranges: tuple[int, int, int]) -> tuple[Range, ...]:
    """Ranges from (start, count, container)."""
    return tuple(
        Range(start=start, stop=start + count, container=container)
        for start, count, container in ranges
    )


def both(*ranges: tuple[int, int, int]) -> IdMap:
    return IdMap(uids=of(*ranges), gids=of(*ranges))


def entry(**changes: object) -> dict[str, object]:
    plain = {"Isuid": True, "Isgid": False, "Hostid": 100000, "Nsid": 0, "Maprange": 65536}
    return plain | changes


def test_running_map_is_read() -> None:
    assert idmap.parse_kernel(DEFAULT, ISOLATED) == IdMap(
        uids=of((100000, 10000001, 0)), gids=of((165536, 65536, 0))
    )


def test_running_map_of_a_privileged_container_reaches_host_root() -> None:
    assert idmap.parse_kernel(PRIVILEGED, PRIVILEGED).covers(Kind.UID, 0)


def test_recorded_map_equals_the_running_one() -> None:
    assert idmap.parse_volatile(VOLATILE) == idmap.parse_kernel(DEFAULT, DEFAULT)


@pytest.mark.parametrize("uid_map", ["", "\n", "0 100000", "0 100000 65536 1", "a b c", "0 0 -1"])
def test_running_map_of_another_shape_is_refused(uid_map: str) -> None:
    with pytest.raises(ValueError, match="id map"):
        idmap.parse_kernel(uid_map, DEFAULT)


@pytest.mark.parametrize(
    "line", ["0 0 0", "0 1 4294967295", "1 0 4294967295", "0 4294967295 1", "0 0 4294967296"]
)
def test_range_that_the_kernel_refuses_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=f"no range of ids: '{line}'"):
        idmap.parse_kernel(line, line)


@pytest.mark.parametrize("line", ["0 4294967294 1", "4294967294 0 1", "1 1 4294967294"])
def test_last_id_that_the_kernel_takes_is_taken(line: str) -> None:
    [found] = idmap.parse_kernel(line, line).uids
    assert max(found.stop, found.container + found.stop - found.start) == idmap.ID_LIMIT


def test_privileged_container_has_an_empty_recorded_map() -> None:
    assert idmap.parse_volatile("[]") == IdMap()


def test_entry_that_lxd_recorded_twice_for_both_kinds_counts_once() -> None:
    # LXD 5.0.2 with raw.idmap "both 1000 1000": the entry stands once per kind it displaced.
    twice = entry(Isgid=True, Hostid=1000, Nsid=1000, Maprange=1)
    found = idmap.parse_volatile(json.dumps([twice, twice]))
    assert found == both((1000, 1, 1000))


def test_entries_that_continue_each_other_are_one_range() -> None:
    text = json.dumps([entry(Hostid=165536, Nsid=65536), entry()])
    assert idmap.parse_volatile(text).uids == of((100000, 131072, 0))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "null",
        "{}",
        "[1]",
        "[{}]",
        "not JSON",
        "[" * 100_000,
        json.dumps([entry(Isuid=False)]),
        json.dumps([entry(Isuid=1)]),
        json.dumps([entry(Hostid="100000")]),
        json.dumps([entry(Hostid=1.0)]),
        json.dumps([entry(Hostid=True)]),
        json.dumps([entry(Hostid=-1)]),
        json.dumps([entry(Maprange=0)]),
        json.dumps([entry(Maprange=2**32)]),
        json.dumps([entry(Extra=1)]),
        json.dumps([{"Isuid": True, "Hostid": 0, "Nsid": 0, "Maprange": 1}]),
    ],
)
def test_recorded_map_that_lxd_did_not_write_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^(no|neither) "):
        idmap.parse_volatile(value)


@pytest.mark.parametrize(
    ("text", "uids", "gids"),
    [
        ("", (), ()),
        ("both 0 0", ((0, 1, 0),), ((0, 1, 0),)),
        ("both 1000 0", ((1000, 1, 0),), ((1000, 1, 0),)),
        ("uid 1000-1009 0-9", ((1000, 10, 0),), ()),
        ("gid 50 20", (), ((50, 1, 20),)),
        ("uid 5 6\n\ngid 7 8\n", ((5, 1, 6),), ((7, 1, 8),)),
        ("uid +5 6", ((5, 1, 6),), ()),
    ],
)
def test_raw_map_is_read(
    text: str, uids: tuple[tuple[int, int, int], ...], gids: tuple[tuple[int, int, int], ...]
) -> None:
    assert idmap.parse_raw(text) == IdMap(uids=of(*uids), gids=of(*gids))


@pytest.mark.parametrize(
    "line",
    [
        "both 0",
        "both 0 0 0",
        "both  0 0",
        " both 0 0",
        "both 0 0\r",
        "BOTH 0 0",
        "other 0 0",
        "uid 1000-1009 0-8",
        "uid 10-9 10-9",
        "uid 1000--1 0",
        "uid 1-2-3 1-3",
        "uid -1 0",
        "uid 4294967295 0",
        "uid 0x10 0",
        "uid ٣ 0",
        " ",
    ],
)
def test_raw_line_that_lxd_or_the_kernel_refuses_is_refused_with_its_text(line: str) -> None:
    with pytest.raises(ValueError, match=r": '") as caught:
        idmap.parse_raw(f"both 5 5\n{line}")
    assert str(caught.value).endswith(repr(line))


def test_subordinate_ids_are_read_with_their_owner() -> None:
    text = "# who\n\n_lxd:100000:10000001\nroot:100000:10000001 # LXD\n1000:165536:65536\n"
    assert idmap.parse_subids(text) == (
        SubIds(owner="_lxd", start=100000, stop=10100001),
        SubIds(owner="root", start=100000, stop=10100001),
        SubIds(owner="1000", start=165536, stop=231072),
    )


def test_subordinate_range_of_nothing_is_left_out() -> None:
    assert idmap.parse_subids("alice:100000:0") == ()


@pytest.mark.parametrize("line", ["root", "root:1", ":1:2", "root:a:2", "root:1:2:3", "root:1:-2"])
def test_subordinate_line_of_another_shape_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=rf"no line of subuid\(5\): '{line}'"):
        idmap.parse_subids(f"alice:1:2\n{line}\n")


@pytest.mark.parametrize(
    ("container_id", "host_id"), [(0, 100000), (999, 100999), (1000, 1000), (1001, 101001)]
)
def test_id_of_the_container_is_sent_to_the_host(container_id: int, host_id: int) -> None:
    around_1000 = both((100000, 1000, 0), (1000, 1, 1000), (101001, 64535, 1001))
    assert around_1000.host_id(Kind.UID, container_id) == host_id


@pytest.mark.parametrize("container_id", [65536, -1])
def test_id_that_is_not_mapped_is_sent_nowhere(container_id: int) -> None:
    assert both((100000, 65536, 0)).host_id(Kind.GID, container_id) is None


@pytest.mark.parametrize(
    ("host_id", "expected"), [(99999, False), (100000, True), (165535, True), (165536, False)]
)
def test_range_covers_its_first_id_and_not_its_stop(
    host_id: int,
    expected: bool,  # noqa: FBT001 - a parameter of parametrize
) -> None:
    assert both((100000, 65536, 0)).covers(Kind.UID, host_id) is expected


def test_user_and_group_ids_are_apart() -> None:
    only_uids = IdMap(uids=of((100000, 1, 0)))
    assert (only_uids.covers(Kind.UID, 100000), only_uids.covers(Kind.GID, 100000)) == (
        True,
        False,
    )


def test_what_a_map_reaches_of_somebodys_ids_is_named() -> None:
    others = SubIds(owner="alice", start=165000, stop=200000)
    assert both((100000, 65536, 0)).reached(Kind.UID, others) == (
        Interval(start=165000, stop=165536),
    )


def test_adjacent_ranges_have_nothing_in_common() -> None:
    assert both((100000, 65536, 0)).reached(Kind.UID, Interval(start=165536, stop=231072)) == ()


def test_order_of_the_lines_does_not_count() -> None:
    assert both((1, 1, 5), (9, 2, 0)) == both((9, 2, 0), (1, 1, 5))


def test_ranges_that_only_touch_are_not_joined() -> None:
    assert len(both((100, 10, 0), (110, 10, 50)).uids) == 2
