"""What of a host no rule tells apart: one interface, one address stands for all that fare alike.

A host has an interface for each instance, and one that listens everywhere listens on an address
of each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

from ..model import fields, packet, protocol_numbers, rules, values
from ..model.protocol_numbers import IpAddress
from . import partition


def interfaces(
    ruleset: rules.RuleSet, seen: packet.Packet, names: Sequence[str]
) -> tuple[str, ...]:
    """Return the first interface of each lot that fares alike with packets as the one given."""
    patterns = tuple(dict.fromkeys((*_patterns(ruleset, seen), *_devices(ruleset))))
    lots: dict[Hashable, str] = {}
    for name in names:
        lots.setdefault(tuple(name in each for each in patterns), name)
    return tuple(lots.values())


def _patterns(ruleset: rules.RuleSet, seen: packet.Packet) -> Iterator[values.Names]:
    for _, amongs in partition.matches(ruleset, seen):
        for among in amongs:
            if isinstance(among, values.Names):
                yield from (values.Names((pattern,)) for pattern in among.patterns)


def _devices(ruleset: rules.RuleSet) -> Iterator[values.Names]:
    """Ingress chains hang at interfaces of their own."""
    for table in ruleset.tables:
        for chain in table.chains:
            if chain.hook is not None:
                yield from (values.Names((device,)) for device in chain.hook.devices)


def addresses(
    ruleset: rules.RuleSet, seen: packet.Packet, own: Iterable[IpAddress]
) -> tuple[IpAddress, ...]:
    """Return the first address of each lot that fares alike as the destination of such packets."""
    kind = protocol_numbers.ETH_IPV4 if seen.family == "ip" else protocol_numbers.ETH_IPV6
    wanted = fields.DESTINATION[kind]
    asked = [each for each in partition.matches(ruleset, seen) if _is_about(each[0], wanted)]
    lots: dict[Hashable, IpAddress] = {}
    for address in own:
        lots.setdefault(tuple(_answers(asked, wanted, int(address))), address)
    return tuple(lots.values())


def _is_about(field: rules.Field, wanted: rules.Payload) -> bool:
    inner = field.field if isinstance(field, rules.Masked) else field
    return isinstance(inner, rules.Payload) and fields.overlap(inner, wanted)


def _answers(
    asked: Iterable[partition.Asked], wanted: rules.Payload, address: int
) -> Iterator[Hashable]:
    """Yield what rules see of an address; the whole of it, where they look at parts."""
    for field, amongs in asked:
        if field == wanted:
            yield tuple(address in among for among in amongs)
        else:
            yield address
