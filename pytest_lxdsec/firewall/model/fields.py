"""What the fields of a rule read from a packet.

A value is a number, a name, or a tuple for a concatenation. Where the kernel finds nothing to
read, the rule ends (`ABSENT`); where we cannot know, the value is `Unsure` with the reason.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import packet, protocol_numbers, rules
from .rules import Base

# nft_payload.c has a fast road for loads of 1, 2 or 4 aligned bytes that forgets to look
# whether the packet is a later fragment; measured on 6.18.
_FAST = (8, 16, 32)


class Absent(enum.Enum):
    """The kernel finds nothing to read: the rule ends."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Unsure:
    """A value that cannot be known, and why."""

    reason: str


_CHOSEN = Unsure("the sender may choose what it asks about")

Value = int | str | tuple[int | str, ...] | Absent | Unsure


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What rules that ran before have changed.

    Attributes:
        marks: `mark` and `ct mark`; None for a value that is not known.
        altered: Why bytes of the packet can no longer be known; "" where they can.
        is_untracked: A rule said `notrack`.
        destination: The translated address; None where it is what the packet says.
        port: The translated port.
        tracked: Whether connection tracking has seen the packet; None: not known.
    """

    marks: Mapping[str, int | None] = field(default_factory=dict)
    altered: str = ""
    is_untracked: bool = False
    destination: int | None = None
    port: int | None = None
    is_local: bool = False
    tracked: bool | None = True


FRESH = State()


def read(wanted: rules.Field, seen: packet.Packet, state: State) -> Value:  # noqa: PLR0911 - one for each kind
    """Return the value of a field."""
    match wanted:
        case rules.Payload():
            return _payload(wanted, seen, state)
        case rules.Meta(key=key):
            return _meta(key, seen, state)
        case rules.Masked(field=inner, mask=mask):
            value = read(inner, seen, state)
            return value & mask if isinstance(value, int) else value
        case rules.Joined(fields=fields):
            return _joined(fields, seen, state)
        case rules.Conntrack(key=key):
            return _conntrack(key, seen, state)
        case rules.Fib():
            return _fib(wanted, seen, state)
        case rules.Extension(number=number):
            return _extension(number, seen)
        case rules.Search():
            return _search(wanted, seen, state)
        case rules.Unmodelled(text=text):
            return Unsure(f"{text} is not modelled")


def _joined(fields: tuple[rules.Field, ...], seen: packet.Packet, state: State) -> Value:
    values = [read(inner, seen, state) for inner in fields]
    if ABSENT in values:
        return ABSENT
    known: list[int | str] = []
    for value in values:
        if isinstance(value, Unsure):
            return value
        if isinstance(value, (int, str)):
            known.append(value)
    return tuple(known)


# --- bytes -----------------------------------------------------------------------------------


def _payload(wanted: rules.Payload, seen: packet.Packet, state: State) -> Value:
    if state.altered:
        return Unsure(state.altered)
    if any(overlap(wanted, free) for free in seen.free):
        return _CHOSEN
    translated = _translated(wanted, seen, state)
    if translated is not None:
        return translated
    start = _start(wanted, seen)
    if not isinstance(start, int):
        return start
    first, last = wanted.offset // 8, -(-(wanted.offset + wanted.length) // 8)
    octets = seen.octets[start + first : start + last]
    if len(octets) < last - first:
        return ABSENT
    behind = last * 8 - wanted.offset - wanted.length
    return int.from_bytes(octets, "big") >> behind & (1 << wanted.length) - 1


def _start(wanted: rules.Payload, seen: packet.Packet) -> int | Absent | Unsure:
    if wanted.base is Base.NETWORK:
        return seen.network
    if wanted.base is Base.LINK:
        return 0 if seen.has_link else Unsure("who sent the frame is not known")
    if wanted.base is Base.SKIPPED:
        found = _skipped(seen)
        return ABSENT if found is None else seen.network + found[1]
    if seen.transport is None:
        return ABSENT
    if seen.transport.fragment_offset and not _is_fast(wanted):
        return ABSENT
    return seen.network + seen.transport.start


def _skipped(seen: packet.Packet) -> tuple[int, int] | None:
    octets = seen.octets[seen.network :]
    return packet.skipped(octets) if len(octets) >= packet.IPV6_HEADER else None


def _is_fast(wanted: rules.Payload) -> bool:
    first = wanted.offset // 8 * 8
    length = -(-(wanted.offset + wanted.length) // 8) * 8 - first
    return length in _FAST and first % length == 0


def _translated(wanted: rules.Payload, seen: packet.Packet, state: State) -> Value | None:
    """Return what stands where a translation has written; None where it has not."""
    address = DESTINATION.get(seen.protocol)
    if (
        address is not None
        and overlap(wanted, address)
        and state.is_local | bool(state.destination)
    ):
        if wanted == address and state.destination is not None:
            return state.destination
        return Unsure("which address it is translated to is not known")
    if state.port is not None and overlap(wanted, PORT):
        return state.port if wanted == PORT else Unsure("its port is translated")
    return None


PORT = rules.Payload(base=Base.TRANSPORT, offset=16, length=16)
DESTINATION: Mapping[int, rules.Payload] = {
    protocol_numbers.ETH_IPV4: rules.Payload(base=Base.NETWORK, offset=128, length=32),
    protocol_numbers.ETH_IPV6: rules.Payload(base=Base.NETWORK, offset=192, length=128),
}
SOURCE: Mapping[int, rules.Payload] = {
    protocol_numbers.ETH_IPV4: rules.Payload(base=Base.NETWORK, offset=96, length=32),
    protocol_numbers.ETH_IPV6: rules.Payload(base=Base.NETWORK, offset=64, length=128),
}


def overlap(one: rules.Payload, other: rules.Payload) -> bool:
    """Return whether two fields share bits."""
    return (
        one.base is other.base
        and one.offset < other.offset + other.length
        and other.offset < one.offset + one.length
    )


def _extension(number: int, seen: packet.Packet) -> Value:
    if seen.protocol != protocol_numbers.ETH_IPV6:
        return ABSENT
    octets = seen.octets[seen.network :]
    if len(octets) < packet.IPV6_HEADER:
        return 0
    return int(packet.has_extension(octets, number))


def _search(wanted: rules.Search, seen: packet.Packet, state: State) -> Value:
    """Search a packet that is in one piece, like xt_string (net/core/skbuff.c, skb_find_text).

    What a sender gains by sending it in several, `iptables` leaves in doubt.

    Until Linux 6.0 the bytes had to begin before the end, since then they have to end there.
    """
    if state.altered:
        return Unsure(state.altered)
    if any(_is_within(wanted, free, seen) for free in seen.free):
        return _CHOSEN
    octets = _ip_octets(seen)
    at = octets.find(wanted.pattern, wanted.low)
    if at < 0 or at > wanted.high:
        return 0
    if at + len(wanted.pattern) <= wanted.high:
        return 1
    return Unsure("whether bytes that end further on are found depends on the kernel")


def _is_within(wanted: rules.Search, free: rules.Payload, seen: packet.Packet) -> bool:
    """Return whether bits that the sender may choose are among those that are searched."""
    if free.base is Base.LINK:
        return False
    first = free.offset
    if free.base is not Base.NETWORK and seen.transport is not None:
        first += seen.transport.start * 8
    end = (wanted.high + len(wanted.pattern)) * 8
    return first < end and wanted.low * 8 < first + free.length


def _ip_octets(seen: packet.Packet) -> bytes:
    """Return the packet as long as it says that it is: br_netfilter cuts the rest off."""
    octets = seen.octets[seen.network :]
    if seen.protocol == protocol_numbers.ETH_IPV6:
        return octets[: packet.IPV6_HEADER + int.from_bytes(octets[4:6], "big")]
    return octets[: int.from_bytes(octets[2:4], "big")]


# --- what the kernel knows -------------------------------------------------------------------


def _meta(key: str, seen: packet.Packet, state: State) -> Value:
    if key == "mark":
        value = state.marks.get("mark", seen.mark)
        return Unsure("the packet's mark is not known") if value is None else value
    if key.startswith("room "):
        return _room(key, seen)
    reader = _META.get(key)
    return reader(seen) if reader else Unsure(f"meta {key} is not modelled")


def _iif(seen: packet.Packet) -> Value:
    return Unsure("the number of the interface is not known") if seen.iif is None else seen.iif


def _port(name: str | None) -> Value:
    return Unsure("the port of a bridge that it took is not known") if name is None else name


def _is_bridged_on(seen: packet.Packet) -> Value:
    name = _port(seen.port_out)
    return int(bool(name)) if isinstance(name, str) else name


_RECEIVER = rules.Payload(base=Base.LINK, offset=0, length=48)


def _packet_type(seen: packet.Packet) -> Value:
    if any(overlap(_RECEIVER, free) for free in seen.free):
        return _CHOSEN
    kind = seen.packet_type
    return Unsure("the kernel's packet type is not known") if kind is None else kind


def _nfproto(seen: packet.Packet) -> Value:
    if seen.is_bridged:
        return protocol_numbers.NFPROTO["bridge"]
    return protocol_numbers.NFPROTO["ipv4" if seen.family == "ip" else "ipv6"]


def _xt_protocol(seen: packet.Packet) -> Value:
    """ip6tables looks behind an authentication header, and drops what it cannot follow."""
    if seen.transport is None or seen.transport.protocol == protocol_numbers.AUTHENTICATION:
        return Unsure("what ip6tables makes of its headers is not modelled")
    return seen.transport.protocol


def _skipped_protocol(seen: packet.Packet) -> Value:
    found = _skipped(seen)
    return ABSENT if found is None else found[0]


def _bridge(seen: packet.Packet) -> Value:
    return seen.bridge or Unsure("the bridge's name is not known")


_META: Mapping[str, Callable[[packet.Packet], Value]] = {
    "iifname": lambda seen: seen.iifname,
    "oifname": lambda seen: seen.oifname,
    "ibrname": _bridge,
    # net/bridge/netfilter/nft_meta_bridge.c: without a port to leave by there is none.
    "obrname": lambda seen: _bridge(seen) if seen.oifname else ABSENT,
    "iif": _iif,
    "physdev in": lambda seen: _port(seen.port_in),
    "physdev out": lambda seen: _port(seen.port_out),
    "physdev is bridged": _is_bridged_on,
    "protocol": lambda seen: seen.protocol,
    "nfproto": _nfproto,
    "l4proto": lambda seen: seen.transport.protocol if seen.transport else ABSENT,
    "pkttype": _packet_type,
    "iiftype": lambda seen: (
        protocol_numbers.LINK_TYPES["ether"]
        if seen.is_bridged
        else Unsure("the kind of link is not known")
    ),
    "fragment": lambda seen: int(bool(seen.transport and seen.transport.fragment_offset)),
    "xt protocol": _xt_protocol,
    "skipped protocol": _skipped_protocol,
    "ebtables": lambda seen: (
        protocol_numbers.ETH_8021Q
        if int.from_bytes(seen.octets[12:14], "big") in protocol_numbers.TAGS
        else int.from_bytes(seen.octets[12:14], "big")
    ),
}


def _room(key: str, seen: packet.Packet) -> Value:
    """Return a packet too short for the header that a rule asks about is dropped by iptables."""
    if seen.transport is None:
        return ABSENT
    there = len(seen.octets) - seen.network - seen.transport.start
    wanted = int(key.partition(" ")[2])
    return 0 if there >= wanted else Unsure("its transport header is cut short")


def _conntrack(key: str, seen: packet.Packet, state: State) -> Value:  # noqa: PLR0911 - one for each kind
    if seen.is_bridged:
        return Unsure("connection tracking of a bridge is not modelled")
    if key == "state":
        if state.is_untracked:
            return protocol_numbers.CT_STATES["untracked"]
        if state.tracked is None or seen.ct_state is None:
            return Unsure("the state of the connection is not known")
        return seen.ct_state if state.tracked else protocol_numbers.CT_STATES["invalid"]
    if key == "mark" and seen.ct_state == protocol_numbers.CT_STATES["new"] and state.tracked:
        value = state.marks.get("ct mark", 0)
        return Unsure("the connection's mark is not known") if value is None else value
    if key == "status" and seen.ct_state == protocol_numbers.CT_STATES["new"] and state.tracked:
        return protocol_numbers.CT_STATUS["dnat"] if _is_translated(state) else 0
    if key == "direction" and seen.ct_state == protocol_numbers.CT_STATES["new"] and state.tracked:
        return 0
    return Unsure(f"ct {key} is not modelled")


def _is_translated(state: State) -> bool:
    return state.is_local or state.destination is not None or state.port is not None


def _fib(wanted: rules.Fib, seen: packet.Packet, state: State) -> Value:
    if (
        wanted.result == "type"
        and set(wanted.flags) <= {"daddr", "iif"}
        and "daddr" in wanted.flags
    ):
        if state.is_local or (seen.is_local and state.destination is None):
            return protocol_numbers.ROUTE_TYPES["local"]
        return Unsure("whether the destination is this host's is not known")
    # nft 1.1.4 and later print `check` for what was `oif` compared with a truth value.
    if wanted.result in {"oif", "check"} and {*wanted.flags} - {"mark"} == {"saddr", "iif"}:
        known = seen.has_route_back
        return Unsure("the way back to the source is not known") if known is None else int(known)
    return Unsure(f"fib {' . '.join(wanted.flags)} {wanted.result} is not modelled")
