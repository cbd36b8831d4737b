"""Which routes of the host belong to a routed NIC; pure.

lxd/device/nic_routed.go, Start, the same from 5.0.2 to 6.9: for each address a route to it alone
in the main table, and one in `ipvX.host_table` where that is set; for each of `ipvX.routes` one by
way of the first address. The kernel adds those that go with the host's own addresses.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ...evidence.model import Evidence
from ...evidence.network_facts import Route
from ...inventory import host_ruleset
from ...inventory.nics import Nic
from ...lxd import config_values
from ...verdict import CannotTell, Remedy

MAIN = 254
TABLES = {253: "default", MAIN: "main", 255: "local"}
BY_KERNEL = 2
# nic_routed.go, ipHostAddress; IPv4's makes no route beside the one in the table local.
HOST_ADDRESS = {"ipv4": "169.254.0.1", "ipv6": "fe80::1"}
LINK_LOCAL = "fe80::/64"

Net = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A route that LXD makes for a NIC."""

    to: Net
    table: int
    via: str

    @property
    def text(self) -> str:
        """The route as findings describe it."""
        return f"{self.to} in table {_table(self.table)}"


def wanted(nic: Nic) -> tuple[Wanted, ...]:
    """Return the routes that a NIC should have, those of its addresses first.

    Raises:
        CannotTell: an address, a route or a table of the NIC is none.
    """
    return tuple(
        dict.fromkeys(
            (
                *(one for family in HOST_ADDRESS for one in _of_addresses(nic, family)),
                *(one for family in HOST_ADDRESS for one in _of_routes(nic, family)),
            )
        )
    )


def _of_addresses(nic: Nic, family: str) -> Iterator[Wanted]:
    table = config_values.string(nic.config, f"{family}.host_table")
    for address in _list(nic, f"{family}.address"):
        yield Wanted(to=_net(nic, address), table=MAIN, via="")
        if table:
            yield Wanted(to=_net(nic, address), table=_number(nic, table), via="")


def _of_routes(nic: Nic, family: str) -> Iterator[Wanted]:
    gateways = _list(nic, f"{family}.address")
    for route in _list(nic, f"{family}.routes"):
        if not gateways:
            raise CannotTell(f"{nic.key} has {family}.routes and no {family}.address")
        yield Wanted(to=_net(nic, route), table=MAIN, via=gateways[0])


def _list(nic: Nic, key: str) -> tuple[str, ...]:
    parts = config_values.string(nic.config, key).split(",")
    return tuple(part.strip() for part in parts if part.strip())


def _net(nic: Nic, text: str) -> Net:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise CannotTell(f"{nic.key}: {error}") from error


def _number(nic: Nic, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise CannotTell(f"{nic.key}: {text!r} is no number of a routing table")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What is wrong with the routes to a NIC.

    Attributes:
        missing: Routes of the NIC that the host has not.
        more: Routes that lead to the instance beside its own.
        elsewhere: Routes to the NIC's addresses that lead somewhere else.
    """

    missing: tuple[Wanted, ...]
    more: tuple[Route, ...]
    elsewhere: tuple[Route, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The faults as findings describe them; empty if there are none."""
        return (
            *(f"there is no route to {one.text}" for one in self.missing),
            *(f"the route to {_text(one)} leads to the instance too" for one in self.more),
            *(f"the route to {_text(one)} leads elsewhere" for one in self.elsewhere),
        )


def ways(evidence: Evidence, nic: Nic) -> Ways:
    """Return the host's routes against those that a NIC should have.

    Raises:
        CannotTell: the interface or by which one a route leaves was not seen.
    """
    name, own = nic.host_name, wanted(nic)
    if host_ruleset.link(evidence, name) is None:
        raise CannotTell(f"the host shows no interface {name}")
    routes = evidence.routes
    for route in routes:
        if route.kind == "unicast" and not route.interface:
            raise CannotTell(f"by which interface the route to {_text(route)} leaves was not seen")
    mine = [route for route in routes if _leads_to(route, name)]
    kept = {_as_wanted(route) for route in mine}
    addresses = {one.to for one in own if not one.via}
    return Ways(
        missing=tuple(one for one in own if one not in kept),
        more=tuple(r for r in mine if _as_wanted(r) not in own and not _is_kernels(r, nic)),
        elsewhere=tuple(
            route
            for route in routes
            if not _leads_to(route, name) and ipaddress.ip_network(route.to) in addresses
        ),
    )


def _leads_to(route: Route, name: str) -> bool:
    return route.kind == "unicast" and route.interface == name


def _as_wanted(route: Route) -> Wanted:
    return Wanted(to=ipaddress.ip_network(route.to), table=route.table, via=route.via)


def _is_kernels(route: Route, nic: Nic) -> bool:
    """Return whether a route goes with an address that the host itself has on the pair."""
    if route.protocol != BY_KERNEL or route.via:
        return False
    own = [
        config_values.string(nic.config, f"{f}.host_address") or HOST_ADDRESS[f]
        for f in HOST_ADDRESS
    ]
    return route.to == LINK_LOCAL or ipaddress.ip_network(route.to) in [_net(nic, a) for a in own]


def _text(route: Route) -> str:
    words = [
        route.to,
        "" if route.kind == "unicast" else f"({route.kind})",
        f"by {route.interface}" if route.interface else "",
        f"in table {_table(route.table)}",
    ]
    return " ".join(word for word in words if word)


def _table(number: int) -> str:
    return TABLES.get(number, str(number))


def remedy(found: Ways, nic: Nic) -> Remedy:
    """Take away what is too much, then set what is missing, as LXD sets it at the NIC's start."""
    name = shlex.quote(nic.host_name)
    steps = [_delete(route) for route in (*found.more, *found.elsewhere)]
    if found.missing:
        steps.append(f"ip link set {name} up")
    for one in found.missing:
        via = f" via {one.via}" if one.via else ""
        way = f"{one.to}{via} dev {name} table {one.table}"
        steps.append(f"ip -{one.to.version} route replace {way}")
    note = "who made the other routes may make them again" if found.more else ""
    return Remedy(command=" && ".join(steps), note=note)


def _delete(route: Route) -> str:
    words = [
        "" if route.kind == "unicast" else route.kind,
        route.to,
        f"via {route.via}" if route.via else "",
        f"dev {shlex.quote(route.interface)}" if route.interface else "",
        f"table {route.table}",
        f"metric {route.metric}" if route.metric else "",
    ]
    version = 6 if ":" in route.to else 4
    return f"ip -{version} route del " + " ".join(word for word in words if word)
