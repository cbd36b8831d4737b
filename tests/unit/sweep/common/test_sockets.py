"""The kernel's tables of sockets, interfaces' routes and os-release, on recorded text."""

from __future__ import annotations

import sys

import pytest

from pytest_lxdsec.sweep.common import sockets
from pytest_lxdsec.sweep.network import interfaces
from pytest_lxdsec.sweep.system import os_release

UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01    67 /var/lib/lxd/unix.socket
0000000000000000: 00000002 00000000 00010000 0001 01    68 /var/lib/lxd/devlxd/sock
ffff8b0a12345678: 00000002 00000000 00010000 0001 01 123456 @/var/lib/lxd/containers/c1/command
0000000000000000: 00000003 00000000 00000000 0001 03    69 /var/lib/lxd/unix.socket
0000000000000000: 00000003 00000000 00000000 0001 03    70
0000000000000000: 00000002 00000000 00010000 0001 01    71 /run/other
"""
# `python3 -m http.server` on ::1 port 8000, LXD on [::]:8443, and a connection to it.
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:20FB 00000000000000000000000000000000:0000 0A 00000000:\
00000000 00:00000000 00000000     0        0 1042350 2 0000000021f05e82 100 0 0 10 0
   1: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 00000000:\
00000000 00:00000000 00000000     0        0 1042351 2 0000000021f05e82 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:20FB 0000000000000000FFFF00000100007F:9C40 01 00000000:\
00000000 00:00000000 00000000     0        0 1042352 2 0000000021f05e82 100 0 0 10 0
"""
# The first was learnt, as `expires 1799sec proto ra`; the others are of the host itself.
ROUTES = """\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
fe8000000000000002163efffe123456 00000400 00000001 00000000 00450003 lxdbr0
fd8505ec000000000000000000000000 40 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000100 00000001 00000000 00000001 lxdbr0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 \
00000000000000000000000000000000 00000000 00000003 00000000 80200001       lo
"""


def test_listening_unix_sockets_of_the_daemon_are_found() -> None:
    found = set(sockets.unix_listeners(UNIX, inodes={67, 68, 69, 70, 123456}))
    assert found == {
        "/var/lib/lxd/unix.socket",
        "/var/lib/lxd/devlxd/sock",
        "@/var/lib/lxd/containers/c1/command",
    }


def test_socket_with_a_line_feed_in_its_name_hides_no_other() -> None:
    forged = UNIX.replace("/run/other", "/run/x\nnonsense\n0: 1 2 3 4 5 many /y")
    assert "/var/lib/lxd/unix.socket" in set(sockets.unix_listeners(forged, inodes={67}))


def test_space_in_the_name_of_a_socket_is_part_of_it() -> None:
    text = UNIX.replace("/run/other", "/run/a  b ")
    assert set(sockets.unix_listeners(text, inodes={71})) == {"/run/a  b "}


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")
def test_listening_tcp_sockets_of_the_daemon_are_found() -> None:
    found = tuple(sockets.tcp_listeners(TCP6, "tcp6", inodes={1042350, 1042352}))
    assert found == (sockets.Listener(family="tcp6", address="::", port=8443),)


@pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000", "0.0.0.0"),  # noqa: S104  read, not bound
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
        ("EC0585FD000000000000000001000000", "fd85:5ec::1"),
    ],
)
def test_address_is_read_in_host_byte_order(text: str, address: str) -> None:
    assert sockets.address_of(text) == address


def test_route_from_a_router_advertisement_is_found() -> None:
    assert interfaces.learnt_routes(ROUTES) == (
        interfaces.LearntRoute(to="::/0", via="fe80::216:3eff:fe12:3456", interface="lxdbr0"),
    )


def test_os_release_is_read_as_a_shell_reads_it() -> None:
    text = (
        "# a comment\n"
        "NAME='Some Linux'\n"
        'PRETTY_NAME="Some \\"Linux\\" 1"\n'
        "ID=some\n"
        'VERSION_ID="1"\n'
        "HOME_URL=https://example.org\n"
        "SUPPORT_END=2029-01-01\n"
    )
    assert os_release.os_release(text) == {
        "NAME": "Some Linux",
        "PRETTY_NAME": 'Some "Linux" 1',
        "ID": "some",
        "VERSION_ID": "1",
        "SUPPORT_END": "2029-01-01",
    }


def test_value_with_an_unclosed_quote_is_kept() -> None:
    assert os_release.os_release("ID='some\n") == {"ID": "'some"}


def test_without_os_release_there_are_no_fields() -> None:
    assert os_release.os_release("") == {}
