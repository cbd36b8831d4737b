"""What the host's own rules do to router advertisements that come in by a bridge; pure.

LXD's ACLs of a network are such rules (`aclin.NETWORK` in `inet lxd`: what they do not allow is
rejected, and advertisements are not among what they always allow), and so are a site's own. They
are not compared with a text but run, on advertisements in every wrapping that the kernel undoes
(net/ipv6/ip6_input.c) before it takes a route from them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ...evidence.model import Evidence
from ...firewall.evaluation import evaluate
from ...firewall.evaluation.evaluate import Verdict
from ...firewall.frames import encode, ethernet
from ...firewall.model import packet, protocol_numbers, rules
from ...firewall.model.rules import Base
from ...inventory import host_ruleset

_SOURCE = ipaddress.IPv6Address("fe80::216:3eff:fe00:99")
_DESTINATIONS = tuple(map(ipaddress.IPv6Address, ("ff02::1", "fe80::1")))
_ADVERT = ethernet.Router(type=protocol_numbers.ROUTER_ADVERT, lifetime=30)
_WRAPPINGS: tuple[tuple[ethernet.Extension, ...], ...] = (
    (),
    (ethernet.Options(number=protocol_numbers.HOP_BY_HOP),),
    (ethernet.Options(number=protocol_numbers.DESTINATION),),
    (ethernet.Options(number=protocol_numbers.ROUTING, body=bytes(6)),),
    (ethernet.Fragment(),),
)
# What a sender may choose: class, flow and length; the host part of its address; all that comes
# behind the code of the advertisement.
_FREE = (
    rules.Payload(base=Base.NETWORK, offset=4, length=44),
    rules.Payload(base=Base.NETWORK, offset=74, length=118),
    rules.Payload(base=Base.TRANSPORT, offset=16, length=1024),
)


def at_host(evidence: Evidence, bridge: str) -> Verdict:
    """Return what happens to advertisements: the worst of accepted, unknown and dropped.

    Raises:
        CannotTell: the rules were not seen, or cannot be read.
    """
    ruleset = host_ruleset.ruleset(evidence)
    found = [evaluate.path(ruleset, seen) for seen in _packets(evidence, bridge)]
    for verdict in found:
        if verdict.is_accepted:
            return verdict
    return next((verdict for verdict in found if not verdict.is_dropped), found[0])


def _packets(evidence: Evidence, bridge: str) -> Iterator[packet.Packet]:
    link = host_ruleset.link(evidence, bridge)
    for extensions in _WRAPPINGS:
        for destination in _DESTINATIONS:
            content = ethernet.Ipv6(
                source=_SOURCE,
                destination=destination,
                content=_ADVERT,
                extensions=extensions,
                hop_limit=255,  # the kernel takes no other: RFC 4861, 6.1.2
            )
            yield packet.routed(
                encode.content_octets(content),
                iifname=bridge,
                iif=None if link is None else link.index,
                # Neighbour discovery is not tracked: nf_conntrack_proto_icmpv6.c.
                ct_state=protocol_numbers.CT_STATES["untracked"],
                free=_FREE,
            )
