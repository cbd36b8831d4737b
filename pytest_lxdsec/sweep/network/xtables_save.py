"""Rules of the legacy tools, which nft does not see.

The kernel lists the tables of iptables. Tables of ebtables may exist while its module is loaded,
or if it is built in and accepts its socket option.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import os
import shutil
import socket

from ..common import commands

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
# /proc/net is that of the main thread's namespace.
_TABLES = {
    "ip": "/proc/thread-self/net/ip_tables_names",
    "ip6": "/proc/thread-self/net/ip6_tables_names",
}
_MODULES = "/proc/modules"
_SAVES = {"ip": "iptables", "ip6": "ip6tables", "bridge": "ebtables"}
_NFT_SHIM = "nf_tables"
_GET_INFO = 128  # EBT_SO_GET_INFO: linux/netfilter_bridge/ebtables.h
_LARGE = 256  # bytes: more than struct ebt_replace


@dataclasses.dataclass(frozen=True)
class Saves:
    """Decoded as `evidence.network_facts.Saves`."""

    ip: commands.Text
    ip6: commands.Text
    bridge: commands.Text


def tool(name: str) -> str:
    """Return the path of a tool; "" if it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}") or ""


def find() -> Saves:
    """Return the output of the legacy tools for families that may have tables."""
    return Saves(**{family: _save(family) for family in _SAVES})


def _save(family: str) -> commands.Text:
    try:
        is_empty = not _tables(family) if family in _TABLES else not _has_ebtables()
    except OSError as error:
        return commands.Text(text="", error=commands.reason(error))
    if is_empty:
        return commands.Text(text="", error="")
    name = _tool(_SAVES[family])
    if not name:
        return commands.Text(
            text="", error=f"{_SAVES[family]}-legacy-save is not installed, and there are tables"
        )
    found = commands.printed(name)
    if not found.error and "*" not in found.text:
        return commands.Text(text="", error=f"{name} prints no table, although there are some")
    return found


def _tables(family: str) -> list[str]:
    return (commands.read_if_there(_TABLES[family]) or "").split()


def _tool(name: str) -> str:
    """Return the legacy save command; on old hosts its name does not include `legacy`."""
    found = tool(f"{name}-legacy-save")
    if found:
        return found
    plain = tool(f"{name}-save")
    return plain if plain and _NFT_SHIM not in commands.printed(tool(name), "-V").text else ""


def _has_ebtables() -> bool:
    modules = commands.lines(commands.read_if_there(_MODULES) or "")
    return any(line.split()[0] == "ebtables" for line in modules) or _takes_option()


def _takes_option() -> bool:
    """Return whether ebtables is built in; if so, its table `filter` is, too."""
    libc = ctypes.CDLL(None, use_errno=True)
    data, size = ctypes.create_string_buffer(b"filter", _LARGE), ctypes.c_uint(_LARGE)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as asked:
        status = libc.getsockopt(
            asked.fileno(), socket.IPPROTO_IP, _GET_INFO, data, ctypes.byref(size)
        )
    return status == 0 or ctypes.get_errno() != errno.ENOPROTOOPT
