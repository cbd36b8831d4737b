"""The sweep's routes and dnsmasq processes match the output of `ip` and LXD's own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.lab import scenario

from . import sweeping

TABLES = {"main": 254, "local": 255}
PROTOCOLS = {"kernel": 2, "boot": 3, "ra": 9}


@pytest.fixture(scope="module")
def facts(lab: labs.Lab) -> Mapping[str, Any]:
    return {name: part["value"] for name, part in sweeping.parts(lab).items() if "value" in part}


def by_ip(lab: labs.Lab, version: int) -> set[tuple[str, str, str, int, int]]:
    """Return the routes to single addresses and those through a veth, from the output of `ip`."""
    printed = lab.shell(f"ip -{version} -j route show table all").stdout
    links = json.loads(lab.shell("ip -j link show type veth").stdout)
    pairs = {link["ifname"] for link in links}
    width = 32 if version == 4 else 128
    found = set()
    for route in json.loads(printed):
        kind = route.get("type", "unicast")
        to = route["dst"] if "/" in route["dst"] else f"{route['dst']}/{width}"
        is_host = to.endswith(f"/{width}") or route["dev"] in pairs or kind == "local"
        if kind in ("unicast", "local") and is_host:
            table = TABLES[route.get("table", "main")]
            protocol = PROTOCOLS[route.get("protocol", "boot")]
            found.add((to, kind, route["dev"], table, protocol))
    return found


@pytest.mark.parametrize("version", [4, 6])
def test_routes_are_those_of_ip(lab: labs.Lab, facts: Mapping[str, Any], version: int) -> None:
    found = {
        (r["to"], r["kind"], r["interface"], r["table"], r["protocol"])
        for r in facts["host.routes"]
        if (":" in r["to"]) is (version == 6)
    }
    assert found == by_ip(lab, version)


def test_routed_nic_has_the_routes_of_its_addresses(facts: Mapping[str, Any]) -> None:
    found = {route["to"] for route in facts["host.routes"] if route["table"] == TABLES["main"]}
    assert found > {"192.0.2.50/32", "2001:db8:5::50/128"}


def test_each_bridge_has_the_name_server_that_lxd_recorded(facts: Mapping[str, Any]) -> None:
    found = facts["host.name_servers"]
    assert [r["network"] for r in found["recorded"]] == [scenario.BRIDGE, scenario.TENANTS_BRIDGE]
    for recorded, server in zip(found["recorded"], found["servers"], strict=True):
        assert f"\npid: {server['own_pid']}\n" in recorded["text"]
        assert server["is_with_daemon"]
        assert {s["interface"] for s in server["sockets"]} == {"", recorded["network"]}
