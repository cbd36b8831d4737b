"""Types of the trials that `--lxd-probe` makes with throw-away instances.

A setting of NICs is tried once on each network; the result holds for every NIC that has it.
Each entry has a result, or the reason for having none in `error`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgedTrial:
    """Frames sent by a bridged NIC of a probe instance.

    Attributes:
        network: The bridge.
        filters: The keys of the filters that were enabled.
        without: The families, `ipv4` or `ipv6`, in which the filters had no address to allow.
        mac: The NIC's MAC address.
        ipv4: Its IPv4 address, "" if it has none.
        ipv6: Its IPv6 address, "" if it has none.
        frames: A line for each kind: its name, where a frame of it arrived (`L` left the
            instance, `H` reached the host, `P` another instance, `-` nowhere), and its bytes.
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
    """The answer of the bridge's DNS: the name of its code, and an address, "" if it has none."""

    code: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesTrial:
    """Names given in DHCP requests, on one network.

    Attributes:
        mode: `dns.mode` at that time, "" if it was not set.
        lease: The address that was leased to the probe instance.
        legitimate: The answer for the probe instance's own name.
        claimed: The answer for a false name in its DHCP request.
        foreign: The answer for a false name in a request from a MAC address of no instance.
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
    """One source address that was tried: whether it left the instance, and whether it arrived."""

    role: str
    source: str
    left: bool
    arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedTrial:
    """Packets sent by a routed NIC of a probe instance; `families` are those of its addresses."""

    parent: str
    vlan: str
    families: tuple[str, ...]
    error: str
    packets: tuple[SentPacket, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """All trials of one server."""

    bridged: tuple[BridgedTrial, ...]
    names: tuple[NamesTrial, ...]
    routed: tuple[RoutedTrial, ...]
