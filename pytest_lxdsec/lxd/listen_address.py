"""What LXD's listen addresses mean, and where the kernel listens; pure, imports nothing of ours.

LXD keeps the text of `core.https_address` and its like as it was typed and calls three spellings
a wildcard (`IsWildCardAddress`, lxd/util/net.go, the same from 5.0.2 to 6.9); the kernel knows
many more. So LXD's own opinion is not asked here: the text is taken apart as Go takes it apart,
and whatever may turn out to be an unspecified address is a wildcard.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Go's net.SplitHostPort: the host may hold colons inside of brackets only, the port never does.
_HOST_PORT = re.compile(
    r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^:\[\]]*)):(?P<port>[^:\[\]]*)"
)
# Go's net.parsePort: a sign and leading zeros are fine; everything else is a service's name.
_PORT = re.compile(r"\+?0*(\d{1,5})", re.ASCII)
# Zero as inet_aton(3) reads it: up to four octal, decimal or hexadecimal parts. glibc's resolver
# takes them, Go's own does not, and the text does not tell which of the two LXD will ask.
_ZEROS = re.compile(r"(?:0x0*|0+)(?:\.(?:0x0*|0+))*\.?", re.IGNORECASE)
_ANY_IPV4 = ipaddress.IPv4Address(0)
_HIGHEST_PORT = 65535
_IPV4_WIDTH, _IPV6_WIDTH = 4, 16  # bytes
_TCP_LISTEN = 0x0A  # include/net/tcp_states.h


class Kind(enum.Enum):
    """Whom a listen address lets in."""

    UNSET = "unset"
    WILDCARD = "wildcard"  # every address of the host
    LOOPBACK = "loopback"  # this host only
    SPECIFIC = "specific"  # one address
    NAME = "name"  # a host name: `judge_name` knows more
    MULTIPLE = "multiple"  # a name of several addresses: which one is bound is chance
    UNRESOLVABLE = "unresolvable"  # a name of no address: LXD cannot bind it


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """One `*_address` option, read.

    Attributes:
        raw: The option's text, as LXD stores it.
        kind: Whom it lets in, as far as the text tells: never MULTIPLE or UNRESOLVABLE.
        host: The part before the port, without the brackets.
        port: The TCP port; None where the text leaves it open: a service's name, 0 (the kernel
            picks one), or out of range (LXD stores it and cannot bind it).
        ip: The address, an IPv4-mapped one as IPv4; None for UNSET, NAME and WILDCARD.
        families: The IP versions the text asks for, (), (4,), (6,) or (4, 6). Not what is bound:
            LXD 5.0.2 binds `0.0.0.0` to both versions until it is restarted.
    """

    raw: str
    kind: Kind
    host: str = ""
    port: int | None = None
    ip: IpAddress | None = None
    families: tuple[int, ...] = ()


def parse(raw: str, default_port: int) -> ListenAddress:
    """Read the text of an `*_address` option; `default_port` is LXD's where the text has none.

    Never raises: what is no address is a NAME, for a resolver to refuse.
    """
    if not raw:
        return ListenAddress(raw=raw, kind=Kind.UNSET)
    host, port_text = _split(raw, default_port)
    port = _port(port_text) if port_text else default_port
    if _is_unspecified(host):
        families = _wildcard_families(raw)
        return ListenAddress(raw=raw, kind=Kind.WILDCARD, host=host, port=port, families=families)
    ip = _literal(host)
    if ip is None or ("%" in raw and not raw.startswith("[")):  # Go reads a zone in brackets only
        return ListenAddress(raw=raw, kind=Kind.NAME, host=host, port=port)
    kind = Kind.LOOPBACK if ip.is_loopback else Kind.SPECIFIC
    return ListenAddress(raw=raw, kind=kind, host=host, port=port, ip=ip, families=(ip.version,))


def judge_name(name: str, resolved: tuple[str, ...]) -> Kind:
    """Say what a host name means that the LXD server's own resolver resolved to `resolved`.

    Go binds one address of a name only (net.Listen), but does not promise which; several are
    harmless where all of them are loopback, as with `localhost`.

    Raises:
        ValueError: one of `resolved` is no IP address.
    """
    if _is_unspecified(name):
        return Kind.WILDCARD
    found = {_resolved_address(name, text) for text in resolved}
    if any(ip.is_unspecified for ip in found):
        return Kind.WILDCARD
    if not found:
        return Kind.UNRESOLVABLE
    if all(ip.is_loopback for ip in found):
        return Kind.LOOPBACK
    return Kind.SPECIFIC if len(found) == 1 else Kind.MULTIPLE


def _resolved_address(name: str, text: str) -> IpAddress:
    ip = _literal(text)
    if ip is None:
        raise ValueError(f"{name!r} resolves to {text!r}, which is no IP address")
    return ip


def _split(raw: str, default_port: int) -> tuple[str, str]:
    """Host and port of `raw`, as CanonicalNetworkAddress (lxd/util/net.go) would have them."""
    found = _HOST_PORT.fullmatch(raw)
    if found is None and _literal(raw) is None:
        found = _HOST_PORT.fullmatch(f"{raw}:{default_port}")
    if found is None:
        return raw, ""
    bracketed: str | None = found["bracketed"]
    return found["plain"] if bracketed is None else bracketed, found["port"]


def _port(text: str) -> int | None:
    found = _PORT.fullmatch(text)
    number = int(found[1]) if found else 0
    return number if 0 < number <= _HIGHEST_PORT else None


def _literal(text: str) -> IpAddress | None:
    """Return the IP address that Go reads in `text`, without its zone, or None."""
    address, percent, _ = text.partition("%")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if percent and isinstance(ip, ipaddress.IPv4Address):
        return None  # Go's netip: an IPv4 address has no zone
    return _unmapped(ip)


def _unmapped(ip: IpAddress) -> IpAddress:
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def _is_unspecified(host: str) -> bool:
    """Return whether a resolver could read `host` as an unspecified address, or it is empty."""
    address = host.partition("%")[0].strip().strip("[]")
    ip = _literal(address)
    return not address or bool(_ZEROS.fullmatch(address)) or (ip is not None and ip.is_unspecified)


def _wildcard_families(raw: str) -> tuple[int, ...]:
    # On start LXD asks the kernel for IPv4 only if its canonical text begins with 0.0.0.0
    # (networkCreateListener, lxd/endpoints/network.go): [0.0.0.0]:8443 is bound to both versions.
    is_ipv4 = raw.startswith(str(_ANY_IPV4)) or _literal(raw) == _ANY_IPV4
    return (4,) if is_ipv4 else (4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSocket:
    """The local end of one TCP socket, as `/proc/net/tcp` or `/proc/net/tcp6` lists it.

    Attributes:
        ip: The local address, an IPv4-mapped one as IPv4.
        port: The local port.
        ipv6: Whether it is an AF_INET6 socket; on `::` it takes IPv4 as well, unless it has set
            IPV6_V6ONLY, which these files do not show.
        state: The kernel's TCP state, include/net/tcp_states.h.
        inode: What `/proc/PID/fd/*` calls `socket:[INODE]`; 0 for a socket without a process.
    """

    ip: IpAddress
    port: int
    ipv6: bool
    state: int
    inode: int

    @property
    def is_listening(self) -> bool:
        """True if it waits for connections."""
        return self.state == _TCP_LISTEN

    @property
    def is_wildcard(self) -> bool:
        """True if it is bound to every address of its network namespace."""
        return self.ip.is_unspecified


def parse_proc_net(
    text: str, *, ipv6: bool, byteorder: Literal["little", "big"] = "little"
) -> tuple[BoundSocket, ...]:
    """Read `/proc/net/tcp`, or `/proc/net/tcp6` with `ipv6`; `byteorder` is that host's.

    Raises:
        ValueError: the heading is missing, so nothing was read, or a line is no socket.
    """
    heading, *lines = text.splitlines() or [""]
    if heading.split()[:2] != ["sl", "local_address"]:
        raise ValueError(f"no table of TCP sockets: it begins with {heading!r}")
    width = _IPV6_WIDTH if ipv6 else _IPV4_WIDTH
    return tuple(_socket(line, width, byteorder) for line in lines)


def listening(sockets: Iterable[BoundSocket]) -> tuple[BoundSocket, ...]:
    """Return those that wait for connections, in the order given."""
    return tuple(socket for socket in sockets if socket.is_listening)


def _socket(line: str, width: int, byteorder: str) -> BoundSocket:
    fields = line.split()
    try:
        address, port = fields[1].split(":")
        return BoundSocket(
            ip=_kernel_address(bytes.fromhex(address), width, byteorder),
            port=int(port, 16),
            ipv6=width == _IPV6_WIDTH,
            state=int(fields[3], 16),
            inode=int(fields[9]),
        )
    except (IndexError, ValueError) as error:
        raise ValueError(f"no TCP socket: {line!r}") from error


def _kernel_address(packed: bytes, width: int, byteorder: str) -> IpAddress:
    # net/ipv4/tcp_ipv4.c and net/ipv6/tcp_ipv6.c print 32-bit words in the host's byte order.
    if len(packed) != width:
        raise ValueError(f"{len(packed)} bytes, not {width}")
    step = 1 if byteorder == "big" else -1
    words = (packed[at : at + 4][::step] for at in range(0, width, 4))
    return _unmapped(ipaddress.ip_address(b"".join(words)))
