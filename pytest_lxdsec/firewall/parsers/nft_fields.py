"""The left sides of matches in nft's JSON, and what each needs to be there.

nft leaves out the dependencies of a match when it prints it (`ip saddr` without `ether type ip`).
In a bridge table `ip saddr` may have been `meta protocol ip ip saddr` or `ether type ip ip saddr`,
which differ for tagged frames; nft prints both alike. `nft_netlink_debug` can tell them apart.
Imports `protocol_numbers`, `nft_values`, `values`, `rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import protocol_numbers, rules, values
from ..model.rules import Base, Match
from .nft_values import INTERFACE, Datatype, Json, NotModelled, mask

_ETHERTYPE = Datatype(length=16, names=protocol_numbers.ETHERTYPES)
_PROTOCOL = Datatype(length=8, names=protocol_numbers.PROTOCOLS)
_MAC = Datatype(kind="mac", length=48)
_IPV4 = Datatype(kind="ip", length=32)
_IPV6 = Datatype(kind="ip", length=128)
LINK_TYPE = rules.Payload(base=Base.LINK, offset=96, length=16)


def _rows(
    base: Base, text: str, **datatypes: Datatype
) -> dict[str, tuple[rules.Payload, Datatype]]:
    """Return `name offset length` rows of one header's fields, in bits."""
    made = {}
    for line in text.strip().splitlines():
        name, offset, length = line.rsplit(None, 2)
        payload = rules.Payload(base=base, offset=int(offset), length=int(length))
        kind = datatypes.get(name.strip().replace(" ", "_"), Datatype(length=int(length)))
        made[name.strip()] = (payload, kind)
    return made


_PORTS = "sport 0 16\ndport 16 16\n"
_HEADERS: Mapping[str, Mapping[str, tuple[rules.Payload, Datatype]]] = {
    "ether": _rows(
        Base.LINK, "daddr 0 48\nsaddr 48 48\ntype 96 16", daddr=_MAC, saddr=_MAC, type=_ETHERTYPE
    ),
    "vlan": _rows(
        Base.LINK,
        "pcp 112 3\ndei 115 1\ncfi 115 1\nid 116 12\ntype 128 16",
        type=_ETHERTYPE,
    ),
    "arp": _rows(
        Base.NETWORK,
        "htype 0 16\nptype 16 16\nhlen 32 8\nplen 40 8\noperation 48 16\n"
        "saddr ether 64 48\nsaddr ip 112 32\ndaddr ether 144 48\ndaddr ip 192 32",
        ptype=_ETHERTYPE,
        operation=Datatype(length=16, names=protocol_numbers.ARP_OPERATIONS),
        saddr_ether=_MAC,
        daddr_ether=_MAC,
        saddr_ip=_IPV4,
        daddr_ip=_IPV4,
    ),
    "ip": _rows(
        Base.NETWORK,
        "version 0 4\nhdrlength 4 4\ndscp 8 6\necn 14 2\nlength 16 16\nid 32 16\nfrag-off 48 16\n"
        "ttl 64 8\nprotocol 72 8\nchecksum 80 16\nsaddr 96 32\ndaddr 128 32",
        protocol=_PROTOCOL,
        saddr=_IPV4,
        daddr=_IPV4,
    ),
    "ip6": _rows(
        Base.NETWORK,
        "version 0 4\ndscp 4 6\necn 10 2\nflowlabel 12 20\nlength 32 16\nnexthdr 48 8\n"
        "hoplimit 56 8\nsaddr 64 128\ndaddr 192 128",
        nexthdr=_PROTOCOL,
        saddr=_IPV6,
        daddr=_IPV6,
    ),
    "tcp": _rows(
        Base.TRANSPORT,
        _PORTS + "sequence 32 32\nackseq 64 32\ndoff 96 4\nreserved 100 4\nflags 104 8\n"
        "window 112 16\nchecksum 128 16\nurgptr 144 16",
        flags=Datatype(length=8, names=protocol_numbers.TCP_FLAGS),
    ),
    "udp": _rows(Base.TRANSPORT, _PORTS + "length 32 16\nchecksum 48 16"),
    "udplite": _rows(Base.TRANSPORT, _PORTS + "csumcov 32 16\nchecksum 48 16"),
    "sctp": _rows(Base.TRANSPORT, _PORTS + "vtag 32 32\nchecksum 64 32"),
    "dccp": _rows(Base.TRANSPORT, _PORTS),
    "th": _rows(Base.TRANSPORT, _PORTS),
    "icmp": _rows(
        Base.TRANSPORT,
        "type 0 8\ncode 8 8\nchecksum 16 16\nid 32 16\nsequence 48 16\ngateway 32 32\nmtu 48 16",
        type=Datatype(length=8, names=protocol_numbers.ICMP_TYPES),
    ),
    "icmpv6": _rows(
        Base.TRANSPORT,
        "type 0 8\ncode 8 8\nchecksum 16 16\nparameter-problem 32 32\npacket-too-big 32 32\n"
        "id 32 16\nsequence 48 16\nmax-delay 32 16\ntaddr 64 128\ndaddr 192 128",
        type=Datatype(length=8, names=protocol_numbers.ICMPV6_TYPES),
        taddr=_IPV6,
        daddr=_IPV6,
    ),
}
_TRANSPORTS = ("tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmpv6")
_NETWORK_OF = {"icmp": "ip", "icmpv6": "ip6"}
_META: Mapping[str, Datatype] = {
    "iifname": INTERFACE,
    "oifname": INTERFACE,
    "ibrname": INTERFACE,
    "obrname": INTERFACE,
    "protocol": _ETHERTYPE,
    "nfproto": Datatype(length=8, names=protocol_numbers.NFPROTO),
    "l4proto": _PROTOCOL,
    "pkttype": Datatype(length=8, names=protocol_numbers.PACKET_TYPES),
    "iiftype": Datatype(length=16, names=protocol_numbers.LINK_TYPES),
    "mark": Datatype(),
    "iif": Datatype(),
}
_CONNTRACK: Mapping[str, Datatype] = {
    "state": Datatype(names=protocol_numbers.CT_STATES),
    "status": Datatype(names=protocol_numbers.CT_STATUS),
    "direction": Datatype(length=8, names={"original": 0, "reply": 1}),
    "mark": Datatype(),
}
_EXTENSIONS = {
    "hbh": protocol_numbers.HOP_BY_HOP,
    "rt": protocol_numbers.ROUTING,
    "frag": protocol_numbers.FRAGMENT,
    "dst": protocol_numbers.DESTINATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A left side.

    Attributes:
        field: What is read.
        datatypes: How its values are spelt, one per field of a concatenation.
        protocols: What its rule must have asked for before.
    """

    field: rules.Field
    datatypes: tuple[Datatype, ...]
    protocols: tuple[str, ...] = ()


def left(given: Json) -> Left:  # noqa: PLR0911 - one for each kind
    """Decode a left side; a `Unmodelled` field where it is not known.

    Raises:
        NotModelled: its values could not even be read.
    """
    if not isinstance(given, dict) or len(given) != 1:
        raise NotModelled(f"{given}")
    [(kind, content)] = given.items()
    if kind == "payload":
        return _payload(content)
    if kind == "meta" and content.get("key") in _META:
        return Left(field=rules.Meta(key=content["key"]), datatypes=(_META[content["key"]],))
    if kind == "ct" and set(content) == {"key"} and content["key"] in _CONNTRACK:
        key = content["key"]
        return Left(field=rules.Conntrack(key=key), datatypes=(_CONNTRACK[key],))
    if kind == "fib":
        return _fib(content)
    if kind == "exthdr" and set(content) == {"name"} and content["name"] in _EXTENSIONS:
        field = rules.Extension(number=_EXTENSIONS[content["name"]])
        return Left(field=field, datatypes=(Datatype(),), protocols=("ip6",))
    if kind == "&":
        return _masked(content)
    if kind == "concat":
        return _joined([left(each) for each in content])
    raise NotModelled(f"{kind} {_short(content)}")


def _short(content: Json) -> str:
    inner = content.values() if isinstance(content, dict) else [content]
    return " ".join(str(each) for each in inner)


def _payload(content: Mapping[str, Json]) -> Left:
    if "base" in content:
        base = next((b for b in Base if b.value == content["base"]), None)
        if base is None:
            raise NotModelled(f"payload base {content['base']}")
        length = int(content["len"])
        field = rules.Payload(base=base, offset=int(content["offset"]), length=length)
        return Left(field=field, datatypes=(Datatype(length=length),))
    protocol, name = str(content.get("protocol")), str(content.get("field"))
    if set(content) != {"protocol", "field"} or name not in _HEADERS.get(protocol, {}):
        raise NotModelled(f"{protocol} {name}")
    payload, datatype = _HEADERS[protocol][name]
    return Left(field=payload, datatypes=(datatype,), protocols=_needs(protocol))


def _needs(protocol: str) -> tuple[str, ...]:
    network = (_NETWORK_OF[protocol],) if protocol in _NETWORK_OF else ()
    return () if protocol in {"ether", "th"} else (*network, protocol)


def _fib(content: Mapping[str, Json]) -> Left:
    flags = content.get("flags", ())
    flags = (flags,) if isinstance(flags, str) else tuple(flags)
    result = str(content.get("result"))
    names = protocol_numbers.ROUTE_TYPES if result == "type" else {}
    field = rules.Fib(result=result, flags=flags)
    return Left(field=field, datatypes=(Datatype(names=names),))


def _masked(content: Json) -> Left:
    inner = left(content[0])
    if len(content) != 2 or len(inner.datatypes) != 1:  # noqa: PLR2004 - field and mask
        raise NotModelled(f"& {_short(content)}")
    bits = mask(content[1], inner.datatypes[0])
    field = rules.Masked(field=inner.field, mask=bits)
    return Left(field=field, datatypes=inner.datatypes, protocols=inner.protocols)


def _joined(parts: list[Left]) -> Left:
    protocols = dict.fromkeys(protocol for part in parts for protocol in part.protocols)
    return Left(
        field=rules.Joined(fields=tuple(part.field for part in parts)),
        datatypes=tuple(part.datatypes[0] for part in parts),
        protocols=tuple(protocols),
    )


# --- dependencies ----------------------------------------------------------------------------


def readings(protocol: str, family: str, *, is_tagged: bool) -> tuple[Match, ...]:
    """Return the tests of which at least one must hold and is not printed; () for none.

    Args:
        protocol: What a match needs: `ip`, `tcp`, ...
        family: The table's.
        is_tagged: Whether the rule has asked for a VLAN tag before.
    """
    if protocol in _TRANSPORTS:
        return _transport_readings(protocol_numbers.PROTOCOLS[protocol], family)
    ethertype = _is(LINK_TYPE, protocol_numbers.ETHERTYPES[protocol])
    if family in {"ip", "ip6"}:
        return ()
    if family == "inet":
        known = {"ip": "ipv4", "ip6": "ipv6"}
        number = protocol_numbers.NFPROTO[known[protocol]] if protocol in known else -1
        return (_is(rules.Meta(key="nfproto"), number),) if protocol in known else (ethertype,)
    if protocol == "vlan":
        return (ethertype, _is(LINK_TYPE, protocol_numbers.ETH_8021AD))
    if is_tagged:
        inner = rules.Payload(base=Base.LINK, offset=128, length=16)
        return (_is(inner, protocol_numbers.ETHERTYPES[protocol]),)
    return (ethertype, _is(rules.Meta(key="protocol"), protocol_numbers.ETHERTYPES[protocol]))


def _transport_readings(number: int, family: str) -> tuple[Match, ...]:
    known = _is(rules.Meta(key="l4proto"), number)
    if family == "ip":
        return (known,)
    # `ip6 nexthdr tcp tcp dport 22` is not printed in full either.
    following = rules.Payload(base=Base.NETWORK, offset=48, length=8)
    return (known, _is(following, number)) if family == "ip6" else (known,)


def _is(field: rules.Field, number: int) -> Match:
    return Match(field=field, among=values.number(number))
