"""The packet filters of the host of `evidence_documents`: raw JSON, as the sweep brings it.

LXD's rules are those that nft 1.0.6 printed in a lab (`recorded_rules`), with the names and
addresses of other NICs; those for the API's port are written here, as nft would print them.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

from . import evidence_api

Json = dict[str, Any]

RECORDED = pathlib.Path(__file__).parents[1] / "recorded_rules"
# What was recorded: the NIC's own names and addresses.
LABEL = "plain.eth0"
MAC, IPV4, IPV6 = "00:16:3e:86:47:9a", "10.85.0.4", "fd85:5ec::216:3eff:fe86:479a"
ALLOWED = "10.0.0.0/8"


def filters() -> Json:
    """Return `host.filters`.

    LXD's rules for every filtered NIC that runs, and the API's port closed.
    """
    # Without a policy nobody at all is allowed, and every control must pass without one.
    bridged = (lxd_rules(label) for label in evidence_api.NUMBERS)
    own = reverse_path("router1.eth0", "vethrouter1")
    return of([closed_port(allowed=""), own, *bridged])


def failing() -> Json:
    """Return rules with an open port, one NIC's rules lost, and known gaps for others."""
    settings = {"builder1": "v4+v6none", "tenants_web1": "all", "web1": "bothnone"}
    return of([lxd_rules(label, setting=setting) for label, setting in settings.items()])


Rules = tuple[list[Json], str, str]  # objects, programs, the text of the tables


def of(parts: Sequence[Rules]) -> Json:
    """Return a rule set of several parts."""
    objects = [entry for found, _, _ in parts for entry in found]
    tables = [entry for entry in objects if "table" in entry]
    unique = list({json.dumps(entry): entry for entry in tables}.values())
    rest = [entry for entry in objects if "table" not in entry]
    nft = {"nftables": [{"metainfo": {"version": "1.0.6"}}, *unique, *rest]}
    listing = "".join(programs for _, programs, _ in parts)
    listing += "".join(dict.fromkeys(text for _, _, text in parts))
    return {
        "nft": text(json.dumps(nft)),
        "listing": text(listing),
        "shims": none(),
        "legacy": none(),
        "bridge": {"bridge-nf-call-ip6tables": "1", "bridge-nf-call-iptables": "1"},
    }


def text(printed: str, error: str = "") -> Json:
    """Return what a tool printed."""
    return {"text": printed, "error": error}


def none() -> Json:
    """Saves of tools that had nothing to print."""
    return {family: text("") for family in ("ip", "ip6", "bridge")}


def closed_port(port: int = evidence_api.PORT, *, allowed: str = ALLOWED) -> Rules:
    """Return a table that lets one network (or, with "", none) reach a port, and loopback."""
    tcp = match({"payload": {"protocol": "tcp", "field": "dport"}}, port)
    own = [match({"meta": {"key": "iifname"}}, "lo"), {"accept": None}]
    rules = [own, *([_from(allowed, tcp)] if allowed else []), [tcp, {"drop": None}]]
    place = {"family": "inet", "table": "api"}
    chain = {**place, "name": "in", "type": "filter", "hook": "input", "prio": 0}
    objects = [
        {"table": {"family": "inet", "name": "api", "handle": 1}},
        {"chain": {**chain, "handle": 1, "policy": "accept"}},
        *({"rule": {**place, "chain": "in", "handle": 2 + at, "expr": steps}}
          for at, steps in enumerate(rules)),
    ]  # fmt: skip
    return objects, "", "table inet api {\n\tchain in {\n\t}\n}\n"


def reverse_path(label: str, interface: str | int, *more: Json, result: str = "oif") -> Rules:
    """Return LXD's rule for a routed NIC: what has no way back by its interface is dropped.

    An interface that is gone is printed by its number. `more` are conditions besides. The result
    that is asked for is `oif` up to nft 1.1.3, and `check` since.
    """
    back = match({"fib": {"result": result, "flags": ["saddr", "iif"]}}, False)
    own = match({"meta": {"key": "iif"}}, interface)
    place = {"family": "inet", "table": "lxd"}
    name = f"prert.{label}"
    chain = {**place, "name": name, "type": "filter", "hook": "prerouting", "prio": -300}
    rule = {**place, "chain": name, "handle": 48, "expr": [own, *more, back, {"drop": None}]}
    objects = [
        {"table": {"family": "inet", "name": "lxd", "handle": 1}},
        {"chain": {**chain, "handle": 45, "policy": "accept"}},
        {"rule": rule},
    ]
    return objects, "", "table inet lxd {\n}\n"


def _from(allowed: str, tcp: Json) -> list[Json]:
    address, _, length = allowed.partition("/")
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    prefix = {"prefix": {"addr": address, "len": int(length)}}
    return [tcp, match(source, prefix), {"accept": None}]


def match(left: Json, right: object) -> Json:
    """Return one condition."""
    return {"match": {"op": "==", "left": left, "right": right}}


def lxd_rules(label: str, *, setting: str = "v4+v6none") -> Rules:
    """Return LXD's rules for the NIC `eth0` of an instance, by LXD's name for the instance.

    The setting is one of those recorded: `all`, `bothnone`, `mac`, ...
    """
    number = evidence_api.NUMBERS[label]
    objects, programs, interface = _recorded(setting)
    changes = {
        LABEL: f"{label}.eth0",
        interface: evidence_api.interface_of(label),
        MAC: evidence_api.mac(number),
        IPV4: evidence_api.ipv4(number),
        IPV6: evidence_api.ipv6(number),
        # As nft prints what it loads by offset.
        _number(MAC): _number(evidence_api.mac(number)),
        _hexadecimal(IPV6): _hexadecimal(evidence_api.ipv6(number)),
    }
    changed = _change(json.dumps(objects), changes)
    return json.loads(changed), _change(programs, changes), "table bridge lxd {\n}\n"


def xtables(label: str) -> Json:
    """Return what LXD's other driver writes for a NIC with all filters, and for no other."""
    number = evidence_api.NUMBERS[label]
    packed = ipaddress.IPv6Address(IPV6).packed.hex()
    changes = {
        "veth6c86b5f1": evidence_api.interface_of(label),
        MAC: evidence_api.mac(number),
        MAC.replace(":", ""): evidence_api.mac(number).replace(":", ""),
        IPV4: evidence_api.ipv4(number),
        IPV6: evidence_api.ipv6(number),
        packed: ipaddress.IPv6Address(evidence_api.ipv6(number)).packed.hex(),
    }
    found = json.loads(_change((RECORDED / "xtables.json").read_text(), changes))
    return {
        "nft": text(found["nft"]),
        "listing": text(found["listing"]),
        "shims": {family: text(saved) for family, saved in found["shims"].items()},
        "legacy": none(),
        "bridge": {"bridge-nf-call-ip6tables": "1", "bridge-nf-call-iptables": "1"},
    }


def _number(mac: str) -> str:
    return str(int(mac.replace(":", ""), 16))


def _hexadecimal(address: str) -> str:
    return f"0x{int(ipaddress.IPv6Address(address)):x}"


def _change(given: str, changes: dict[str, str]) -> str:
    pattern = "|".join(re.escape(each) for each in sorted(changes, key=len, reverse=True))
    return re.sub(pattern, lambda found: changes[found[0]], given)


@functools.cache
def _recorded(setting: str) -> tuple[list[Json], str, str]:
    """Objects and programs of the NIC that was recorded, and its interface."""
    document = json.loads((RECORDED / f"{setting}.json").read_text())["nftables"]
    objects = [entry for entry in document if "table" in entry or LABEL in json.dumps(entry)]
    rules = [entry["rule"] for entry in objects if "rule" in entry]
    interface: str = rules[0]["expr"][0]["match"]["right"]
    listing = (RECORDED / f"{setting}.listing").read_text()
    blocks = listing.partition("table ")[0].split("\n\n")
    programs = "".join(f"{block}\n\n" for block in blocks if LABEL in block.partition("\n")[0])
    return objects, programs, interface


def reservations() -> list[Json]:
    """Return `host.reservations`: an IPv4 address for every NIC on lxdbr0, which has no IPv6."""
    entries = {
        f"{label}.eth0": f"{evidence_api.mac(number)},{evidence_api.ipv4(number)},{label}\n"
        for label, number in evidence_api.NUMBERS.items()
    }
    return [{"network": "lxdbr0", "entries": entries}, {"network": "lxdbr1", "entries": {}}]
