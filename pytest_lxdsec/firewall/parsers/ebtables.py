"""`ebtables-save`, legacy or of the nft shim.

Linux compares the EtherType of a tagged frame as 802.1Q, whichever its tag is; ARP's MAC addresses
are compared only where ARP says that they are Ethernet's (net/bridge/netfilter/ebt_arp.c).
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterator, Mapping

from ..model import fields, protocol_numbers, rules, values
from ..model.rules import Base, Kind, Match, Statement
from . import xtables_save, xtables_targets
from .xtables_save import Option

BROUTE = "broute"
PLACES: Mapping[xtables_save.Place, tuple[str, int]] = {
    (BROUTE, "BROUTING"): ("prerouting", -(1 << 31)),
    ("nat", "PREROUTING"): ("prerouting", -300),
    ("filter", "INPUT"): ("input", -200),
    ("filter", "FORWARD"): ("forward", -200),
    ("filter", "OUTPUT"): ("output", 200),
    ("nat", "OUTPUT"): ("output", 100),
    ("nat", "POSTROUTING"): ("postrouting", 300),
}
_ROUTED = rules.Action(kind=Kind.BROUTED, text="routed instead of bridged")
_ETHERTYPES = {
    "IPV4": protocol_numbers.ETH_IPV4,
    "IPV6": protocol_numbers.ETH_IPV6,
    "ARP": protocol_numbers.ETH_ARP,
    "802_1Q": protocol_numbers.ETH_8021Q,
    "LLDP": 0x88CC,
}
_ARP_NAMES = {"request": 1, "reply": 2}


def decode(text: str) -> rules.RuleSet:
    """Decode a save.

    Raises:
        xt_lines.NotUnderstood: the text is no such save.
    """
    found = xtables_save.decode(text, "bridge", PLACES, _steps)
    tables = (_brouting(table) if table.name == BROUTE else table for table in found.tables)
    return rules.RuleSet(tables=tuple(tables))


def _brouting(table: rules.Table) -> rules.Table:
    """There a frame that is dropped is routed instead, past every rule of the bridge.

    net/bridge/netfilter/ebtable_broute.c; what becomes of it then is not asked here.
    """
    return dataclasses.replace(table, chains=tuple(_brouting_chain(c) for c in table.chains))


def _brouting_chain(chain: rules.Chain) -> rules.Chain:
    hook, own = chain.hook, tuple(_brouting_rule(rule) for rule in chain.rules)
    if hook is not None and hook.policy is Kind.DROP:
        own = (*own, rules.Rule(steps=(_ROUTED,), text="policy DROP"))
        hook = dataclasses.replace(hook, policy=Kind.ACCEPT)
    return dataclasses.replace(chain, rules=own, hook=hook)


def _brouting_rule(rule: rules.Rule) -> rules.Rule:
    steps = tuple(
        _ROUTED if isinstance(step, rules.Action) and step.kind is Kind.DROP else step
        for step in rule.steps
    )
    return dataclasses.replace(rule, steps=steps)


def _steps(options: tuple[Option, ...], chains: frozenset[str]) -> tuple[Statement, ...]:
    made: list[Statement] = []
    own, _ = xtables_targets.split(options)
    for option in own:
        try:
            made.extend(_option(option))
        except (KeyError, ValueError):
            made.append(rules.UnknownCondition(text=option.text))
    # The interface comes first: `interface_index` sorts by it.
    made.sort(key=_order)
    return (*made, *xtables_targets.steps(options, chains, "bridge"))


def _order(step: Statement) -> int:
    if isinstance(step, rules.UnknownCondition):
        return 2
    return 0 if isinstance(step, Match) and step.field == rules.Meta(key="iifname") else 1


def _option(option: Option) -> Iterator[Statement]:
    if option.name in {"-i", "-o"}:
        name = option.value
        pattern = name[:-1] + "*" if name.endswith("+") else name
        key = "iifname" if option.name == "-i" else "oifname"
        yield _match(option, rules.Meta(key=key), values.Names((pattern,)))
    elif option.name == "-p":
        yield _match(option, rules.Meta(key="ebtables"), _ethertype(option.value))
    elif option.name in _MACS:
        yield _masked(option, _MACS[option.name], protocol_numbers.mac_number)
    elif option.name in _ARP:
        field, required = _ARP[option.name]
        yield required
        yield _masked(option, field, _number)
    elif option.name == "--arp-htype":
        yield _match(option, _IS_ETHERNET.field, values.number(int(option.value, 0)))
    elif option.name == "--arp-op":
        value = _ARP_NAMES.get(option.value.lower()) or int(option.value)
        yield _match(option, _network(48, 16), values.number(value))
    else:
        yield from _ip(option)


def _ip(option: Option) -> Iterator[Statement]:
    prefix, _, name = option.name.removeprefix("--").partition("-")
    kind = {"ip": protocol_numbers.ETH_IPV4, "ip6": protocol_numbers.ETH_IPV6}[prefix]
    if name in {"src", "dst"}:
        field = fields.SOURCE[kind] if name == "src" else fields.DESTINATION[kind]
        yield _masked(option, field, _number)
    elif name == "proto":
        value = protocol_numbers.PROTOCOLS.get(option.value.lower())
        number = int(option.value) if value is None else value
        key = rules.Meta(key="skipped protocol") if prefix == "ip6" else _network(72, 8)
        yield _match(option, key, values.number(number))
    elif name in {"sport", "dport"}:
        low, colon, high = option.value.partition(":")
        pair = (int(low), int(high) if colon else int(low))
        field = _behind(kind, 0 if name == "sport" else 16, 16)
        yield from _there(kind)
        yield _match(option, field, values.Intervals([pair]))
    elif option.name == "--ip6-icmp-type":
        yield _match(option, _behind(kind, 0, 8), values.number(_icmp_type(option.value)))
    else:
        raise ValueError(option.name)


def _icmp_type(text: str) -> int:
    known = protocol_numbers.ICMPV6_TYPES
    spelt = text.replace("neighbour", "neighbor")
    short = {
        "router-solicitation": "nd-router-solicit",
        "router-advertisement": "nd-router-advert",
        "neighbor-solicitation": "nd-neighbor-solicit",
        "neighbor-advertisement": "nd-neighbor-advert",
    }
    name = short.get(spelt, spelt)
    return known[name] if name in known else int(text)


def _there(kind: int) -> Iterator[Statement]:
    """IPv4's later fragments have no ports; of IPv6 the protocol says that (ebt_ip6.c)."""
    if kind == protocol_numbers.ETH_IPV4:
        yield Match(field=rules.Meta(key="fragment"), among=values.number(0))


def _behind(kind: int, offset: int, length: int) -> rules.Payload:
    base = Base.SKIPPED if kind == protocol_numbers.ETH_IPV6 else Base.TRANSPORT
    return rules.Payload(base=base, offset=offset, length=length)


def _match(option: Option, field: rules.Field, among: values.Among) -> Statement:
    return Match(field=field, among=among, negated=option.negated)


def _masked(option: Option, field: rules.Payload, read: Callable[[str], int]) -> Statement:
    text, _, mask = option.value.partition("/")
    whole = (1 << field.length) - 1
    if mask.isdigit():
        bits = whole & ~((1 << field.length - int(mask)) - 1)
    else:
        bits = read(mask) if mask else whole
    return rules.within(field, read(text), bits, negated=option.negated)


def _number(text: str) -> int:
    try:
        return int(ipaddress.ip_address(text))
    except ValueError:
        return protocol_numbers.mac_number(text)


def _ethertype(text: str) -> values.Intervals:
    if text.upper() == "LENGTH":
        return values.Intervals([(0, protocol_numbers.FIRST_ETHERTYPE - 1)])
    known = _ETHERTYPES.get(text.upper())
    return values.number(int(text, 0) if known is None else known)


def _network(offset: int, length: int) -> rules.Payload:
    return rules.Payload(base=Base.NETWORK, offset=offset, length=length)


_MACS = {
    "-s": rules.Payload(base=Base.LINK, offset=48, length=48),
    "-d": rules.Payload(base=Base.LINK, offset=0, length=48),
}
_IS_ETHERNET = Match(field=_network(0, 16), among=values.number(1))
_IS_IPV4 = Match(field=_network(16, 16), among=values.number(protocol_numbers.ETH_IPV4))
_ARP: Mapping[str, tuple[rules.Payload, Statement]] = {
    "--arp-mac-src": (_network(64, 48), _IS_ETHERNET),
    "--arp-mac-dst": (_network(144, 48), _IS_ETHERNET),
    "--arp-ip-src": (_network(112, 32), _IS_IPV4),
    "--arp-ip-dst": (_network(192, 32), _IS_IPV4),
}
