"""Probes on all kinds of bridges: of one family, without DHCP, stateless, unmanaged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import pytest

from pytest_lxdsec.lab import scenarios
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Outcome
from tests.support import judging

from . import both_ways, probing, required

SCENARIO = dataclasses.replace(
    scenarios.BARE,
    name="bridges",
    instances=(scenarios.Instance(name="many", state=scenarios.State.STOPPED),),
)
IPV4, IPV6 = "security.ipv4_filtering=true", "security.ipv6_filtering=true"
BOTH = f"{IPV4} {IPV6}"
NETWORKS = {
    "v4only": "ipv4.address=10.91.1.1/24 ipv6.address=none",
    "v6only": "ipv4.address=none ipv6.address=fd91:1::1/64",
    "stateless": "ipv4.address=10.91.2.1/24 ipv6.address=fd91:2::1/64",
    "stateful": "ipv4.address=10.91.4.1/24 ipv6.address=fd91:4::1/64 ipv6.dhcp.stateful=true",
    "small": "ipv4.address=10.91.5.1/29 ipv6.address=none",
    "nodhcp": "ipv4.address=10.91.3.1/24 ipv4.dhcp=false "
    "ipv6.address=fd91:3::1/64 ipv6.dhcp=false",
}
# By bridge: the NIC's settings, and the result of LXD-BRI-12: a pass, or LXD's known gap.
NICS = {
    "v4only": (BOTH, ""),
    "v6only": (BOTH, "LXD-BRI-07"),
    "stateless": (BOTH, "LXD-BRI-07"),
    "stateful": (BOTH, "LXD-BRI-07"),
    "small": (IPV4, ""),
    "nodhcp": (BOTH, "LXD-BRI-08"),
    "br7": ("security.mac_filtering=true", ""),
    "br8": (f"{IPV4} ipv4.address=192.0.2.9", ""),
    "br9": (f"{BOTH} ipv4.address=192.0.2.9 ipv6.address=2001:db8::9", "LXD-BRI-07"),
}


@pytest.fixture(scope="module")
def probed() -> Iterator[tuple[Mapping[both_ways.Key, Result], str]]:
    """Return the results for every NIC, and the leftovers of the probes."""
    with required.throw_away(SCENARIO) as lab:
        script = [f"lxc network create {name} {config}" for name, config in NETWORKS.items()]
        own = [name for name in NICS if name not in NETWORKS]
        script += [f"ip link add {name} type bridge && ip link set {name} up" for name in own]
        for name, (settings, _) in NICS.items():
            where = f"network={name}" if name in NETWORKS else f"nictype=bridged parent={name}"
            script.append(f"lxc config device add many {name} nic {where} {settings}")
        done = lab.shell(" && ".join(script))
        assert done.returncode == 0, done.stderr.decode()
        yield judging.judge(probing.probed(lab)), probing.left(lab)


@pytest.mark.parametrize("bridge", NICS)
def test_frames_are_tried_on_every_bridge(
    probed: tuple[Mapping[both_ways.Key, Result], str], bridge: str
) -> None:
    result, gap = probed[0]["LXD-BRI-12", f"nic/default/many/{bridge}"], NICS[bridge][1]
    if not gap:
        assert result.verdict is Outcome.PASS, judging.text(result)
    else:
        assert f"not in the configuration ({gap};" in result.reason


@pytest.mark.parametrize("network", NETWORKS)
def test_names_are_tried_where_addresses_are_given_out(
    probed: tuple[Mapping[both_ways.Key, Result], str], network: str
) -> None:
    result = probed[0]["LXD-BRI-13", f"network/default/{network}"]
    gives = network not in {"v6only", "nodhcp"}
    assert result.verdict is (Outcome.FAIL if gives else Outcome.NOT_APPLICABLE), judging.text(
        result
    )
    assert not gives or "a gap of LXD's own and not of the configuration" in judging.text(result)


def test_nothing_stays_on_any_bridge(
    probed: tuple[Mapping[both_ways.Key, Result], str],
) -> None:
    assert probed[1] == ""
