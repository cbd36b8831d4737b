"""`iptables-save` and `ip6tables-save`, legacy or of the nft shim.

An option or a module that is not known makes its rule a doubtful one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..model import fields, protocol_numbers, rules, values
from ..model.rules import Base, Match, Statement
from . import xtables_save, xtables_targets
from .xtables_save import Option

_HOOKS = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
PLACES: Mapping[xtables_save.Place, tuple[str, int]] = {
    **{
        (table, chain): (hook, priority)
        for table, priority in _PRIORITIES.items()
        for chain, hook in _HOOKS.items()
    },
    ("nat", "PREROUTING"): ("prerouting", -100),
    ("nat", "OUTPUT"): ("output", -100),
    ("nat", "INPUT"): ("input", 100),
    ("nat", "POSTROUTING"): ("postrouting", 100),
}
# Modules whose options are all either known below or make a doubt of their own.
_MODULES = {
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "multiport",
    "state",
    "conntrack",
    "comment",
    "iprange",
    "mark",
    "mac",
    "pkttype",
    "addrtype",
    "rpfilter",
    "ipv6-icmp",
    "physdev",
    "string",
}
_ETHERTYPE = {"ip": protocol_numbers.ETH_IPV4, "ip6": protocol_numbers.ETH_IPV6}
_ROOM = {"tcp": 20, "udp": 8, "icmp": 4, "icmp6": 4, "multiport": 4}


class _NotKnownError(ValueError):
    """An option, or a value of it, that is not modelled."""


def decode(text: str, family: str) -> rules.RuleSet:
    """Decode a save of the family `ip` or `ip6`.

    Raises:
        xt_lines.NotUnderstood: the text is no such save.
    """
    if family not in _ETHERTYPE:
        raise ValueError(f"iptables: no family {family!r}")
    reader = _Reader(family)
    return xtables_save.decode(text, family, PLACES, reader.steps)


class _Reader:
    """Makes steps of one family's rules."""

    def __init__(self, family: str) -> None:
        self._family = family
        kind = _ETHERTYPE[family]
        self._ends = {"src": fields.SOURCE[kind], "dst": fields.DESTINATION[kind]}

    def steps(self, options: tuple[Option, ...], chains: frozenset[str]) -> tuple[Statement, ...]:
        made: list[Statement] = []
        own, _ = xtables_targets.split(options)
        for option in own:
            try:
                made.extend(self._option(option, own))
            except (_NotKnownError, ValueError):
                made.append(rules.UnknownCondition(text=option.text))
        ends = xtables_targets.steps(options, chains, self._family)
        if any(_is_evadable(step, ends) for step in made):
            made.append(rules.UnknownCondition(text="a search for bytes that may come in pieces"))
        made.sort(key=_last)
        return (*made, *ends)

    def _option(self, option: Option, every: Sequence[Option]) -> Iterator[Statement]:
        reader = _OPTIONS.get(option.name)
        if option.name in {"-s", "-d"}:
            yield self._address(option)
        elif option.name == "-p":
            yield from self._protocol(option)
        elif option.name == "-m":
            yield from self._module(option, every)
        elif option.name in {"--src-range", "--dst-range"}:
            low, _, high = option.value.partition("-")
            pair = (int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high)))
            field = self._ends[option.name[2:5]]
            yield Match(field=field, among=values.Intervals([pair]), negated=option.negated)
        elif option.name in _PATTERNS:
            yield _search(option, every)
        elif reader is not None:
            yield from reader(option)
        elif option.name not in _WITH_OTHERS:
            raise _NotKnownError

    def _address(self, option: Option) -> Statement:
        field = self._ends["src" if option.name == "-s" else "dst"]
        text, _, mask = option.value.partition("/")
        address = int(ipaddress.ip_address(text))
        bits = _mask(mask, field.length)
        return rules.within(field, address, bits, negated=option.negated)

    def _protocol(self, option: Option) -> Iterator[Statement]:
        number = _protocol(option.value)
        if number == 0 and not option.negated:
            return
        key = rules.Meta(key="xt protocol") if self._family == "ip6" else _IPV4_PROTOCOL
        yield Match(field=key, among=values.number(number), negated=option.negated)

    @staticmethod
    def _module(option: Option, every: Sequence[Option]) -> Iterator[Statement]:
        module = option.value
        if module == "rpfilter":
            if any(each.name in {"--loose", "--validmark", "--accept-local"} for each in every):
                raise _NotKnownError
            is_inverted = any(each.name == "--invert" for each in every)
            field = rules.Fib(result="oif", flags=("saddr", "iif"))
            yield Match(field=field, among=values.number(0), negated=not is_inverted)
        elif module not in _MODULES:
            raise _NotKnownError
        elif module in _ROOM:
            # They never match a later fragment, and drop what is cut short.
            yield Match(field=rules.Meta(key="fragment"), among=values.number(0))
            yield Match(field=rules.Meta(key=f"room {_ROOM[module]}"), among=values.number(0))


_IPV4_PROTOCOL = rules.Payload(base=Base.NETWORK, offset=72, length=8)


def _is_evadable(step: Statement, ends: Sequence[Statement]) -> bool:
    """Return whether a sender gains by bytes that are not found, though they are there.

    Boyer and Moore's search finds none that lie in two pieces of a packet (lib/ts_bm.c). Who is
    let pass by what is found, or dropped for what is not, gains nothing: so LXD's rules are.
    """
    if not isinstance(step, Match) or not isinstance(step.field, rules.Search):
        return False
    harmless = rules.Kind.DROP if step.negated else rules.Kind.ACCEPT
    return not all(isinstance(end, rules.Action) and end.kind is harmless for end in ends)


def _last(step: Statement) -> bool:
    """Conditions that are not known are asked last: one that fails before them decides."""
    return isinstance(step, rules.UnknownCondition)


def _mask(text: str, length: int) -> int:
    whole = (1 << length) - 1
    if not text:
        return whole
    if text.isdigit():
        return whole & ~((1 << length - int(text)) - 1)
    return int(ipaddress.ip_address(text))


def _protocol(text: str) -> int:
    if text.lower() == "all":
        return 0
    return int(text) if text.isdigit() else protocol_numbers.PROTOCOLS[text.lower()]


def _transport(offset: int, length: int) -> rules.Payload:
    return rules.Payload(base=Base.TRANSPORT, offset=offset, length=length)


_PORTS = {"s": _transport(0, 16), "d": _transport(16, 16)}


def _ports(option: Option) -> Iterator[Statement]:
    pairs = [_range(part) for part in option.value.split(",")]
    field = _PORTS[option.name[2]]
    yield Match(field=field, among=values.Intervals(pairs), negated=option.negated)


def _range(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    first = int(low) if low else 0
    return first, (int(high) if high else 65535) if colon else first


def _interface(option: Option) -> Iterator[Statement]:
    key = "iifname" if option.name == "-i" else "oifname"
    name = option.value
    if name == "+":
        if option.negated:
            raise _NotKnownError
        return
    pattern = name[:-1] + "*" if name.endswith("+") else name
    yield Match(field=rules.Meta(key=key), among=values.Names((pattern,)), negated=option.negated)


def _port(option: Option) -> Iterator[Statement]:
    """Only ports by their whole names: the wildcards of this module are rare."""
    if option.value.endswith("+"):
        raise _NotKnownError
    key = f"physdev {option.name.rpartition('-')[2]}"
    among = values.Names((option.value,))
    yield Match(field=rules.Meta(key=key), among=among, negated=option.negated)


def _is_bridged_on(option: Option) -> Iterator[Statement]:
    field = rules.Meta(key="physdev is bridged")
    yield Match(field=field, among=values.number(1), negated=option.negated)


def _search(option: Option, every: Sequence[Option]) -> Statement:
    """Return `-m string`.

    Of which there is one in a rule, or who knows which offsets are whose.
    """
    given = {each.name: each for each in every}
    if sum(each.name in _PATTERNS for each in every) != 1 or "--icase" in given:
        raise _NotKnownError
    ends = {name: int(given[name].value, 0) for name in ("--from", "--to") if name in given}
    is_hex = option.name == "--hex-string"
    return Match(
        field=rules.Search(
            pattern=_hex_octets(option.value) if is_hex else option.value.encode(),
            low=ends.get("--from", 0),
            high=ends.get("--to", 0xFFFF),
        ),
        among=values.number(1),
        negated=option.negated,
    )


def _hex_octets(text: str) -> bytes:
    """Return `text|68 65 78|text`: every second part is in hexadecimal."""
    parts = text.split("|")
    if not len(parts) % 2:
        raise _NotKnownError
    return b"".join(
        bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts)
    )


def _states(option: Option) -> Iterator[Statement]:
    bits = 0
    for name in option.value.split(","):
        bits |= (
            protocol_numbers.CT_STATES[name.lower()]
            if name.lower() in protocol_numbers.CT_STATES
            else _refuse()
        )
    field = rules.Masked(field=rules.Conntrack(key="state"), mask=bits)
    yield Match(field=field, among=values.number(0), negated=not option.negated)


def _refuse() -> int:
    raise _NotKnownError


def _flags(option: Option) -> Iterator[Statement]:
    mask, wanted = (_flag_bits(text) for text in option.values)
    field = rules.Masked(field=_transport(104, 8), mask=mask)
    yield Match(field=field, among=values.number(wanted), negated=option.negated)


def _flag_bits(text: str) -> int:
    if text in {"NONE", "ALL"}:
        return 0x3F if text == "ALL" else 0
    bits = 0
    for name in text.split(","):
        bits |= protocol_numbers.TCP_FLAGS.get(name.lower(), 0) or _refuse()
    return bits


def _icmp(option: Option) -> Iterator[Statement]:
    if option.value == "any":
        return
    kind, slash, code = option.value.partition("/")
    if slash:
        value = int(kind) << 8 | int(code)
        field, number = _transport(0, 16), value
    else:
        field, number = _transport(0, 8), int(kind)
    yield Match(field=field, among=values.number(number), negated=option.negated)


def _mark(option: Option) -> Iterator[Statement]:
    value, _, mask = option.value.partition("/")
    bits = int(mask, 0) if mask else 0xFFFFFFFF
    field = rules.Masked(field=rules.Meta(key="mark"), mask=bits)
    yield Match(field=field, among=values.number(int(value, 0)), negated=option.negated)


def _mac(option: Option) -> Iterator[Statement]:
    field = rules.Payload(base=Base.LINK, offset=48, length=48)
    among = values.number(protocol_numbers.mac_number(option.value))
    yield Match(field=field, among=among, negated=option.negated)


def _packet_type(option: Option) -> Iterator[Statement]:
    among = values.number(protocol_numbers.PACKET_TYPES[option.value])
    yield Match(field=rules.Meta(key="pkttype"), among=among, negated=option.negated)


def _address_type(option: Option) -> Iterator[Statement]:
    among = values.number(protocol_numbers.ROUTE_TYPES[option.value.lower()])
    field = rules.Fib(result="type", flags=("daddr",))
    yield Match(field=field, among=among, negated=option.negated)


def _fragment(option: Option) -> Iterator[Statement]:
    yield Match(field=rules.Meta(key="fragment"), among=values.number(1), negated=option.negated)


_PATTERNS = {"--string", "--hex-string"}
# Read together with others of their module.
_WITH_OTHERS = {"--comment", "--invert", "--algo", "--from", "--to"}
_OPTIONS: Mapping[str, Callable[[Option], Iterator[Statement]]] = {
    "-i": _interface,
    "-o": _interface,
    "-f": _fragment,
    "--sport": _ports,
    "--dport": _ports,
    "--sports": _ports,
    "--dports": _ports,
    "--state": _states,
    "--ctstate": _states,
    "--tcp-flags": _flags,
    "--icmp-type": _icmp,
    "--icmpv6-type": _icmp,
    "--mark": _mark,
    "--mac-source": _mac,
    "--pkt-type": _packet_type,
    "--dst-type": _address_type,
    "--physdev-in": _port,
    "--physdev-out": _port,
    "--physdev-is-bridged": _is_bridged_on,
}
