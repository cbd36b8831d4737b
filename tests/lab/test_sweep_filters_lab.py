"""The sweep's packet filters and interfaces match the output of the host's own tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import model, network_facts
from pytest_lxdsec.evidence import parts as kinds
from pytest_lxdsec.lab import scenario

from . import sweeping


@pytest.fixture(scope="module")
def parts(lab: labs.Lab) -> Mapping[str, Mapping[str, Any]]:
    return sweeping.parts(lab)


def value(parts: Mapping[str, Mapping[str, Any]], part: str) -> Any:
    return parts[part]["value"]


def printed(lab: labs.Lab, command: str) -> str:
    done = lab.shell(command)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_rules_are_those_of_the_daemons_network(
    lab: labs.Lab, parts: Mapping[str, Mapping[str, Any]]
) -> None:
    found = value(parts, "host.filters")
    assert json.loads(found["nft"]["text"]) == json.loads(printed(lab, "nft -j list ruleset"))
    assert f'"in.{scenario.FILTERED}.eth0"' in found["nft"]["text"]


def test_listing_shows_the_loads_of_the_rules(
    lab: labs.Lab, parts: Mapping[str, Mapping[str, Any]]
) -> None:
    found = value(parts, "host.filters")["listing"]["text"]
    assert found == printed(lab, "nft --debug=netlink list ruleset")


def test_to_ask_makes_no_table(lab: labs.Lab) -> None:
    before = printed(lab, "nft list tables; cat /proc/net/ip*_tables_names")
    sweeping.parts(lab)
    assert printed(lab, "nft list tables; cat /proc/net/ip*_tables_names") == before


def test_interfaces_are_those_that_ip_lists(
    lab: labs.Lab, parts: Mapping[str, Mapping[str, Any]]
) -> None:
    listed = json.loads(printed(lab, "ip -j -d address"))
    indexes = {one["ifname"]: one["ifindex"] for one in listed} | {None: 0}
    wanted = {
        one["ifname"]: (
            one["ifindex"],
            one.get("linkinfo", {}).get("info_kind", ""),
            one["address"],
            indexes[one.get("master")],
            sorted(f"{each['local']}/{each['prefixlen']}" for each in one["addr_info"]),
        )
        for one in listed
    }
    found = {
        one["name"]: (one["index"], one["kind"], one["mac"], one["master"], one["addresses"])
        for one in value(parts, "host.links")
    }
    assert found == wanted


def test_loopback_is_known(parts: Mapping[str, Mapping[str, Any]]) -> None:
    loopback = [one["name"] for one in value(parts, "host.links") if one["is_loopback"]]
    assert loopback == ["lo"]


def test_filtered_nic_has_an_address_reserved(
    lab: labs.Lab, parts: Mapping[str, Mapping[str, Any]]
) -> None:
    [found] = (one for one in value(parts, "host.reservations") if one["network"] == "lxdbr0")
    name = f"{scenario.FILTERED}.eth0"
    mac = printed(lab, f"lxc config get {scenario.FILTERED} volatile.eth0.hwaddr").strip()
    assert found["entries"][name].startswith(f"{mac},10.85.")


@pytest.mark.parametrize(
    ("add", "family"),
    [
        ("iptables-nft -A INPUT -m quota --quota 5 -j ACCEPT", "ip"),
        ("ip6tables-nft -A INPUT -m quota --quota 5 -j ACCEPT", "ip6"),
        ("ebtables-nft -A INPUT -p ARP --limit 5 -j ACCEPT", "bridge"),
    ],
)
def test_shim_prints_rules_that_nft_cannot_print(lab: labs.Lab, add: str, family: str) -> None:
    undo = add.replace("-A INPUT", "-D INPUT", 1)
    if lab.shell(add).returncode != 0:
        pytest.skip(f"not possible here: {add}")
    try:
        found = value(sweeping.parts(lab), "host.filters")
        if '"xt"' not in found["nft"]["text"]:
            pytest.skip("nft prints such a rule in full")
        assert "-A INPUT" in found["shims"][family]["text"]
    finally:
        printed(lab, undo)
        lab.shell(f"nft delete table {family} filter")


def test_sections_are_decoded(parts: Mapping[str, Mapping[str, Any]]) -> None:
    for part in ("host.filters", "host.links", "host.reservations"):
        found = model.PARTS[part].decode(parts[part])
        assert not isinstance(found, kinds.Absent), found
    links = model.PARTS["host.links"].decode(parts["host.links"])
    assert isinstance(links, tuple)
    assert isinstance(links[0], network_facts.Link)
