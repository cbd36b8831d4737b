"""Recorded rule sets, and small ones made by hand, for the tests of the packet filters."""

from __future__ import annotations

import ipaddress
import json
import pathlib
from typing import Any

from pytest_lxdsec.firewall.evaluation import evaluate, reachable_sources
from pytest_lxdsec.firewall.model import packet, rules, values
from pytest_lxdsec.firewall.parsers import nft
from pytest_lxdsec.firewall.spoofing.filtered_nic import FilteredNic

RECORDED = pathlib.Path(__file__).parents[1] / "recorded_rules"
MAC, IPV4, IPV6 = "00:16:3e:86:47:9a", "10.85.0.4/32", "fd85:5ec::216:3eff:fe86:479a/128"
NO_IPV4 = ("v4none", "bothnone")
NO_IPV6 = ("v6none", "bothnone", "v4+v6none")
HOLDS_IPV4 = ("ipv4", "all", "v4none", "bothnone", "v4+v6none")
HOLDS_IPV6 = ("ipv6", "all", "v6none", "bothnone", "v4+v6none")
CHAINS = ("in.plain.eth0", "fwd.plain.eth0")


def text(setting: str) -> str:
    """Return the JSON that nft printed in the lab for a setting of the NIC `plain/eth0`."""
    return (RECORDED / f"{setting}.json").read_text()


def listing(setting: str) -> str:
    """Return what `nft --debug=netlink list ruleset` printed then."""
    return (RECORDED / f"{setting}.listing").read_text()


def recorded(setting: str) -> rules.RuleSet:
    """Return the rule set of a setting."""
    return nft.decode(text(setting), listing(setting))


def nic(setting: str) -> FilteredNic:
    """Return the NIC of a setting."""
    return FilteredNic(
        interface=interface(recorded(setting)),
        mac=MAC,
        ipv4=() if setting in NO_IPV4 else (ipaddress.IPv4Network(IPV4),),
        ipv6=() if setting in NO_IPV6 else (ipaddress.IPv6Network(IPV6),),
        filters_mac=setting in {"mac", "all"},
        filters_ipv4=setting in HOLDS_IPV4,
        filters_ipv6=setting in HOLDS_IPV6,
    )


def interface(ruleset: rules.RuleSet) -> str:
    """Return the interface that LXD's rules of the NIC name; "unfiltered" where there are none."""
    table = ruleset.table("bridge", "lxd")
    chain = table.chain(CHAINS[0]) if table else None
    first = chain.rules[0].steps[0] if chain and chain.rules else None
    if isinstance(first, rules.Match) and isinstance(first.among, values.Names):
        return first.among.patterns[0]
    return "unfiltered"


def input_rules(name: str) -> rules.RuleSet:
    """Return one of the rule sets about a host's own ports, as nft 1.0.6 printed it."""
    found = json.loads((RECORDED / "input.json").read_text())[name]
    return nft.decode(json.dumps(found["json"]), found["listing"])


# --- by hand ---------------------------------------------------------------------------------


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    """Return a match; `ip saddr` for a payload, `meta iifname` for what the kernel knows."""
    if isinstance(left, str):
        kind, _, name = left.partition(" ")
        left = {"meta": {"key": name}} if kind == "meta" else _payload(kind, name)
    return {"match": {"op": op, "left": left, "right": right}}


def _payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


ACCEPT, DROP, RETURN, CONTINUE = (
    {name: None} for name in ("accept", "drop", "return", "continue")
)


def jump(target: str, kind: str = "jump") -> dict[str, Any]:
    """Return a jump or goto."""
    return {kind: {"target": target}}


def document(
    *chains: tuple[str, list[list[Any]]], family: str = "inet", **base: Any
) -> dict[str, Any]:
    """Return a table `t` with chains of rules.

    The first hangs at `input` unless `base` says more.
    """
    objects: list[dict[str, Any]] = [{"table": {"family": family, "name": "t"}}]
    hook = {"type": "filter", "hook": "input", "prio": 0, "policy": "accept", **base}
    for at, (name, bodies) in enumerate(chains):
        where = {"family": family, "table": "t"}
        objects.append({"chain": {**where, "name": name, **(hook if at == 0 else {})}})
        for number, body in enumerate(bodies):
            handle = at * 100 + number + 1
            objects.append({"rule": {**where, "chain": name, "handle": handle, "expr": body}})
    return {"nftables": objects}


def made(*chains: tuple[str, list[list[Any]]], family: str = "inet", **base: Any) -> rules.RuleSet:
    """Return the rule set of `document`."""
    return nft.decode(json.dumps(document(*chains, family=family, **base)))


def syn(
    source: str = "10.0.0.1", *, port: int = 8443, iifname: str = "eth0", source_port: int = 40000
) -> packet.Packet:
    """Return the first packet of a connection to 192.0.2.10 or 2001:db8::10."""
    address = ipaddress.ip_address(source)
    host = "192.0.2.10" if address.version == 4 else "2001:db8::10"
    return reachable_sources.syn(
        address,
        ipaddress.ip_address(host),
        source_port=source_port,
        port=port,
        iifname=iifname,
    )


def at_input(ruleset: rules.RuleSet, seen: packet.Packet | None = None) -> evaluate.Verdict:
    """Return what the hook `input` does."""
    seen = syn() if seen is None else seen
    return evaluate.evaluate(ruleset, seen, hook="input", family=seen.family)
