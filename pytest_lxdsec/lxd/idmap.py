"""User and group id maps as a small exact algebra of host ids; pure, imports nothing of ours.

A map sends ids of a container to ids of its host, range by range. What it reaches on the host is
what security turns on: host id 0, an account, another container. Ranges are half-open, for with
LXD's own HostidsIntersect (shared/idmap/idmapset_linux.go) adjacent ranges seem to overlap.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# (uid_t) -1 is no id, user_namespaces(7): no range reaches it, neither inside nor outside.
ID_LIMIT = 2**32 - 1

_KERNEL_LINE = re.compile(r"\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*", re.ASCII)
_SPAN = r"\+?(\d{1,10})(?:-\+?(\d{1,10}))?"
_RAW_LINE = re.compile(rf"(both|uid|gid) {_SPAN} {_SPAN}", re.ASCII)
_SUBID_LINE = re.compile(r"([^:]+):(\d{1,10}):(\d{1,10})", re.ASCII)
_JSON_FLAGS = ("Isuid", "Isgid")
_JSON_NUMBERS = ("Hostid", "Maprange", "Nsid")


class Kind(enum.Enum):
    """Which ids: user and group ids are mapped apart from each other."""

    UID = "uid"
    GID = "gid"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Interval:
    """Host ids from `start` to before `stop`."""

    start: int
    stop: int

    def meets(self, other: Interval) -> bool:
        """Return whether they have an id in common."""
        return self.start < other.stop and other.start < self.stop


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Range(Interval):
    """Host ids that the ids from `container` on are sent to, one by one."""

    container: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SubIds(Interval):
    """Host ids that subuid(5) or subgid(5) lets `owner`, a name or a number, map."""

    owner: str


# LXD leaves this many IDs at the start of its range to containers that are not isolated.
SHARED = 65536
LXD_DEFAULT = Interval(start=1_000_000, stop=1_001_000_000)
ROOT = ("root", "0")  # subuid(5) takes a name or a number


@dataclass(frozen=True, slots=True, kw_only=True)
class IdMap:
    """The user and the group ids of one container; without any range where it is privileged.

    Ranges are sorted and, where they continue each other, joined, so that maps are equal if they
    send the same ids to the same ids, however LXD or the kernel wrote them down.
    """

    uids: tuple[Range, ...] = ()
    gids: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "uids", tuple(_joined(self.uids)))
        object.__setattr__(self, "gids", tuple(_joined(self.gids)))

    def ranges(self, kind: Kind) -> tuple[Range, ...]:
        """Return the ranges of this kind of ids, by host id."""
        return self.uids if kind is Kind.UID else self.gids

    def host_id(self, kind: Kind, container_id: int) -> int | None:
        """Return the host's id of a container's id; None where it is not mapped."""
        for each in self.ranges(kind):
            offset = container_id - each.container
            if 0 <= offset < each.stop - each.start:
                return each.start + offset
        return None

    def covers(self, kind: Kind, host_id: int) -> bool:
        """Return whether some id of the container is this id of the host."""
        return any(each.start <= host_id < each.stop for each in self.ranges(kind))

    def reached(self, kind: Kind, interval: Interval) -> tuple[Interval, ...]:
        """Return the host ids of `interval` that the container reaches."""
        return common(self.ranges(kind), [interval])


def spans(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same host ids as few intervals, sorted and apart from each other."""
    found: list[Interval] = []
    for each in sorted(intervals, key=lambda interval: interval.start):
        if found and each.start <= found[-1].stop:
            stop = max(found[-1].stop, each.stop)
            found[-1] = Interval(start=found[-1].start, stop=stop)
        else:
            found.append(Interval(start=each.start, stop=each.stop))
    return tuple(found)


def gap(start: int, stop: int, size: int, taken: Iterable[Interval]) -> int | None:
    """Return the first of `size` host IDs in a row that are not taken; None if there are none.

    Args:
        start: The lowest host ID that may be used.
        stop: The host ID after the highest one that may be used.
        size: The number of host IDs that are needed.
        taken: The host IDs that are in use.
    """
    for each in spans(taken):
        if each.start >= start + size:
            break
        start = max(start, each.stop)
    return start if start + size <= stop else None


def lxd_ranges(text: str) -> tuple[Interval, ...]:
    """Return the host IDs that LXD may have for containers, the range in use first.

    LXD takes the first range of root's that is large enough from the files of subordinate IDs;
    without one, and in the snap, its default (lxd/idmap, DefaultIdmapSet and kernelDefaultMap).

    Args:
        text: The content of /etc/subuid or /etc/subgid.

    Raises:
        ValueError: a line cannot be read.
    """
    entries = [e for e in parse_subids(text) if e.owner.lower() in ROOT]
    large = [Interval(start=e.start, stop=e.stop) for e in entries if e.stop - e.start >= SHARED]
    return (*large[:1], LXD_DEFAULT)


def common(some: Iterable[Interval], others: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the host ids that are in both, as few intervals, sorted."""
    theirs = spans(others)
    return tuple(
        Interval(start=max(one.start, other.start), stop=min(one.stop, other.stop))
        for one in spans(some)
        for other in theirs
        if one.meets(other)
    )


def parse_kernel(uid_map: str, gid_map: str) -> IdMap:
    """Read `/proc/PID/uid_map` and `/proc/PID/gid_map`, read in the host's user namespace.

    Raises:
        ValueError: a line is none, or there is none: the process is gone, or has no map yet.
    """
    return IdMap(uids=_kernel_ranges(uid_map), gids=_kernel_ranges(gid_map))


def parse_volatile(text: str) -> IdMap:
    """Read `volatile.idmap.*` or `volatile.last_state.idmap`, a JSON list in a string.

    The fields are the same from 5.0.2 (shared/idmap/structs.go) to 6.9 (lxd/idmap/structs.go).
    5.0.2 writes one entry, twice, for a `both` line of raw.idmap; later ones split it. A
    privileged container has `[]`.

    Raises:
        ValueError: LXD would not have written this; a user of LXD may have.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no id map of LXD: {text[:80]!r}") from error
    if not isinstance(entries, list):
        raise ValueError(f"no list: {text[:80]!r}")  # noqa: TRY004 - a text is wrong, no argument
    ranges = [_volatile_entry(entry) for entry in entries]
    return IdMap(
        uids=tuple(each for is_uid, _, each in ranges if is_uid),
        gids=tuple(each for _, is_gid, each in ranges if is_gid),
    )


def parse_raw(text: str) -> IdMap:
    """Read `raw.idmap`: lines of `both|uid|gid HOST[-HOST] CONTAINER[-CONTAINER]`.

    The grammar is ParseRawIdmap's, shared/idmap/parse_linux.go at 5.0.2. Where a later line takes
    container ids from an earlier one, both are kept: the host ids are those that LXD may use.

    Raises:
        ValueError: LXD or the kernel would refuse a line.
    """
    uids, gids = [], []
    for line in text.split("\n"):
        if not line:
            continue
        kind, each = _raw_line(line)
        if kind != Kind.GID.value:
            uids.append(each)
        if kind != Kind.UID.value:
            gids.append(each)
    return IdMap(uids=tuple(uids), gids=tuple(gids))


def parse_subids(text: str) -> tuple[SubIds, ...]:
    """Read `/etc/subuid` or `/etc/subgid`, in the file's order, without empty ranges.

    Raises:
        ValueError: a line is none of `OWNER:START:COUNT`, a comment or blank.
    """
    found = []
    for line in text.splitlines():
        content = line.partition("#")[0].strip()  # getFromShadow, shared/idmap/idmapset_linux.go
        match = _SUBID_LINE.fullmatch(content)
        if content and match is None:
            raise ValueError(f"no line of subuid(5): {line!r}")
        if match and int(match[3]):
            start, count = int(match[2]), int(match[3])
            found.append(SubIds(owner=match[1], start=start, stop=start + count))
    return tuple(found)


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    last: Range | None = None
    for each in sorted(set(ranges)):
        if (
            last
            and each.start == last.stop
            and each.container - last.container == (last.stop - last.start)
        ):
            last = Range(start=last.start, stop=each.stop, container=last.container)
        else:
            if last:
                yield last
            last = each
    if last:
        yield last


def _range(start: int, count: int, container: int, line: object) -> Range:
    # map_write, kernel/user_namespace.c: at least one id, and neither end beyond ID_LIMIT.
    if count < 1 or start < 0 or container < 0 or max(start, container) + count > ID_LIMIT:
        raise ValueError(f"no range of ids: {line!r}")
    return Range(start=start, stop=start + count, container=container)


def _kernel_ranges(text: str) -> tuple[Range, ...]:
    lines = text.splitlines()
    if not lines:
        raise ValueError("an empty id map: the process is gone, or has no map yet")
    return tuple(_kernel_line(line) for line in lines)


def _kernel_line(line: str) -> Range:
    found = _KERNEL_LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no line of an id map: {line!r}")
    container, start, count = map(int, found.groups())
    return _range(start, count, container, line)


def _volatile_entry(entry: object) -> tuple[bool, bool, Range]:
    if not isinstance(entry, dict) or sorted(entry) != sorted((*_JSON_FLAGS, *_JSON_NUMBERS)):
        raise ValueError(f"no entry of an id map: {entry!r}")
    flags = [entry[key] for key in _JSON_FLAGS]
    numbers = [entry[key] for key in _JSON_NUMBERS]
    if {type(flag) for flag in flags} != {bool} or {type(each) for each in numbers} != {int}:
        raise ValueError(f"no entry of an id map: {entry!r}")
    if not any(flags):
        raise ValueError(f"neither a uid nor a gid: {entry!r}")
    start, count, container = numbers
    return flags[0], flags[1], _range(start, count, container, entry)


def _raw_line(line: str) -> tuple[str, Range]:
    found = _RAW_LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no line of raw.idmap: {line!r}")
    start, container = int(found[2]), int(found[4])
    count = int(found[3] or start) - start + 1
    if int(found[5] or container) - container + 1 != count:
        raise ValueError(f"ranges of different size: {line!r}")
    return found[1], _range(start, count, container, line)
