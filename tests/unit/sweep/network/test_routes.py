"""Routes and sockets over netlink: decoding the kernel's messages, and filtering them."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from pytest_lxdsec.sweep.common import netlink
from pytest_lxdsec.sweep.network import dnsmasq, routes

NAMES = {2: "enp1s0", 7: "veth7"}
UNICAST, LOCAL, BROADCAST, MULTICAST = 1, 2, 3, 5
BOOT, BY_ADVERTISEMENT = 3, 9
MAIN = 254


def attribute(kind: int, value: bytes) -> bytes:
    head = netlink._ATTRIBUTE.pack(netlink._ATTRIBUTE.size + len(value), kind)
    return head + value + bytes(-len(value) % 4)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def entry(
    to: str,
    *attributes: bytes,
    kind: int = UNICAST,
    table: int = MAIN,
    protocol: int = BOOT,
    flags: int = 0,
) -> bytes:
    net = ipaddress.ip_network(to)
    family = socket.AF_INET if net.version == 4 else socket.AF_INET6
    head = routes.MESSAGE.pack(family, net.prefixlen, 0, 0, table, protocol, 0, kind, flags)
    address = attribute(routes.DST, net.network_address.packed) if net.prefixlen else b""
    return head + address + b"".join(attributes)


def by(index: int) -> bytes:
    return attribute(routes.OIF, number(index))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Replace the kernel's lists of both families."""
    listed: list[bytes] = []

    def dump(_: int, __: int, body: bytes) -> list[bytes]:
        return [message for message in listed if message[0] == body[0]]

    monkeypatch.setattr(netlink, "dump", dump)
    return listed


def kept(*ends: str) -> list[routes.Route]:
    return list(routes.kept(NAMES, ends))


def test_route_to_one_address_is_kept_with_all_fields(kernel: list[bytes]) -> None:
    gateway = attribute(routes.GATEWAY, ipaddress.ip_address("192.0.2.1").packed)
    metric, table = attribute(routes.PRIORITY, number(9)), attribute(routes.TABLE, number(4711))
    kernel.append(entry("192.0.2.50/32", by(2), gateway, metric, table, table=252))
    assert kept() == [
        routes.Route(
            to="192.0.2.50/32",
            kind="unicast",
            via="192.0.2.1",
            interface="enp1s0",
            table=4711,
            protocol=BOOT,
            metric=9,
        )
    ]


@pytest.mark.parametrize(
    ("message", "is_kept"),
    [
        (entry("198.51.100.0/24", by(2)), False),
        (entry("0.0.0.0/0", by(2)), False),
        (entry("198.51.100.0/24", by(7)), True),
        (entry("2001:db8::/64", by(2), protocol=BY_ADVERTISEMENT), True),
        (entry("198.51.100.0/24", by(2), kind=LOCAL, table=255), True),
        (entry("198.51.100.255/32", by(2), kind=BROADCAST, table=255), False),
        (entry("ff00::/8", by(7), kind=MULTICAST, table=255), False),
        (entry("2001:db8::7/128", by(2), flags=routes.CLONED), False),
        (entry("198.51.100.0/24"), True),
    ],
)
def test_only_routes_that_matter_to_a_control_are_kept(
    kernel: list[bytes], message: bytes, *, is_kept: bool
) -> None:
    kernel.append(message)
    assert bool(kept("veth7")) is is_kept


def test_multipath_route_is_one_route_for_each_path(kernel: list[bytes]) -> None:
    gateway = attribute(routes.GATEWAY, ipaddress.ip_address("192.0.2.1").packed)
    ways = routes.NEXT_HOP.pack(routes.NEXT_HOP.size + len(gateway), 0, 0, 2) + gateway
    ways += routes.NEXT_HOP.pack(routes.NEXT_HOP.size, 0, 0, 7)
    kernel.append(entry("192.0.2.50/32", attribute(routes.MULTIPATH, ways)))
    assert [(r.interface, r.via) for r in kept()] == [("veth7", ""), ("enp1s0", "192.0.2.1")]


def test_gateway_may_be_of_the_other_family(kernel: list[bytes]) -> None:
    via = struct.pack("=H", socket.AF_INET6) + ipaddress.ip_address("fe80::9").packed
    kernel.append(entry("192.0.2.50/32", by(7), attribute(routes.VIA, via)))
    assert kept()[0].via == "fe80::9"


def test_interface_that_vanished_has_its_number_as_name(kernel: list[bytes]) -> None:
    kernel.append(entry("192.0.2.50/32", by(99)))
    assert kept()[0].interface == "99"


def test_kernel_itself_lists_the_loopback_address() -> None:
    names = dict(socket.if_nameindex())
    found = routes.kept(names, ())
    assert ("127.0.0.1/32", "local", "lo") in [(r.to, r.kind, r.interface) for r in found]


def test_bound_socket_is_found_with_its_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        _, port = own.getsockname()
        request = dnsmasq.REQUEST.pack(socket.AF_INET, socket.IPPROTO_UDP, 0, 0, dnsmasq.ANY_STATE)
        listed = netlink.dump(netlink.SOCK_DIAG, dnsmasq.DIAG_BY_FAMILY, request)
        found = [dnsmasq._socket(message, {}) for message in listed]
    assert dnsmasq.Socket(address="127.0.0.1", port=port, interface="") in [s for _, s in found]


def test_incomplete_list_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        netlink._raise_error(struct.pack("=i", -2))


@pytest.mark.parametrize("end", [b"", struct.pack("=i", 0)])
def test_complete_list_is_not_an_error(end: bytes) -> None:
    netlink._raise_error(end)
