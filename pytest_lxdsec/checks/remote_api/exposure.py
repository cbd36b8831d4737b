"""From where the API's ports can be reached, past the host's packet filter; pure.

Doors are the daemon's real sockets, on every address of the host that they take connections for;
ways in are all interfaces but loopback and the ports of bridges, whose packets come in by the
bridge. What becomes of a first packet is for `firewall.reach` to say.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...evidence.network_facts import Link
from ...evidence.remote_facts import Listener, endpoint
from ...firewall.evaluation import reachable_sources, representatives
from ...firewall.evaluation.evaluate import Decision
from ...firewall.model.protocol_numbers import IpNetwork
from ...inventory import containers, host_ruleset
from ...lxd.listen_address import IpAddress
from ...verdict import CannotTell, Remedy
from . import listen_options

# Debugging is a door to the API's own process; the others serve name servers, routers, buckets.
OPTIONS = (*listen_options.API_OPTIONS, "core.debug_address")
TABLE = "lxd_api"
XTABLES = "xtables"
_PORTS_OF = ("bond", "bridge", "openvswitch", "team")
_TOLD = 3  # networks that a finding names
IPV4, IPV6 = 4, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachableSocket:
    """A socket on one of the host's addresses, and who reaches it.

    Attributes:
        where: ADDRESS:PORT.
        found: What becomes of connections from every source there is.
    """

    where: str
    port: int
    found: reachable_sources.Reach

    def outside(self, allowed: Collection[IpNetwork], end: Decision) -> tuple[IpNetwork, ...]:
        """Return the sources with this end that the policy does not name."""
        return self.found.outside(allowed, end)

    def text(self, allowed: Collection[IpNetwork], end: Decision, most: int | None = _TOLD) -> str:
        """Return who gets in, or may, and by which rule.

        For a finding, that names `most` networks.
        """
        out = self.outside(allowed, end)
        everybody = sum(_size(self.outside(allowed, each)) for each in Decision)
        has_others = any(net.version == self.found.version for net in allowed)
        every = f"any {'other ' if has_others else ''}IPv{self.found.version} address"
        who = every if _size(out) == everybody else _networks(out, most)
        span = next(s for s in self.found.spans if s.verdict.decision is end and _holds(out, s))
        way = f"by {span.interface} ({span.verdict.reason})"
        return f"{self.where} from {who}, {way}"

    @property
    def admits(self) -> str:
        """The sources that are let in, in words."""
        return _networks(self.found.networks(Decision.ACCEPT)) or "nowhere"


def _holds(networks: Iterable[IpNetwork], span: reachable_sources.Span) -> bool:
    return any(
        int(net.network_address) <= span.high and span.low <= int(net.broadcast_address)
        for net in networks
    )


def _networks(some: Sequence[IpNetwork], most: int | None = _TOLD) -> str:
    told = ", ".join(str(net) for net in some[:most])
    more = len(some[most:]) if most is not None else 0
    return told if more <= 0 else f"{told} and {more} more networks"


def in_full(some: Sequence[ReachableSocket], allowed: Collection[IpNetwork]) -> tuple[str, ...]:
    """Return who gets in, with every network, where a finding cannot name all; else nothing."""
    cut = [each.text(allowed, Decision.ACCEPT) for each in some]
    full = [each.text(allowed, Decision.ACCEPT, most=None) for each in some]
    return tuple(full) if full != cut else ()


def lasting(some: Sequence[ReachableSocket], allowed: Collection[IpNetwork]) -> tuple[str, ...]:
    """Return who gets in where, whatever rules of instances are in force beside it."""
    told = (
        f"{each.where} from {net}"
        for each in some
        for net in each.outside(allowed, Decision.ACCEPT)
    )
    return tuple(dict.fromkeys(told))


def _size(networks: Iterable[IpNetwork]) -> int:
    return sum(net.num_addresses for net in networks)


@functools.lru_cache(maxsize=containers.KEPT)
def openings(evidence: Evidence) -> tuple[ReachableSocket, ...]:
    """Return every socket of the API that listens on more than loopback, on each of its addresses.

    Of addresses that no rule tells apart, one stands for all.

    Raises:
        CannotTell: the host's interfaces, sockets or packet filters are not known.
    """
    return tuple(
        opening
        for port, own in _doors(evidence)
        for version in (IPV4, IPV6)
        for opening in _of_family(evidence, port, [a for a in own if a.version == version])
    )


def _of_family(
    evidence: Evidence, port: int, own: Sequence[IpAddress]
) -> Iterator[ReachableSocket]:
    if not own:
        return
    ruleset = host_ruleset.ruleset(evidence)
    sample = reachable_sources.syn(own[0], own[0], source_port=port, port=port, iifname="")
    ways = representatives.interfaces(ruleset, sample, _ways_in(evidence))
    every = tuple(_own(evidence, loopback=True))
    for address in representatives.addresses(ruleset, sample, own):
        door = reachable_sources.Endpoint(address=address, port=port, interfaces=ways, own=every)
        where = endpoint(str(address), port)
        yield ReachableSocket(
            where=where, port=port, found=reachable_sources.sources(ruleset, door)
        )


def _doors(evidence: Evidence) -> Iterator[tuple[int, tuple[IpAddress, ...]]]:
    """Ports, and the addresses on which each takes connections from elsewhere."""
    others = {
        found.port
        for key, found in listen_options.options(evidence.server).items()
        if key not in OPTIONS
    }
    found: dict[int, dict[IpAddress, None]] = {}
    for listener in evidence.listeners:
        if listener.port not in others:
            found.setdefault(listener.port, {}).update(dict.fromkeys(_bound(evidence, listener)))
    return ((port, tuple(own)) for port, own in sorted(found.items()) if own)


def _bound(evidence: Evidence, listener: Listener) -> list[IpAddress]:
    address = listen_options.address(listener)
    if address.is_loopback:
        return []
    if not address.is_unspecified:
        return [address]
    is_both = listener.family == "tcp6" and ipaddress.ip_address(listener.address).version == IPV6
    versions = (IPV4, IPV6) if is_both else (address.version,)
    return [own for own in _own(evidence, loopback=False) if own.version in versions]


def _own(evidence: Evidence, *, loopback: bool) -> list[IpAddress]:
    """Return the host's addresses, each once."""
    texts = [text for link in evidence.links for text in link.addresses]
    try:
        found = [ipaddress.ip_interface(text).ip for text in texts]
    except ValueError as error:
        raise CannotTell(f"the host's addresses cannot be read: {error}") from error
    return [each for each in dict.fromkeys(found) if loopback or not each.is_loopback]


def _ways_in(evidence: Evidence) -> list[str]:
    by_index = {link.index: link for link in evidence.links}
    masters = {link.name: by_index.get(link.master) for link in evidence.links}
    found = [link.name for link in evidence.links if not link.is_loopback]
    ways = [name for name in found if not _is_port(masters[name])]
    if not ways:
        raise CannotTell("the host has no interface except loopback, but LXD listens beyond it")
    return ways


def _is_port(master: Link | None) -> bool:
    return master is not None and master.kind in _PORTS_OF


def close(ports: Iterable[int], allowed: Iterable[IpNetwork], *, firewall: str = "") -> Remedy:
    """Rules of their own that let the allowed networks in, and nobody else; loopback stays.

    Args:
        ports: What to close.
        allowed: Who may still come.
        firewall: The driver that LXD uses; `xtables` where the host has no nft rules.
    """
    doors, nets = sorted(set(ports)), tuple(allowed)
    note = "the same belongs into /etc/nftables.conf, or the next boot undoes it"
    if firewall == XTABLES:
        note = "save it as the distribution does, or the next boot undoes it"
    if not nets:
        note = (
            "it closes the ports to all but this host: name who may reach them in policy "
            f"api.allowed_sources first, a cluster's other members too; {note}"
        )
    command = _iptables(doors, nets) if firewall == XTABLES else _nft(doors, nets)
    return Remedy(command=command, note=note)


def _nft(ports: Sequence[int], allowed: Sequence[IpNetwork]) -> str:
    doors = f"tcp dport {{ {', '.join(map(str, ports))} }}"
    chain = f"inet {TABLE} input"
    hook = "{ type filter hook input priority -10 ; policy accept ; }"
    script = [f"add table inet {TABLE}", f"flush table inet {TABLE}", f"add chain {chain} {hook}"]
    for version, word in ((IPV4, "ip"), (IPV6, "ip6")):
        some = ", ".join(_merged(allowed, version))
        if some:
            script.append(f"add rule {chain} {word} saddr {{ {some} }} {doors} accept")
    script.append(f"add rule {chain} iifname != lo {doors} drop")
    return f"nft '{' ; '.join(script)}'"


def _iptables(ports: Sequence[int], allowed: Sequence[IpNetwork]) -> str:
    """Return a chain of its own, whose RETURN spares nobody the rules behind it."""
    lines = []
    for version, tool in ((IPV4, "iptables"), (IPV6, "ip6tables")):
        lines.append(f"{{ {tool} -N {TABLE} || {tool} -F {TABLE}; }} 2> /dev/null")
        lines.append(f"{tool} -A {TABLE} -i lo -j RETURN")
        lines += [f"{tool} -A {TABLE} -s {net} -j RETURN" for net in _merged(allowed, version)]
        lines.append(f"{tool} -A {TABLE} -j DROP")
        for port in ports:
            jump = f"INPUT -p tcp --dport {port} -j {TABLE}"
            lines.append(f"{{ {tool} -C {jump} 2> /dev/null || {tool} -I {jump}; }}")
    return " && ".join(lines)


def _merged(networks: Iterable[IpNetwork], version: int) -> list[str]:
    """Return those of one family without overlaps, which nft refuses in a set."""
    some = [net for net in networks if net.version == version]
    merged: Iterable[IpNetwork] = ipaddress.collapse_addresses(some)  # type: ignore[type-var]  # of one family
    return [str(net) for net in merged]
