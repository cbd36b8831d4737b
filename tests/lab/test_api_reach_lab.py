"""The command that LXD-API-03 prints closes the port, tried by real connections."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.checks.remote_api import exposure
from pytest_lxdsec.lab import scenario
from pytest_lxdsec.policy import policy_file
from pytest_lxdsec.verdict import Outcome
from tests.support import judging

from . import both_ways

ALLOWED = (ipaddress.ip_network("10.86.0.0/24"), ipaddress.ip_network("fd86:5ec::/64"))
PLACES = {
    "plain": "/1.0/instances/plain/state",
    "tenants": "/1.0/instances/twin/state?project=tenants",
}


FIREWALLS = {
    "nftables": f"nft delete table inet {exposure.TABLE}",
    "xtables": "nft delete table ip filter; nft delete table ip6 filter",
}


@pytest.fixture(params=sorted(FIREWALLS))
def closed(lab: labs.Lab, request: pytest.FixtureRequest) -> Iterator[labs.Lab]:
    """Yield the lab with its port closed to all networks except the tenants' bridge."""
    command = exposure.close([scenario.PORT], ALLOWED, firewall=request.param).command
    both_ways.run(lab, command)
    both_ways.run(lab, command)  # a second run changes nothing
    yield lab
    both_ways.run(lab, FIREWALLS[request.param])


def test_evaluator_agrees(closed: labs.Lab) -> None:
    site = policy_file.Policy(allowed_sources=ALLOWED)
    result = judging.judge(both_ways.see(closed), site=site)["LXD-API-03", "host"]
    assert result.verdict is Outcome.PASS, result.reason


def connects(lab: labs.Lab, address: str, place: str = "") -> bool:
    """Return True if a connection to the API succeeds from an instance's or the host's network."""
    enter = ""
    if place:
        pid = f'$(lxc query "{PLACES[place]}" | sed -n \'s/.*"pid": \\([0-9]*\\).*/\\1/p\')'
        enter = f"nsenter --target={pid} --net "
    script = f"{enter}timeout 1 bash -c '</dev/tcp/{address}/{scenario.PORT}'"
    return lab.shell(script).returncode == 0


def test_port_is_open_to_all_before(lab: labs.Lab) -> None:
    found = [connects(lab, scenario.BRIDGE_ADDRESS, place) for place in ("plain", "tenants", "")]
    assert found == [True, True, True]


def test_network_that_is_not_allowed_is_kept_out(closed: labs.Lab) -> None:
    assert not connects(closed, scenario.BRIDGE_ADDRESS, "plain")


def test_network_that_is_allowed_gets_in(closed: labs.Lab) -> None:
    assert connects(closed, "10.86.0.1", "tenants")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", scenario.BRIDGE_ADDRESS])
def test_host_itself_gets_in(closed: labs.Lab, address: str) -> None:
    assert connects(closed, address)
