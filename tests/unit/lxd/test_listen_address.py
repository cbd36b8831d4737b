from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import socket
import sys
from collections.abc import Iterator

import pytest

from pytest_lxdsec.lxd import listen_address
from pytest_lxdsec.lxd.listen_address import Kind

# As LXD 5.0.2 bound them: set one by one on a real daemon, its sockets looked at each time.
BOUND_TO_EVERY_ADDRESS = (
    ":8443",
    ":",
    "[]:8443",
    "0.0.0.0",  # noqa: S104 - read, not bound
    "0.0.0.0:",
    "0.0.0.0:8443",
    "[0.0.0.0]:8443",
    "::",
    "[::]",
    "[::]:8443",
    "::0",
    "[::0]:8443",
    "::0.0.0.0",
    "[0:0:0:0:0:0:0:0]:8443",
    "::ffff:0.0.0.0",
    "[::ffff:0.0.0.0]:8443",
    "[::ffff:0:0]",
    "[::%lo]:8443",
    "[::%1]:8443",
)
# glibc's resolver takes these for 0.0.0.0; a daemon whose Go asks glibc would bind them.
ZERO_TO_GLIBC = ("0", "00", "0x0", "0X0", "0.0", "0.0.0", "00.0.0.0", "0x0.0", "0x00.0.00.000")
# LXD refuses these today; should one be found in a configuration, it must not pass.
ZERO_TO_A_READER = (" 0.0.0.0", "0.0.0.0 ", "0.0.0.0.", "0.0.0.0%lo", "::%lo", "[::", "[]")


def kind(raw: str) -> Kind:
    return listen_address.parse(raw, 8443).kind


@pytest.mark.parametrize("raw", BOUND_TO_EVERY_ADDRESS + ZERO_TO_GLIBC + ZERO_TO_A_READER)
def test_unspecified_address_is_a_wildcard(raw: str) -> None:
    assert kind(raw) is Kind.WILDCARD


@pytest.mark.parametrize("host", ZERO_TO_GLIBC)
def test_zero_before_a_port_is_a_wildcard(host: str) -> None:
    assert kind(f"{host}:8443") is Kind.WILDCARD


@pytest.mark.parametrize("host", ZERO_TO_GLIBC)
def test_glibc_reads_these_as_the_unspecified_address(host: str) -> None:
    numeric = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    assert {each[4][0] for each in numeric} == {"0.0.0.0"}  # noqa: S104 - compared, not bound


def test_option_that_is_not_set_is_unset() -> None:
    assert kind("") is Kind.UNSET


@pytest.mark.parametrize(
    "raw",
    ["127.0.0.1", "127.0.0.53:9000", "::1", "[::1]:8443", "[::1%lo]:8443", "::ffff:127.0.0.1"],
)
def test_loopback_address_is_loopback(raw: str) -> None:
    assert kind(raw) is Kind.LOOPBACK


@pytest.mark.parametrize(
    ("raw", "ip", "port"),
    [
        ("192.0.2.10", "192.0.2.10", 8443),
        ("192.0.2.10:", "192.0.2.10", 8443),
        ("192.0.2.10:443", "192.0.2.10", 443),
        ("2001:db8::1", "2001:db8::1", 8443),
        ("[2001:db8::1]", "2001:db8::1", 8443),
        ("[2001:db8::1]:443", "2001:db8::1", 443),
        ("[2001:DB8:0::1]:443", "2001:db8::1", 443),
        ("[fe80::1%eth0]:8443", "fe80::1", 8443),
        ("[::ffff:192.0.2.10]:8443", "192.0.2.10", 8443),
        ("::8443", "::8443", 8443),  # an address, although its author may have meant a port
    ],
)
def test_specific_address_is_read_with_its_port(raw: str, ip: str, port: int) -> None:
    address = listen_address.parse(raw, 8443)
    assert (address.kind, str(address.ip), address.port) == (Kind.SPECIFIC, ip, port)


@pytest.mark.parametrize(
    "raw",
    [
        "localhost",
        "lxd.example.org:8443",
        "0.0.0.0.example.org:8443",
        "eth0:8443",
        "garbage",
        "127.1:8443",  # glibc: 127.0.0.1; LXD 5.0.2: no such name
        "2130706433",
        "127.0.0.1%lo:8443",
        "[::1",
        "0:0:8443",
        "fe80::1%eth0",
    ],
)
def test_what_is_no_address_is_a_name(raw: str) -> None:
    assert kind(raw) is Kind.NAME


@pytest.mark.parametrize(
    ("raw", "families"),
    [
        ("0.0.0.0:8443", (4,)),
        ("::ffff:0.0.0.0", (4,)),
        ("[0.0.0.0]:8443", (4, 6)),
        ("[::ffff:0.0.0.0]:8443", (4, 6)),
        (":8443", (4, 6)),
        ("[::]:8443", (4, 6)),
        ("192.0.2.10", (4,)),
        ("[2001:db8::1]:8443", (6,)),
        ("localhost", ()),
    ],
)
def test_families_are_those_that_a_restarted_lxd_binds(
    raw: str, families: tuple[int, ...]
) -> None:
    assert listen_address.parse(raw, 8443).families == families


@pytest.mark.parametrize(
    ("port", "number"),
    [("8443", 8443), ("+9443", 9443), ("09443", 9443), ("65535", 65535), ("", 7)],
)
def test_port_is_read_as_go_reads_it(port: str, number: int) -> None:
    assert listen_address.parse(f"127.0.0.1:{port}", 7).port == number


@pytest.mark.parametrize("port", ["https", "0", "-1", "65536", "99999", "9" * 5000, "٣"])
def test_port_that_the_text_leaves_open_is_none(port: str) -> None:
    assert listen_address.parse(f"127.0.0.1:{port}", 8443).port is None


def test_named_port_alone_is_a_wildcard() -> None:
    assert kind(":https") is Kind.WILDCARD


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        ((), Kind.UNRESOLVABLE),
        (("192.0.2.10",), Kind.SPECIFIC),
        (("192.0.2.10", "192.0.2.10"), Kind.SPECIFIC),
        (("192.0.2.10", "2001:db8::1"), Kind.MULTIPLE),
        (("127.0.0.1", "192.0.2.10"), Kind.MULTIPLE),
        (("127.0.0.1",), Kind.LOOPBACK),
        (("::1", "127.0.0.1"), Kind.LOOPBACK),
        (("0.0.0.0",), Kind.WILDCARD),  # noqa: S104 - judged, not bound
        (("192.0.2.10", "::"), Kind.WILDCARD),
        (("::ffff:0.0.0.0",), Kind.WILDCARD),
    ],
)
def test_name_is_what_it_resolves_to(resolved: tuple[str, ...], expected: Kind) -> None:
    assert listen_address.judge_name("lxd.example.org", resolved) is expected


def test_name_that_spells_zero_is_a_wildcard_whatever_it_resolves_to() -> None:
    assert listen_address.judge_name("0", ("127.0.0.1",)) is Kind.WILDCARD


def test_name_that_resolves_to_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' resolves to 'b', which is no IP address"):
        listen_address.judge_name("a", ("b",))


# Recorded on Linux 6.18 (x86-64) in a network namespace made for it.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:24E3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52235 \
1 000000006568916d 100 0 0 10 0                     \n\
   1: 0100007F:20FB 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 52234 \
2 00000000e36e4dff 100 0 0 10 0                     \n\
   2: 0100007F:B6DE 0100007F:20FB 01 00000000:00000000 00:00000000 00000000     0        0 52240 \
2 00000000021d09e6 20 0 0 10 -1                     \n\
   3: 0100007F:20FB 0100007F:B6DE 01 00000000:00000000 00:00000000 00000000     0        0 0 \
1 000000001082fd1d 20 0 0 10 -1                     \n"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue \
rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:20FF 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     0        0 52239 1 000000003d22e0a0 100 0 0 10 0
   1: 00000000000000000000000000000000:20FD 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     0        0 52237 1 000000001ea3aa9e 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:20FE 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     0        0 52238 1 0000000028c24bc1 100 0 0 10 0
   3: 00000000000000000000000001000000:20FC 00000000000000000000000000000000:0000 0A \
00000000:00000000 00:00000000 00000000     0        0 52236 1 000000004f1a4669 100 0 0 10 0
"""


def test_recorded_ipv4_sockets_are_read() -> None:
    found = listen_address.parse_proc_net(TCP, ipv6=False)
    assert [(str(each.ip), each.port, each.inode) for each in found] == [
        ("0.0.0.0", 9443, 52235),  # noqa: S104 - read, not bound
        ("127.0.0.1", 8443, 52234),
        ("127.0.0.1", 46814, 52240),
        ("127.0.0.1", 8443, 0),
    ]


def test_recorded_ipv6_sockets_are_read() -> None:
    found = listen_address.parse_proc_net(TCP6, ipv6=True)
    assert [(str(each.ip), each.port, each.inode) for each in found] == [
        ("2001:db8::1", 8447, 52239),
        ("::", 8445, 52237),
        ("127.0.0.1", 8446, 52238),
        ("::1", 8444, 52236),
    ]


def test_ipv4_address_of_an_ipv6_socket_keeps_its_family() -> None:
    [mapped] = [
        each for each in listen_address.parse_proc_net(TCP6, ipv6=True) if each.port == 8446
    ]
    assert mapped.ipv6
    assert not listen_address.parse_proc_net(TCP, ipv6=False)[0].ipv6


def test_connection_is_not_listening() -> None:
    found = listen_address.listening(listen_address.parse_proc_net(TCP, ipv6=False))
    assert [each.inode for each in found] == [52235, 52234]


def test_only_a_socket_on_zero_is_a_wildcard() -> None:
    found = listen_address.parse_proc_net(TCP6, ipv6=True)
    assert [each.is_wildcard for each in found] == [False, True, False, False]


def test_big_endian_host_has_its_bytes_in_order() -> None:
    text = TCP.replace("0100007F:20FB 00000000", "7F000001:20FB 00000000")
    found = listen_address.parse_proc_net(text, ipv6=False, byteorder="big")
    assert found[1].ip == ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize("text", ["", "\n", "Permission denied", TCP.partition("\n")[2]])
def test_text_without_the_kernels_heading_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no table of TCP sockets"):
        listen_address.parse_proc_net(text, ipv6=False)


@pytest.mark.parametrize("line", TCP.splitlines()[1:3])
@pytest.mark.parametrize("length", [0, 12, 40, 75])
def test_truncated_line_is_refused_with_its_text(line: str, length: int) -> None:
    heading = TCP.partition("\n")[0]
    with pytest.raises(ValueError, match="no TCP socket: '"):
        listen_address.parse_proc_net(f"{heading}\n{line[:length]}\n", ipv6=False)


@pytest.mark.parametrize(("text", "ipv6"), [(TCP, True), (TCP6, False)])
def test_table_of_the_other_family_is_refused(text: str, ipv6: bool) -> None:  # noqa: FBT001 - a parameter of parametrize
    with pytest.raises(ValueError, match="no TCP socket"):
        listen_address.parse_proc_net(text, ipv6=ipv6)


@contextlib.contextmanager
def listener(family: socket.AddressFamily, host: str) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.bind((host, 0))
        bound.listen()
        yield bound


@pytest.mark.parametrize(
    ("family", "host", "file"),
    [(socket.AF_INET, "127.0.0.1", "tcp"), (socket.AF_INET6, "::1", "tcp6")],
)
def test_socket_of_this_process_is_found_in_this_kernel(
    family: socket.AddressFamily, host: str, file: str
) -> None:
    with listener(family, host) as bound:
        text = pathlib.Path("/proc/self/net", file).read_text()
        port, inode = bound.getsockname()[1], os.fstat(bound.fileno()).st_ino
    found = listen_address.parse_proc_net(text, ipv6=file == "tcp6", byteorder=sys.byteorder)
    mine = [each for each in listen_address.listening(found) if each.inode == inode]
    assert [(str(each.ip), each.port) for each in mine] == [(host, port)]
