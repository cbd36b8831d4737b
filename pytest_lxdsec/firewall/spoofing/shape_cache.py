"""Rule sets of one shape are judged once.

LXD writes the same rules for every NIC of one setting, with other names and addresses. Where two
parts are equal once each NIC's own interface, MAC address and networks are put out of sight, and
no other constant tells the two apart, whatever recipe makes a frame makes two with one verdict.

"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from ..evaluation import interface_index
from ..model import protocol_numbers, rules, values
from . import foreign_addresses, guarantees, search, trial
from .filtered_nic import NOBODY, FilteredNic, Surroundings

_MAC, _IPV4, _IPV6 = 48, 32, 128  # bits
Shape = Hashable
Known = dict[Hashable, search.Outcome]  # by laws and shape
_MOST_KNOWN = 4096
_BRIDGES = (rules.Meta(key="ibrname"), rules.Meta(key="obrname"))


def shape(part: rules.RuleSet, nic: FilteredNic, around: Surroundings = NOBODY) -> Shape:
    """Return what decides about a NIC besides its name and addresses.

    Equal shapes, equal verdicts.
    """
    writer = _Writer(nic=nic)
    abstract = writer.value(part)
    return (abstract, writer.signature(), _kept(nic), around)


def _kept(nic: FilteredNic) -> Hashable:
    """Return what of the NIC stays in sight: its filters, and the leading halves of its addresses.

    Rules that look at parts of an address look at those.
    """
    ipv4 = tuple((int(net.network_address) >> 16, net.prefixlen) for net in nic.ipv4)
    ipv6 = tuple((int(net.network_address) >> 64, net.prefixlen) for net in nic.ipv6)
    filters = (nic.filters_mac, nic.filters_ipv4, nic.filters_ipv6)
    return (filters, protocol_numbers.mac_number(nic.mac) >> 24, ipv4, ipv6)


def _networks(nic: FilteredNic) -> tuple[protocol_numbers.IpNetwork, ...]:
    return (*nic.ipv4, *nic.ipv6)


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Writes a rule set with the NIC's own values replaced, and keeps the constants it met."""

    nic: FilteredNic
    constants: list[tuple[int, int, int]] = field(default_factory=list)
    is_split: bool = False

    def value(self, given: object) -> Hashable:  # noqa: PLR0911 - one for each kind
        match given:
            case rules.Match(field=left, among=among, negated=negated):
                return ("match", self.value(left), self.among(among, left), negated)
            case rules.VerdictMap(field=left, entries=entries):
                pairs = tuple((self.among(each, left), action) for each, action in entries)
                return ("vmap", self.value(left), pairs)
            case rules.Masked():
                self.is_split = True
                return ("masked", self.value(given.field), given.mask)
            case rules.Rule(steps=steps):
                return tuple(self.value(step) for step in steps)
            case rules.Search():
                return ("search", self.pattern(given.pattern), given.low, given.high)
            case rules.Chain(name=name, rules=inner, hook=hook):
                every = tuple(self.value(rule) for rule in inner)
                return (self.name(name, hook), self.hook(hook), every)
            case rules.Table():
                chains = tuple(self.value(chain) for chain in given.chains)
                return (given.family, given.is_dormant, given.doubt, chains)
            case rules.RuleSet(tables=tables):
                return (tuple(self.value(table) for table in tables), given.handed_over)
            case rules.AmbiguousMatch(readings=readings):
                return ("either", tuple(self.value(reading) for reading in readings))
            case _:
                return _hashable(given)

    @staticmethod
    def name(name: str, hook: rules.Hook | None) -> str:
        """Return the name to compare a chain by: "" unless other chains jump to it."""
        return "" if hook is not None else name

    def hook(self, hook: rules.Hook | None) -> Hashable:
        """Return whether the NIC's interface is one of the chain's, not which those are."""
        if hook is None:
            return None
        is_among = self.nic.interface in hook.devices
        return (dataclasses.replace(hook, devices=()), bool(hook.devices), is_among)

    def pattern(self, pattern: bytes) -> Hashable:
        """Return the bytes that are searched, where they are the NIC's own, as that."""
        if pattern == protocol_numbers.mac_number(self.nic.mac).to_bytes(6, "big"):
            return "OWN MAC"
        for at, net in enumerate(_networks(self.nic)):
            if pattern == net.network_address.packed[: net.prefixlen // 8]:
                return ("OWN PREFIX", at)
        self.is_split = True
        return pattern

    def interface(self, pattern: str) -> Hashable:
        if pattern in {self.nic.interface, self.nic.bridge}:
            return ("OWN", pattern == self.nic.interface)
        if not pattern.endswith("*"):
            return pattern
        fits = (name.startswith(pattern[:-1]) for name in (self.nic.interface, self.nic.bridge))
        return (pattern, *fits)

    def among(self, among: values.Among, left: rules.Field) -> Hashable:
        if isinstance(among, values.Rows):
            fields = left.fields if isinstance(left, rules.Joined) else ()
            return tuple(
                tuple(self.among(cell, each) for cell, each in zip(row, fields, strict=True))
                for row in among.rows
            )
        if isinstance(among, values.Names) and left in _BRIDGES:
            return self.nic.bridge in among
        if isinstance(among, values.Names):
            return tuple(self.interface(pattern) for pattern in among.patterns)
        length = left.length if isinstance(left, rules.Payload) else 0
        return tuple(self.interval(length, low, high) for low, high in among)

    def interval(self, length: int, low: int, high: int) -> Hashable:
        own = self.own(length, low, high)
        if own is not None:
            return own
        self.constants.append((length, low, high))
        return (low, high)

    def own(self, length: int, low: int, high: int) -> Hashable:
        if length == _MAC and low == high == protocol_numbers.mac_number(self.nic.mac):
            return "OWN MAC"
        for at, net in enumerate(_networks(self.nic)):
            first, last = int(net.network_address), int(net.broadcast_address)
            if net.max_prefixlen == length and (first, last) == (low, high):
                return ("OWN NETWORK", at)
            # A raw load takes no more than the prefix.
            cut = net.max_prefixlen - length
            if length == net.prefixlen and low == high == first >> max(cut, 0):
                return ("OWN PREFIX", at)
        return None

    def signature(self) -> Hashable:
        """Return which constants hold the NIC's values.

        All of them, where masks may tell more apart.
        """
        points = list(self.points())
        if self.is_split:
            return (self.nic.mac, self.nic.ipv4, self.nic.ipv6)
        return tuple(
            tuple(low <= point <= high for bits, point in points if bits == length)
            for length, low, high in self.constants
        )

    def points(self) -> Iterator[tuple[int, int]]:
        """Yield the NIC's own values that recipes put into frames, and neighbouring values."""
        mac = protocol_numbers.mac_number(self.nic.mac)
        yield from ((_MAC, mac), (_MAC, mac ^ 1))
        for net in _networks(self.nic):
            first, last = int(net.network_address), int(net.broadcast_address)
            yield from ((net.max_prefixlen, point) for point in (first, first ^ 1, last))
        yield _IPV6, int(self.nic.link_local)


def _hashable(given: object) -> Hashable:
    if not isinstance(given, Hashable):
        raise TypeError(f"no value of a rule set: {given!r}")
    return given


class ShapeCache:
    """Judges the NICs of one rule set, each shape once.

    Args:
        known: Searches that others have made, and where those of this one are kept.
    """

    def __init__(
        self,
        ruleset: rules.RuleSet,
        around: Surroundings = NOBODY,
        *,
        known: Known | None = None,
    ) -> None:
        self._bridges = interface_index.Index(ruleset)
        self._behind = interface_index.Index(ruleset, is_behind=True)
        self._around = around
        self._known: Known = {} if known is None else known
        self._parts: dict[tuple[str, ...], rules.RuleSet] = {}
        self._known_others: dict[tuple[FilteredNic, bool], tuple[Surroundings, ...]] = {}
        self._shapes: dict[tuple[FilteredNic, Surroundings, int], Shape] = {}

    @property
    def searches(self) -> int:
        """The number of searches: shapes times the groups of guarantees asked for."""
        return len(self._known)

    def part(self, nic: FilteredNic, asked: Sequence[guarantees.Guarantee] = ()) -> rules.RuleSet:
        """Return the rules that can concern a NIC, with those of IP if a guarantee needs them."""
        return functools.reduce(operator.add, self._pieces(nic, asked))

    def _pieces(
        self, nic: FilteredNic, asked: Sequence[guarantees.Guarantee]
    ) -> tuple[rules.RuleSet, ...]:
        own = self._piece(self._bridges, nic.interface)
        if not _is_behind(asked):
            return (own,)
        return (own, self._piece(self._behind, nic.interface, nic.bridge))

    def _piece(self, index: interface_index.Index, *interfaces: str) -> rules.RuleSet:
        found = self._parts.get(interfaces)
        if found is None:
            found = self._parts[interfaces] = index.part(*interfaces)
        return found

    def surroundings(
        self, nic: FilteredNic, asked: Sequence[guarantees.Guarantee] = ()
    ) -> tuple[Surroundings, ...]:
        """Return `foreign_addresses.surroundings` from the cache."""
        key = (nic, _is_behind(asked))
        found = self._known_others.get(key)
        if found is None:
            found = self._known_others[key] = foreign_addresses.surroundings(
                self.part(nic, asked), nic
            )
        return found

    def search(
        self,
        nic: FilteredNic,
        asked: Sequence[guarantees.Guarantee],
        around: Surroundings | None = None,
    ) -> search.Outcome:
        """Search with the cache; a frame that is found is tried with the NIC's own rules."""
        whom = self._around if around is None else around
        part = self.part(nic, asked)
        key = (tuple(guarantee.id for guarantee in asked), self._shape(nic, whom, asked))
        known = self._known.get(key)
        if known is None:
            known = search.search(part, nic, asked, around=whom)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = known
            return known
        if known.recipe is None or known.violation is None:
            return known
        shot = known.recipe.directed(part, nic, whom)
        if shot is not None:
            out = shot.out or trial.ELSEWHERE
            guarantee = known.violation.guarantee
            for violation in trial.violations(part, nic, shot.frame, [guarantee], out=out):
                if violation.hook == known.violation.hook:
                    return dataclasses.replace(known, violation=violation)
        return search.search(part, nic, asked, around=whom)

    def _shape(
        self, nic: FilteredNic, around: Surroundings, asked: Sequence[guarantees.Guarantee]
    ) -> Shape:
        return tuple(
            self._shape_of(at, piece, nic, around)
            for at, piece in enumerate(self._pieces(nic, asked))
        )

    def _shape_of(
        self, at: int, piece: rules.RuleSet, nic: FilteredNic, around: Surroundings
    ) -> Shape:
        found = self._shapes.get((nic, around, at))
        if found is None:
            found = self._shapes[nic, around, at] = shape(piece, nic, around)
        return found


def _is_behind(asked: Sequence[guarantees.Guarantee]) -> bool:
    return any(guarantee.is_kept_behind for guarantee in asked)
