"""The addresses that LXD reserves for NICs on its bridges.

lxd/dnsmasq/dnsmasq.go, UpdateStaticEntry: a file for each NIC, with one line for dnsmasq.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from ..common import commands, context, lxd_daemons

HOSTS = "dnsmasq.hosts"


@dataclasses.dataclass(frozen=True)
class Reservations:
    """Decoded as `evidence.network_facts.Reservations`."""

    network: str
    entries: Mapping[str, str]


def every(facts: context.Context) -> tuple[Reservations, ...]:
    """Section: read the reservations for each bridge that has dnsmasq."""
    server: lxd_daemons.Daemon = facts.require("server")
    networks = f"{lxd_daemons.root_of(server.pid)}{server.directory}/networks"
    names = sorted(os.listdir(networks)) if os.path.isdir(networks) else []
    places = {name: f"{networks}/{name}/{HOSTS}" for name in names}
    return tuple(
        Reservations(network=name, entries=_entries(place))
        for name, place in places.items()
        if os.path.isdir(place)
    )


def _entries(directory: str) -> dict[str, str]:
    found = {name: commands.read_if_there(f"{directory}/{name}") for name in os.listdir(directory)}
    return {name: text for name, text in sorted(found.items()) if text is not None}
