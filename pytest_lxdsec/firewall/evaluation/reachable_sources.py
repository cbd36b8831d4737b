"""From which addresses a port of this host can be reached: all of them, not a sample.

Rules compare source addresses with constants. Between two neighbouring constants all addresses
fare alike, so one of each interval is tried, with every kind of source port that rules tell apart.

"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..frames import encode, ethernet
from ..model import fields, packet, protocol_numbers, rules, values
from ..model.protocol_numbers import IpAddress, IpNetwork
from . import evaluate, partition
from .evaluate import Decision, Verdict

_SOURCE_PORT = rules.Payload(base=rules.Base.TRANSPORT, offset=0, length=16)
_EPHEMERAL = 40000
# What a sender may choose besides address and port: service, length, identification, life time,
# flow; sequence, window, urgent pointer.
_FREE = {
    4: ((rules.Base.NETWORK, 8, 40), (rules.Base.NETWORK, 52, 20)),
    6: ((rules.Base.NETWORK, 4, 44), (rules.Base.NETWORK, 56, 8)),
}
_FREE_TCP = ((rules.Base.TRANSPORT, 32, 32), (rules.Base.TRANSPORT, 112, 48))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What is tried to be reached.

    Attributes:
        address: An address of the host.
        port: The port that is listened on.
        interfaces: Where packets may come in; loopback is no way in.
        own: All addresses of the host, for packets whose destination is translated.
    """

    address: IpAddress
    port: int
    interfaces: tuple[str, ...]
    own: tuple[IpAddress, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Source addresses that fare alike.

    Attributes:
        low: The first.
        high: The last.
        verdict: What becomes of a connection from there: ACCEPT if any interface, source port
            or translated port lets it in.
        interface: The interface of that connection.
        port: The port that it was for, before any translation.
    """

    low: int
    high: int
    verdict: Verdict
    interface: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Who reaches a door.

    Attributes:
        version: 4 or 6.
        spans: All source addresses there are, in their order.
    """

    version: int
    spans: tuple[Span, ...]

    def networks(self, decision: Decision) -> tuple[IpNetwork, ...]:
        """Return the source networks with this end."""
        ends = [(s.low, s.high) for s in self.spans if s.verdict.decision is decision]
        return _networks(ends, self.version)

    def outside(
        self, allowed: Iterable[IpNetwork], decision: Decision = Decision.ACCEPT
    ) -> tuple[IpNetwork, ...]:
        """Return the source networks with this end that are in none of `allowed`."""
        holes = [
            (int(net.network_address), int(net.broadcast_address))
            for net in allowed
            if net.version == self.version
        ]
        ends = [(s.low, s.high) for s in self.spans if s.verdict.decision is decision]
        return _networks(_without(ends, holes), self.version)


def sources(ruleset: rules.RuleSet, door: Endpoint) -> Reach:
    """Return who reaches a door over TCP, with a connection that is new."""
    version = door.address.version
    kind = protocol_numbers.ETH_IPV4 if version == 4 else protocol_numbers.ETH_IPV6  # noqa: PLR2004 - IPv4
    sample = syn(door.address, door.address, source_port=_EPHEMERAL, port=door.port, iifname="")
    steps = list(partition.matches(ruleset, sample))
    doubt = partition.uneven(steps, fields.SOURCE[kind])
    ports = sorted({_EPHEMERAL, *partition.starts(steps, _SOURCE_PORT, 1 << 16)})
    doors = [door.port, *partition.translated_ports(ruleset, sample, door.port)]
    found = []
    for low, high in partition.intervals(steps, fields.SOURCE[kind], version):
        span = _judge(ruleset, door, (low, high), ports, doors)
        found.append(_doubted(span, doubt) if doubt else span)
    return Reach(version=version, spans=tuple(found))


def _doubted(span: Span, doubt: str) -> Span:
    if span.verdict.decision is Decision.UNKNOWN:
        return span
    unknown = Verdict(decision=Decision.UNKNOWN, reason=doubt)
    return dataclasses.replace(span, verdict=unknown)


def _judge(
    ruleset: rules.RuleSet,
    door: Endpoint,
    ends: tuple[int, int],
    ports: Sequence[int],
    doors: Sequence[int],
) -> Span:
    best: Span | None = None
    for interface in door.interfaces:
        for port in doors:
            for source_port in ports:
                verdict = _connect(ruleset, door, interface, (ends[0], source_port, port))
                span = Span(
                    low=ends[0], high=ends[1], verdict=verdict, interface=interface, port=port
                )
                if verdict.is_accepted:
                    return span
                if best is None or not verdict.is_dropped:
                    best = span
    if best is None:
        nobody = Verdict(decision=Decision.DROP, reason="no interface leads here")
        return Span(low=ends[0], high=ends[1], verdict=nobody, interface="", port=door.port)
    return best


def _connect(
    ruleset: rules.RuleSet, door: Endpoint, interface: str, which: tuple[int, int, int]
) -> Verdict:
    """Return the verdict of a first packet; DROP where it is led to somebody else."""
    source, source_port, port = which
    address = type(door.address)(source)
    seen = syn(address, door.address, source_port=source_port, port=port, iifname=interface)
    verdict = evaluate.path(ruleset, seen)
    if not verdict.is_accepted:
        return verdict
    state = verdict.state
    own = {int(each) for each in (*door.own, door.address)}
    is_here = state.destination is None or state.destination in own
    if state.altered:
        return dataclasses.replace(verdict, decision=Decision.UNKNOWN, reason=state.altered)
    if not is_here or (state.port or port) != door.port:
        return Verdict(decision=Decision.DROP, reason="it is translated to another destination")
    return verdict


def syn(
    source: IpAddress, destination: IpAddress, *, source_port: int, port: int, iifname: str
) -> packet.Packet:
    """Return the first packet of a TCP connection to this host, as a stranger may send it."""
    segment = ethernet.Tcp(source_port=source_port, destination_port=port)
    content: ethernet.Content
    if isinstance(source, ipaddress.IPv4Address) and isinstance(
        destination, ipaddress.IPv4Address
    ):
        content = ethernet.Ipv4(source=source, destination=destination, content=segment)
    elif isinstance(source, ipaddress.IPv6Address) and isinstance(
        destination, ipaddress.IPv6Address
    ):
        content = ethernet.Ipv6(source=source, destination=destination, content=segment)
    else:
        raise TypeError(f"{source} and {destination} are of two families")
    free = (*_FREE[source.version], *_FREE_TCP)
    return packet.routed(
        encode.content_octets(content),
        iifname=iifname,
        is_local=True,
        has_route_back=True,
        free=tuple(rules.Payload(base=b, offset=o, length=n) for b, o, n in free),
    )


# --- intervals and networks ------------------------------------------------------------------


def _networks(ends: Iterable[tuple[int, int]], version: int) -> tuple[IpNetwork, ...]:
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address  # noqa: PLR2004 - IPv4
    found: list[IpNetwork] = []
    for low, high in values.Intervals(ends):
        found.extend(ipaddress.summarize_address_range(kind(low), kind(high)))
    return tuple(found)


def _without(
    ends: Iterable[tuple[int, int]], holes: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    cuts = list(values.Intervals(holes))
    for low, high in ends:
        start = low
        for first, last in cuts:
            if last < start or first > high:
                continue
            if first > start:
                yield start, first - 1
            start = last + 1
        if start <= high:
            yield start, high
