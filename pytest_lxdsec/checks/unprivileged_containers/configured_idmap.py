"""The id map that a configuration asks for, against the one in force; pure.

LXD works a container's map out when its configuration changes, and applies it when it starts:
lxd/instance/drivers/driver_lxc.go, findIdmap, 5.0.2 to 6.9. What it has worked out stands in
`volatile.idmap.next`, which any user of LXD may write to; so the configuration is read as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...evidence.container_facts import ContainerFacts
from ...evidence.model import Evidence
from ...evidence.objects import Instance
from ...inventory import containers
from ...lxd import config_values, idmap
from ...verdict import CannotTell
from . import host_id_conflicts

RAW = "raw.idmap"
SIZE = "security.idmap.size"
BASE = "security.idmap.base"
NEXT = "volatile.idmap.next"
CURRENT = "volatile.idmap.current"
DEFAULT_SIZE = 65536  # findIdmap, idmapSize: of an isolated container


def differences(evidence: Evidence, instance: Instance, found: ContainerFacts) -> Iterator[str]:
    """Yield how the map in force is not the one that is configured, each as a clause.

    Raises:
        CannotTell: one of the two is not known.
    """
    is_wanted = containers.is_configured_privileged(instance)
    has_host_ids = containers.has_host_user_namespace(evidence, found)
    if is_wanted != has_host_ids:
        wanted = "privileged" if is_wanted else "unprivileged"
        maps = "the host's own ids" if has_host_ids else "ids of its own"
        yield f"the configuration says {wanted}, the kernel still maps {maps}"
        return
    if is_wanted:
        return
    own = containers.id_map(found)
    if containers.is_isolated(instance):
        yield from _isolation(instance, own)
    else:
        yield from _whole_range(evidence, instance, own)
    yield from _raw(instance, own)
    yield from _recorded(instance, own)


def _isolation(instance: Instance, own: idmap.IdMap) -> Iterator[str]:
    """Size and base hold for isolated containers only (findIdmap)."""
    extra = raw(instance)
    size = _number(instance.expanded_config, SIZE) or DEFAULT_SIZE
    base = _number(instance.expanded_config, BASE)
    for kind in idmap.Kind:
        # What raw.idmap maps within the range takes the place of what LXD would map there.
        wanted = size + _all_beyond(kind, extra, size)
        count = sum(one.stop - one.start for one in own.ranges(kind))
        if count != wanted:
            yield (
                f"the configuration says isolated, with {wanted} {kind.value}s of its own, "
                f"the kernel still maps {count}"
            )
        start = _start(kind, own, extra)
        if base is not None and start != base:
            yield f"{BASE} is {base}, the kernel still maps {kind.value}s from {start}"


def _whole_range(evidence: Evidence, instance: Instance, own: idmap.IdMap) -> Iterator[str]:
    """Containers that are not isolated have all ids that LXD has (findIdmap).

    Raises:
        CannotTell: it has others, and they are not those of an isolated one either.
    """
    extra = raw(instance)
    for kind in idmap.Kind:
        start, ranges = _start(kind, own, extra), host_id_conflicts.lxd_ranges(evidence, kind)
        if any(_is_whole(one, kind, start, own, extra) for one in ranges):
            continue
        count = sum(one.stop - one.start for one in own.ranges(kind))
        mapped = f"{count} {kind.value}s" + ("" if start is None else f" from {start}")
        if start is not None and count == DEFAULT_SIZE + _all_beyond(kind, extra, DEFAULT_SIZE):
            yield f"the configuration says not isolated, the kernel maps {mapped}"
        else:
            known = ", ".join(f"{one.start}-{one.stop - 1}" for one in ranges)
            raise CannotTell(f"{instance.key}: the kernel maps {mapped}; LXD may have {known}")


def _is_whole(
    one: idmap.Interval, kind: idmap.Kind, start: int | None, own: idmap.IdMap, extra: idmap.IdMap
) -> bool:
    size = one.stop - one.start
    count = sum(each.stop - each.start for each in own.ranges(kind))
    return start == one.start and count == size + _all_beyond(kind, extra, size)


def _all_beyond(kind: idmap.Kind, extra: idmap.IdMap, size: int) -> int:
    return sum(_beyond(one, size) for one in extra.ranges(kind))


def _beyond(one: idmap.Range, size: int) -> int:
    """Return how many ids of the container's a range maps that are not below `size`."""
    end = one.container + one.stop - one.start
    return max(0, end - max(one.container, size))


def _start(kind: idmap.Kind, own: idmap.IdMap, raw: idmap.IdMap) -> int | None:
    """Return the start of LXD's own range, from the first container ID outside other ranges."""
    taken = {one.container: one.container + one.stop - one.start for one in raw.ranges(kind)}
    first = 0
    while first in taken:
        first = taken[first]
    found = own.host_id(kind, first)
    return None if found is None else found - first


def _raw(instance: Instance, own: idmap.IdMap) -> Iterator[str]:
    extra = raw(instance)
    for kind in idmap.Kind:
        for one in extra.ranges(kind):
            ends = (one.container, one.container + one.stop - one.start - 1)
            if any(own.host_id(kind, e) != one.start + e - one.container for e in ends):
                last = one.stop - 1
                yield f"{RAW} maps host {kind.value}s {one.start}-{last}, the kernel does not"


def is_recorded(instance: Instance, found: ContainerFacts) -> bool:
    """Return whether LXD would give it the same map again, so that a restart changes nothing."""
    try:
        return idmap.parse_volatile(instance.expanded_config.get(NEXT, "")) == containers.id_map(
            found
        )
    except ValueError:
        return False


def _recorded(instance: Instance, own: idmap.IdMap) -> Iterator[str]:
    known = config_values.string(instance.expanded_config, NEXT)
    if not known:
        raise CannotTell(f"{instance.key}: LXD does not say what it would map ({NEXT})")
    if _volatile(instance, NEXT) != own:
        wanted = shown(_volatile(instance, NEXT))
        yield f"a restart would give it {wanted} ({NEXT}), the kernel still maps {shown(own)}"
    elif CURRENT in instance.expanded_config and _volatile(instance, CURRENT) != own:
        believed = shown(_volatile(instance, CURRENT))
        yield f"LXD believes it to map {believed} ({CURRENT}), the kernel maps {shown(own)}"


def _volatile(instance: Instance, key: str) -> idmap.IdMap:
    try:
        return idmap.parse_volatile(config_values.string(instance.expanded_config, key))
    except ValueError as error:
        raise CannotTell(f"{instance.key}: {key}: {error}") from error


def raw(instance: Instance) -> idmap.IdMap:
    """Return what `raw.idmap` asks for; raises `CannotTell` where it is none."""
    try:
        return idmap.parse_raw(config_values.string(instance.expanded_config, RAW))
    except ValueError as error:
        raise CannotTell(f"{instance.key}: {RAW}: {error}") from error


def _number(config: Mapping[str, str], key: str) -> int | None:
    text = config_values.string(config, key)
    if not text:
        return None
    if not text.isdecimal():
        raise CannotTell(f"{key} is {text!r}, no number")
    return int(text)


def shown(found: idmap.IdMap) -> str:
    """Return a map for people: uids and gids, or one of them where they are the same."""
    if not found.uids and not found.gids:
        return "no map"
    uids, gids = (
        ", ".join(f"{one.container}->{one.start}+{one.stop - one.start}" for one in ranges)
        for ranges in (found.uids, found.gids)
    )
    return f"ids {uids}" if uids == gids else f"uids {uids}, gids {gids}"
