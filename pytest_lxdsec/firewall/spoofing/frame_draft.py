"""A frame's bytes, into which the conditions of rules are written.

What a rule compares is read as `fields` reads it, so that a condition that holds already costs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..frames import ethernet
from ..model import fields, packet, protocol_numbers, rules, values
from ..model.rules import Base

_SPARE = "02:00:5e:00:53:99"
_GROUPS = {
    protocol_numbers.PACKET_TYPES["broadcast"]: ethernet.BROADCAST,
    protocol_numbers.PACKET_TYPES["multicast"]: "01:00:5e:00:00:fb",
}
# Where an IP header without options or extensions gives the protocol, in bits, by its length.
_PLAIN = {packet.IPV4_HEADER: 72, packet.IPV6_HEADER: 48}
_LINK_TYPE = rules.Payload(base=Base.LINK, offset=96, length=16)


@dataclass(slots=True, kw_only=True)
class Draft:
    """The bytes of a frame while conditions are written into it.

    Attributes:
        octets: The bytes.
        out: The port by which it has to leave; "" for any.
    """

    octets: bytearray
    out: str = ""

    def fulfil(self, step: rules.Statement, value: int, entry: int) -> bool:
        """Write what a step asks for; whether it could be done, or nothing is asked."""
        match step:
            case rules.Match(field=field, among=among, negated=negated):
                return self._match(field, among, value, negated=negated)
            case rules.AmbiguousMatch(readings=readings):
                return any(self._match(r.field, r.among, value) for r in readings)
            case rules.VerdictMap(field=field, entries=entries):
                return self._match(field, entries[entry][0], value) if entries else False
            case _:
                return True

    def evade(self, step: rules.Statement, value: int) -> bool:
        """Write what a condition does not hold for; whether it could be done."""
        if not isinstance(step, rules.Match):
            return False
        return self._match(step.field, step.among, value, negated=not step.negated)

    def _match(
        self, field: rules.Field, among: values.Among, value: int, *, negated: bool = False
    ) -> bool:
        if isinstance(field, rules.Joined):
            return self._row(field, among, value) if not negated else True
        if isinstance(among, values.Names):
            return self._name(field, among, value, negated=negated)
        if not isinstance(among, values.Intervals):
            return True
        now = fields.read(field, self._seen(), fields.FRESH)
        if isinstance(now, fields.Unsure):
            return self._meta(field, among, value)
        if isinstance(now, int) and (now in among) is not negated and not value:
            return True
        width = field.length if isinstance(field, rules.Payload) else 128
        options = _beside(among, width) if negated else _ends_of(among)
        return bool(options) and self._write(field, options[max(value - 1, 0) % len(options)])

    def _row(self, field: rules.Joined, among: values.Among, value: int) -> bool:
        if not isinstance(among, values.Rows) or not among.rows:
            return True
        row = among.rows[value % len(among.rows)]
        return all(
            self._match(each, cell, 0) for each, cell in zip(field.fields, row, strict=True)
        )

    def _name(self, field: rules.Field, among: values.Names, value: int, *, negated: bool) -> bool:
        """By which port it leaves is ours to choose; by which it came in is not."""
        if field == rules.Meta(key="oifname") and not negated and among.patterns:
            pattern = among.patterns[value % len(among.patterns)]
            self.out = f"{pattern[:-1]}0" if pattern.endswith("*") else pattern
        return True

    def _meta(self, field: rules.Field, among: values.Intervals, value: int) -> bool:
        """Return what the kernel knows by the destination only."""
        if field != rules.Meta(key="pkttype"):
            return True
        wanted = _ends_of(among)[value % len(_ends_of(among))]
        self.octets[:6] = bytes.fromhex(_GROUPS.get(wanted, _SPARE).replace(":", ""))
        return True

    def _write(self, field: rules.Field, number: int) -> bool:
        match field:
            case rules.Payload():
                return self._bits(field, number)
            case rules.Masked(field=rules.Payload() as inner, mask=mask):
                now = fields.read(inner, self._seen(), fields.FRESH)
                rest = now & ~mask if isinstance(now, int) else 0
                return self._bits(inner, rest | number & mask)
            case rules.Meta(key=key):
                place = self._place(key)
                return place is not None and self._bits(place, number)
            case _:
                return False

    def _place(self, key: str) -> rules.Payload | None:
        """Return where the frame says what the kernel reads it for."""
        seen = self._seen()
        match key:
            case "protocol":
                return rules.Payload(base=Base.LINK, offset=(seen.network - 2) * 8, length=16)
            case "ebtables":
                return _LINK_TYPE
            case "l4proto" | "xt protocol" if seen.transport and seen.transport.start in _PLAIN:
                offset = _PLAIN[seen.transport.start]
                return rules.Payload(base=Base.NETWORK, offset=offset, length=8)
            case _:
                return None

    def _bits(self, field: rules.Payload, number: int) -> bool:
        seen = self._seen()
        start = 0 if field.base is Base.LINK else seen.network
        if field.base is Base.TRANSPORT:
            if seen.transport is None:
                return False
            start += seen.transport.start
        first = start + field.offset // 8
        last = start + -(-(field.offset + field.length) // 8)
        if last > len(self.octets) or not 0 <= number < 1 << field.length:
            return False
        behind = (last - start) * 8 - field.offset - field.length
        mask = (1 << field.length) - 1 << behind
        now = int.from_bytes(self.octets[first:last], "big")
        self.octets[first:last] = (now & ~mask | number << behind).to_bytes(last - first, "big")
        return True

    def _seen(self) -> packet.Packet:
        return packet.bridged(bytes(self.octets), iifname="")


def _ends_of(among: values.Intervals) -> list[int]:
    return [end for pair in among for end in dict.fromkeys(pair)]


def _beside(among: values.Intervals, width: int) -> list[int]:
    """Values that are just not among them."""
    near = [each for low, high in among for each in (high + 1, low - 1)]
    return [each for each in near if each not in among and 0 <= each < 1 << width]
