"""LXD-BRI-06 and LXD-BRI-07 on hosts with many filtered NICs: seconds and peak memory.

Run by hand: `python -m tests.bench.spoofing [SIZE ...]`. Each line is a process of its own, since
the peak of a process does not fall again. `decode` is the reading of the rules, which no search
can save; `judge` is all that comes after it.

Kinds of hosts:
    nft: LXD's rules with its nftables driver, all filters on, as nft 1.0.6 prints them.
    xtables: LXD's rules with its older driver.
    map: `nft`, and a chain of the site's whose set has each port with its MAC address.
    open: `nft`, and an accept for one UDP port in front of each NIC's rules.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from pytest_lxdsec.checks.bridged_nics import allowed_addresses
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.inventory import host_ruleset, nics
from pytest_lxdsec.session import catalogue
from pytest_lxdsec.verdict import CannotTell
from tests.support import evidence_api, evidence_documents, evidence_filters, evidence_sweep
from tests.support.evidence_documents import Document

SIZES = (1, 50, 1000)
CONTROLS = ("LXD-BRI-06", "LXD-BRI-07")
Json = dict[str, Any]


def label(number: int) -> str:
    return f"c{number:04}"


def interface(number: int) -> str:
    return f"veth{number:08x}"


def mac(number: int) -> str:
    return (0x00163E000000 + number * 7).to_bytes(6, "big").hex(":")


def ipv4(number: int) -> str:
    return f"10.10.{1 + number // 250}.{1 + number % 250}"


def ipv6(number: int) -> str:
    return f"fd42::216:3eff:{number:x}:1"


def rewrite(text: str, number: int) -> str:
    """Text about web1's NIC, about another."""
    old = evidence_api.NUMBERS["web1"]
    address = f"{int.from_bytes(bytes.fromhex(mac(number).replace(':', '')), 'big')}"
    pairs = {
        "web1.eth0": f"{label(number)}.eth0",
        evidence_api.interface_of("web1"): interface(number),
        evidence_api.mac(old).replace(":", ""): mac(number).replace(":", ""),
        evidence_api.mac(old): mac(number),
        str(int(evidence_api.mac(old).replace(":", ""), 16)): address,
        evidence_api.ipv4(old): ipv4(number),
        evidence_api.ipv6(old): ipv6(number),
        _packed(evidence_api.ipv6(old)): _packed(ipv6(number)),
    }
    return evidence_filters._change(text, pairs)


def _packed(address: str) -> str:
    return evidence_filters._hexadecimal(address).removeprefix("0x")


def nft(size: int) -> Json:
    objects, programs, tables = evidence_filters.lxd_rules("web1", setting="all")
    text = json.dumps([one for one in objects if "table" not in one])
    every: list[Json] = [one for one in objects if "table" in one]
    for number in range(size):
        every += json.loads(rewrite(text, number))
    listing = "".join(rewrite(programs, number) for number in range(size))
    return evidence_filters.of([(every, listing, tables)])


def xtables(size: int) -> Json:
    one = evidence_filters.xtables("web1")["shims"]
    port = evidence_api.interface_of("web1")
    many = {}
    for family, saved in one.items():
        lines = []
        for line in saved["text"].splitlines():
            # All NICs' rules stand where the one NIC's first rule of the chain stood.
            own = [line]
            if port in line:
                own = [rewrite(line, number) for number in range(size)]
            lines += own
        many[family] = evidence_filters.text("\n".join(lines) + "\n")
    nothing = evidence_filters.text(json.dumps({"nftables": []}))
    return {**nft(0), "nft": nothing, "listing": evidence_filters.text(""), "legacy": many}


def with_map(size: int) -> Json:
    place = {"family": "bridge", "table": "site"}
    source = {"payload": {"protocol": "ether", "field": "saddr"}}
    pairs = [{"concat": [interface(number), mac(number)]} for number in range(size)]
    known = {
        "match": {
            "op": "!=",
            "left": {"concat": [{"meta": {"key": "iifname"}}, source]},
            "right": {"set": pairs},
        }
    }
    hook = {"type": "filter", "hook": "forward", "prio": -300, "policy": "accept"}
    return _more(nft(size), [
        {"table": {"family": "bridge", "name": "site", "handle": 1}},
        {"chain": {**place, "name": "ports", "handle": 1, **hook}},
        {"rule": {**place, "chain": "ports", "handle": 2, "expr": [known, {"drop": None}]}},
    ])  # fmt: skip


def opened(size: int) -> Json:
    port = evidence_filters.match({"payload": {"protocol": "udp", "field": "dport"}}, 5353)
    found = json.loads(nft(size)["nft"]["text"])
    changed: list[Json] = []
    before: set[str] = set()
    for one in found["nftables"]:
        rule = one.get("rule")
        if rule and rule["chain"] not in before and rule["chain"].startswith("in."):
            before.add(rule["chain"])
            steps = [rule["expr"][0], port, {"accept": None}]
            changed.append({"rule": {**rule, "handle": 9999, "expr": steps}})
        changed.append(one)
    return {**nft(size), "nft": evidence_filters.text(json.dumps({"nftables": changed}))}


def _more(filters: Json, objects: list[Json]) -> Json:
    found = json.loads(filters["nft"]["text"])
    found["nftables"] += objects
    return {**filters, "nft": evidence_filters.text(json.dumps(found))}


KINDS: dict[str, Callable[[int], Json]] = {
    "nft": nft,
    "xtables": xtables,
    "map": with_map,
    "open": opened,
}


def document(kind: str, size: int) -> Document:
    """The evidence of a host with so many filtered NICs on `lxdbr0`."""
    changed = evidence_documents.baseline()
    on = dict.fromkeys(allowed_addresses.IP_KEYS.values(), "true")
    device = {"type": "nic", "name": "eth0", "network": "lxdbr0", **on}
    template = next(one for one in evidence_api.instances() if one["name"] == "web1")
    instances: list[Json] = []
    entries: Json = {}
    links = [one for one in evidence_sweep.links() if not one["master"]]
    for number in range(size):
        config = {
            **template["expanded_config"],
            "volatile.eth0.host_name": interface(number),
            "volatile.eth0.hwaddr": mac(number),
        }
        devices = {**template["expanded_devices"], "eth0": device}
        own: Json = {"config": config, "expanded_config": config}
        own |= {"devices": devices, "expanded_devices": devices, "name": label(number)}
        instances.append({**template, **own})
        line = f"{mac(number)},{ipv4(number)},[{ipv6(number)}],{label(number)}\n"
        entries[f"{label(number)}.eth0"] = line
        links.append(evidence_sweep.link(interface(number), 100 + number, "veth", master=4))
        links[-1]["mac"] = "02:00:00:00:00:99"
    parts = {
        "instances": instances,
        "host.links": links,
        "host.reservations": [{"network": "lxdbr0", "entries": entries}],
        "host.filters": KINDS[kind](size),
    }
    for name, value in parts.items():
        changed = evidence_documents.patch(changed, name, to={"value": value})
    bridge = ("networks", "default/lxdbr0", "config", "ipv6.address")
    changed = evidence_documents.patch(changed, *bridge, to="fd42::1/64")
    driver = "xtables" if kind == "xtables" else "nftables"
    where = ("server", "environment", "firewall")
    return evidence_documents.patch(changed, *where, to=driver)


def measure(kind: str, size: int) -> str:
    """One line of the table."""
    seen = evidence_documents.evidence(document(kind, size))
    before = _peak()
    decoding = _seconds(lambda: host_ruleset.ruleset(seen))
    found: Counter[str] = Counter()
    judging = _seconds(lambda: found.update(_judge(seen)))
    verdicts = ", ".join(f"{number} {what}" for what, number in sorted(found.items()))
    return (
        f"{kind:>8}{size:>6}{decoding:>9.2f}{judging:>9.2f}"
        f"{before:>10.0f}{_peak():>8.0f}  {verdicts}\n"
    )


def _judge(seen: Evidence) -> Counter[str]:
    found: Counter[str] = Counter()
    controls = [each for each in catalogue.packaged() if each.id in CONTROLS]
    networks = {(each.project, each.name): each for each in seen.networks.complete()}
    for instance in seen.instances.complete():
        for nic in nics.of(instance, networks):
            for each in controls:
                try:
                    outcome = each.judge(lxd_nic=nic, lxd_evidence=seen).outcome.value
                except CannotTell as error:
                    outcome = f"cannot tell ({error})"
                found[f"{each.id} {outcome}"] += 1
    return found


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    given = sys.argv[1:]
    if given[:1] == ["one"]:
        sys.stdout.write(measure(given[1], int(given[2])))
        return
    sys.stdout.write("    kind  NICs   decode    judge  MB before    peak  verdicts\n")
    for size in tuple(map(int, given)) or SIZES:
        for kind in KINDS:
            command = [sys.executable, "-m", "tests.bench.spoofing", "one", kind, str(size)]
            sys.stdout.write(subprocess.run(command, check=True, stdout=-1, text=True).stdout)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
