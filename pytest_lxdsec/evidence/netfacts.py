"""What the sweep brings back of interfaces and packet filters; imports `hostfacts`.

Types as there: each is one entry of a section of the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .hostfacts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An interface in the daemon's network namespace.

    Attributes:
        kind: The kernel's word for its driver (`bridge`, `veth`, ...); "" for hardware and `lo`.
        mac: Its own MAC address, "" where it has none.
        master: The index of the bridge or bond that it is a port of, 0 for none.
        addresses: ADDRESS/LENGTH of both families.
    """

    name: str
    index: int
    kind: str
    mac: str
    is_loopback: bool
    master: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saves:
    """Rules as iptables-save, ip6tables-save and ebtables-save print them; "" for none."""

    ip: Text
    ip6: Text
    bridge: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFilters:
    """The rules in the daemon's network namespace.

    Attributes:
        nft: What `nft -j list ruleset` printed.
        listing: What `nft --debug=netlink list ruleset` printed.
        shims: Saves of the families whose rules nft cannot print in full.
        legacy: Saves of the legacy tools, for rules that nft does not see.
        bridge: The settings of br_netfilter (`net.bridge.*`); none where it is not loaded.
    """

    nft: Text
    listing: Text
    shims: Saves
    legacy: Saves
    bridge: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """The addresses that LXD holds for the NICs on one of its bridges.

    `entries` maps the names of the files, which are made of instance and NIC, to their texts:
    `MAC[,IPv4][,[IPv6]][,NAME]`.
    """

    network: str
    entries: Mapping[str, str]
