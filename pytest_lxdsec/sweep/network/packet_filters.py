"""The packet filters of the daemon's network, as the host's own tools print them.

A tool runs only if the kernel reports something to print: those of iptables load modules and make
tables of their own as soon as they look for them. A tool that is missing although there are rules
is an error, never a host without rules.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping

from ..common import commands, context, lxd_daemons, netlink, netns
from . import xtables_save

# linux/netfilter/nfnetlink.h, nf_tables.h: the tables of all families
_GET_TABLES = 10 << 8 | 1
_ANY_FAMILY = bytes(4)
_NO_RULES = '{"nftables": []}'
_SETTINGS = "/proc/sys/net/bridge"
# By nft's family: the tools that print the rules of iptables-nft and ebtables-nft in full.
_SHIMS = {"ip": "iptables-nft-save", "ip6": "ip6tables-nft-save", "bridge": "ebtables-nft-save"}


@dataclasses.dataclass(frozen=True)
class PacketFilters:
    """Decoded as `evidence.network_facts.PacketFilters`."""

    nft: commands.Text
    listing: commands.Text
    shims: xtables_save.Saves
    legacy: xtables_save.Saves
    bridge: Mapping[str, str]


def find(facts: context.Context) -> PacketFilters:
    """Section: read every rule set that may see a packet."""
    server: lxd_daemons.Daemon = facts.require("server")
    return netns.in_network_of(server.pid, _find)


def _find() -> PacketFilters:
    nft, listing = _nft()
    return PacketFilters(
        nft=nft,
        listing=listing,
        shims=_shims(nft.text),
        legacy=xtables_save.find(),
        bridge=_bridge(),
    )


def _nft() -> tuple[commands.Text, commands.Text]:
    """Return nft's output as JSON, and the listing with what the JSON leaves out."""
    tool = xtables_save.tool("nft")
    if tool:
        document = commands.printed(tool, "-j", "list", "ruleset")
        return document, commands.printed(tool, "--debug=netlink", "list", "ruleset")
    try:
        tables = netlink.dump(netlink.NETFILTER, _GET_TABLES, _ANY_FAMILY)
    except OSError as error:
        none = commands.Text(text="", error=f"nft is not installed: {commands.reason(error)}")
        return none, none
    if not tables:
        return commands.Text(text=_NO_RULES, error=""), commands.Text(text="", error="")
    why = f"nft is not installed, and there are {len(tables)} tables of its kind"
    none = commands.Text(text="", error=why)
    return none, none


def _shims(document: str) -> xtables_save.Saves:
    """Return saves of the families in which nft could not print a rule in full."""
    families = _doubtful(document)
    found = {}
    for family, name in _SHIMS.items():
        text = commands.Text(text="", error="")
        if family in families:
            tool = xtables_save.tool(name)
            text = (
                commands.printed(tool)
                if tool
                else commands.Text(text="", error=f"{name} is not installed")
            )
        found[family] = text
    return xtables_save.Saves(**found)


def _doubtful(document: str) -> set[str]:
    if '"xt"' not in document:
        return set()
    try:
        entries = json.loads(document)["nftables"]
    except ValueError:  # nft may print invalid JSON, which its parser reports
        return set(_SHIMS)
    found = [entry["rule"] for entry in entries if "rule" in entry]
    return {rule["family"] for rule in found if any("xt" in step for step in rule["expr"])}


def _bridge() -> dict[str, str]:
    """Return the settings of br_netfilter; empty if it is not loaded."""
    try:
        names = sorted(os.listdir(_SETTINGS))
    except FileNotFoundError:
        return {}
    return {name: commands.read(f"{_SETTINGS}/{name}").strip() for name in names}
