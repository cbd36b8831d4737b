from __future__ import annotations

import ipaddress
import socket
import string
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from pytest_lxdsec.lxd import listen_address
from pytest_lxdsec.lxd.listen_address import Kind

PORTS = st.integers(1, 65535)
SAFE = (Kind.SPECIFIC, Kind.LOOPBACK)


def groups(width: int) -> st.SearchStrategy[str]:
    return st.text("0", min_size=1, max_size=width)


@st.composite
def zero_ipv6(draw: st.DrawFn) -> str:
    """Return spellings of the unspecified IPv6 address, with an IPv4 tail or a zone."""
    before, after = draw(st.integers(0, 7)), draw(st.integers(0, 7))
    tail = draw(st.sampled_from(["", "0.0.0.0"]))  # noqa: S104 - spelt, not bound
    slots = 8 - (2 if tail else 0)
    if before + after < slots:
        left, right = ["0"] * before, ["0"] * after + ([tail] if tail else [])
        text = f"{':'.join(left)}::{':'.join(right)}"
    else:
        text = ":".join(["0" * draw(st.integers(1, 4))] * slots + ([tail] if tail else []))
    mapped = draw(
        st.sampled_from([text, "::ffff:0.0.0.0", "::FFFF:0:0", "0:0:0:0:0:ffff:0.0.0.0"])
    )
    return mapped + draw(st.sampled_from(["", "%1", "%eth0"]))


@st.composite
def zero_ipv4(draw: st.DrawFn) -> str:
    """Zero as inet_aton(3) reads it: one to four parts, octal, decimal or hexadecimal."""
    part = st.builds(str.__add__, st.sampled_from(["", "0x", "0X"]), groups(12))
    return ".".join(draw(st.lists(part, min_size=1, max_size=4)))


@given(zero_ipv6(), st.sampled_from(["[{}]", "[{}]:8443", "[{}]:", "[{}]:https", "[{}]:0"]))
def test_unspecified_ipv6_address_in_brackets_is_a_wildcard(host: str, form: str) -> None:
    assert listen_address.parse(form.format(host), 8443).kind is Kind.WILDCARD


@given(zero_ipv6())
def test_bare_unspecified_ipv6_address_is_a_wildcard(host: str) -> None:
    assert listen_address.parse(host, 8443).kind is Kind.WILDCARD


@given(zero_ipv4(), st.sampled_from(["{}", "{}:", "{}:8443", "[{}]:8443", "{}:https", "{}:99999"]))
def test_unspecified_ipv4_address_is_a_wildcard(host: str, form: str) -> None:
    assert listen_address.parse(form.format(host), 8443).kind is Kind.WILDCARD


@given(st.text(string.digits + string.ascii_letters + "+-", max_size=6))
def test_port_alone_is_a_wildcard(port: str) -> None:
    assert listen_address.parse(f":{port}", 8443).kind is Kind.WILDCARD


@given(st.one_of(zero_ipv4(), st.text("0123xX.:f%", max_size=12)))
def test_what_glibc_reads_as_unspecified_is_never_called_safe(host: str) -> None:
    try:
        numeric = socket.getaddrinfo(host.encode(), None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return
    texts = {str(each[4][0]) for each in numeric}
    if any(is_unspecified(text) for text in texts):
        assert listen_address.parse(f"[{host}]:8443", 8443).kind is Kind.WILDCARD


def is_unspecified(text: str) -> bool:
    ip = ipaddress.ip_address(text)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_unspecified


@given(st.one_of(st.text(), st.text("0123456789abcdefx.:[]%+- ")), PORTS)
def test_any_text_has_a_kind(raw: str, port: int) -> None:
    address = listen_address.parse(raw, port)
    assert (address.ip is not None) == (address.kind in SAFE)


@given(st.ip_addresses(), PORTS)
def test_address_and_port_come_back(ip: listen_address.IpAddress, port: int) -> None:
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    address = listen_address.parse(f"{host}:{port}", 8443)
    if address.kind is not Kind.WILDCARD:
        assert (address.ip, address.port) == (getattr(ip, "ipv4_mapped", None) or ip, port)


@given(st.ip_addresses(), PORTS)
def test_only_the_unspecified_addresses_are_wildcards(
    ip: listen_address.IpAddress, port: int
) -> None:
    address = listen_address.parse(str(ip), port)
    assert (address.kind is Kind.WILDCARD) == is_unspecified(str(ip))


@given(st.text("0123456789ABCDEF: \n"), st.booleans())
def test_socket_table_is_read_or_refused(rows: str, ipv6: bool) -> None:  # noqa: FBT001 - Hypothesis fills it
    heading = "  sl  local_address rem_address\n"
    try:
        found = listen_address.parse_proc_net(heading + rows, ipv6=ipv6)
    except ValueError:
        return
    assert len(found) == len(rows.splitlines())


@given(st.ip_addresses(), PORTS, st.sampled_from(["little", "big"]))
def test_kernels_address_is_read_in_either_byte_order(
    ip: listen_address.IpAddress, port: int, byteorder: Literal["little", "big"]
) -> None:
    step = 1 if byteorder == "big" else -1
    words = [ip.packed[at : at + 4][::step] for at in range(0, len(ip.packed), 4)]
    text = f"sl local_address\n0: {b''.join(words).hex().upper()}:{port:04X} 0:0 0A 0 0 0 0 0 7 1"
    [bound] = listen_address.parse_proc_net(text, ipv6=ip.version == 6, byteorder=byteorder)
    assert (bound.ip, bound.port) == (getattr(ip, "ipv4_mapped", None) or ip, port)
