"""What probes with throw-away instances brought back; imports nothing of ours.

A setting of NICs is tried once on each network: what is seen holds for every NIC that has it.
Each entry has what was seen, or in `error` why nothing was.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgedTrial:
    """Frames sent by a bridged NIC of ours.

    Attributes:
        network: The bridge.
        filters: The filters that were on, by their keys.
        without: The families, `ipv4` or `ipv6`, of which the filters had no address to allow.
        mac: Its MAC address.
        ipv4: Its address; "" for none.
        ipv6: Likewise.
        frames: A line for each kind: its name, where a frame of it was seen (`L` left the
            instance, `H` reached the host, `P` another instance, `-` none), and its bytes.
    """

    network: str
    filters: tuple[str, ...]
    without: tuple[str, ...]
    error: str
    mac: str = ""
    ipv4: str = ""
    ipv6: str = ""
    frames: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedName:
    """What the bridge's DNS answered: the result's name, and an address, "" for none."""

    code: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesTrial:
    """Names given in DHCP requests, on one network.

    Attributes:
        mode: `dns.mode` as it was then, "" where it was not set.
        lease: The address that was leased to us.
        legitimate: What was answered for our own instance's name.
        claimed: For a name that is not ours, given in our request.
        foreign: For another, given under a hardware address that is no instance's.
    """

    network: str
    mode: str
    error: str
    lease: str = ""
    legitimate: AskedName | None = None
    claimed: AskedName | None = None
    foreign: AskedName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPacket:
    """One source that was tried: whether it left the instance, and whether it got through."""

    role: str
    source: str
    left: bool
    arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedTrial:
    """Packets sent by a routed NIC of ours; `families` are those that it had addresses of."""

    parent: str
    vlan: str
    families: tuple[str, ...]
    error: str
    packets: tuple[SentPacket, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """All of them."""

    bridged: tuple[BridgedTrial, ...]
    names: tuple[NamesTrial, ...]
    routed: tuple[RoutedTrial, ...]
