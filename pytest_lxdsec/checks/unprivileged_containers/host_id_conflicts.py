"""Id maps judged against the host they reach into; pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...lxd import idmap
from ...verdict import CannotTell, Manual

# Who may own the subordinate ids that LXD itself maps: root by LXD's code, and the accounts that
# its packages write into /etc/subuid (lxd/idmap, DefaultIdmapSet; Debian's postinst; the snap).
LXD_OWNERS = frozenset({"root", "lxd", "_lxd"})
FIRST_FREE_ID = 1000
LAST_FREE_ID = 59999


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Something of the host that a map reaches, and the command that ends it ("" for none)."""

    what: str
    repair: str = ""


def reaches(evidence: Evidence, found: idmap.IdMap) -> Iterator[Reach]:
    """Yield what of the host a map reaches that is not LXD's to give, worst first.

    Raises:
        CannotTell: the host's accounts or subordinate ids are not known.
    """
    for kind in idmap.Kind:
        if found.covers(kind, 0):
            yield Reach(what=f"host {kind.value} 0 (root)")
    yield from _accounts(evidence, found)
    yield from _subordinate(evidence, found)


def require_full_lists(evidence: Evidence, found: idmap.IdMap, trusted: Collection[str]) -> None:
    """Raise where a directory service may have accounts in a map whom nobody can list.

    Args:
        evidence: The host's.
        found: The map that reaches nobody of whom the host tells.
        trusted: The services that the site vouches for.
    """
    unknown = [service for service in evidence.group_holders.unlisted if service not in trusted]
    if unknown:
        ranges = spans_of(one for kind in idmap.Kind for one in found.ranges(kind))
        raise Manual(
            f"accounts of {', '.join(unknown)} (nsswitch.conf) cannot be listed completely: "
            "check there "
            f"that no account has an ID of {ranges}, then set policy local.trusted_directories"
        )


def _accounts(evidence: Evidence, found: idmap.IdMap) -> Iterator[Reach]:
    accounts = evidence.accounts
    free = _free_id({user.uid for user in accounts.users})
    for user in accounts.users:
        if user.uid and found.covers(idmap.Kind.UID, user.uid):
            repair = shlex.join(("usermod", "--uid", str(free), user.name))
            yield Reach(what=f"host uid {user.uid} ({user.name})", repair=repair)
    free = _free_id({group.gid for group in accounts.groups})
    for group in accounts.groups:
        if group.gid and found.covers(idmap.Kind.GID, group.gid):
            repair = shlex.join(("groupmod", "--gid", str(free), group.name))
            yield Reach(what=f"host gid {group.gid} ({group.name})", repair=repair)


def _free_id(taken: set[int]) -> int:
    return next(n for n in range(FIRST_FREE_ID, LAST_FREE_ID) if n not in taken)


def _subordinate(evidence: Evidence, found: idmap.IdMap) -> Iterator[Reach]:
    texts = evidence.subordinate_ids
    for kind, text in ((idmap.Kind.UID, texts.subuid), (idmap.Kind.GID, texts.subgid)):
        try:
            ranges = idmap.parse_subids(text)
        except ValueError as error:
            raise CannotTell(str(error)) from error
        for entry in ranges:
            owner = _name(evidence, entry.owner)
            if owner not in LXD_OWNERS and found.reached(kind, entry):
                yield Reach(what=_range_text(kind, entry), repair=_range_repair(kind, entry))


def _name(evidence: Evidence, owner: str) -> str:
    """Return the name of an owner, which subuid(5) allows to be a user ID."""
    names = [user.name for user in evidence.accounts.users if str(user.uid) == owner]
    return names[0] if names else owner


def _range_text(kind: idmap.Kind, entry: idmap.SubIds) -> str:
    return f"subordinate {kind.value}s {entry.start}-{entry.stop - 1} of {entry.owner}"


def _range_repair(kind: idmap.Kind, entry: idmap.SubIds) -> str:
    option = f"--del-sub{kind.value}s"
    return shlex.join(("usermod", option, f"{entry.start}-{entry.stop - 1}", entry.owner))


def lxd_ranges(evidence: Evidence, kind: idmap.Kind) -> tuple[idmap.Interval, ...]:
    """Return the host IDs that LXD may have for containers; see `idmap.lxd_ranges`.

    Raises:
        CannotTell: the host's subordinate IDs are not known or cannot be read.
    """
    texts = evidence.subordinate_ids
    try:
        return idmap.lxd_ranges(texts.subuid if kind is idmap.Kind.UID else texts.subgid)
    except ValueError as error:
        raise CannotTell(str(error)) from error


def free_base(evidence: Evidence, own: idmap.IdMap, others: Iterable[idmap.IdMap]) -> int:
    """Return the lowest host ID from which a range of LXD's has room for a container's map.

    Args:
        evidence: The host's, with its subordinate IDs.
        own: The map to move, whose size is needed.
        others: The maps of all running containers.

    Raises:
        CannotTell: the host's subordinate IDs are not known, or no range has enough free IDs.
    """
    size = max(one.stop - one.start for one in (*own.uids, *own.gids))
    taken = idmap.spans(r for m in others for kind in idmap.Kind for r in m.ranges(kind))
    # security.idmap.base is for user and group IDs at once.
    usable = idmap.common(
        lxd_ranges(evidence, idmap.Kind.UID)[:1], lxd_ranges(evidence, idmap.Kind.GID)[:1]
    )
    for one in usable:
        # LXD leaves the first 65536 to containers that are not isolated (findIdmap).
        base = idmap.gap(one.start + idmap.SHARED, one.stop, size, taken)
        if base is not None:
            return base
    raise CannotTell(f"no {size} host IDs are free in {spans_of(usable) or 'the ranges of LXD'}")


def spans_of(intervals: Iterable[idmap.Interval]) -> str:
    """Return host IDs as findings name them."""
    return ", ".join(f"{one.start}-{one.stop - 1}" for one in idmap.spans(intervals))
