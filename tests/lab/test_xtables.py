"""The rules that LXD writes with ebtables and ip6tables if there is no nft."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Finding, Outcome
from tests.support import judging

from . import both_ways, kernel_agreement, required, xtables

SETTINGS = ("mac", "ipv4", "ipv6", "all", "bothnone", "v4+v6none")
# The controls that fail on LXD's own rules, by gaps that no configuration closes.
GAPS = {
    "mac": ("LXD-BRI-06",),
    "ipv4": ("LXD-BRI-06",),
    "ipv6": ("LXD-BRI-06", "LXD-BRI-07"),
    "all": ("LXD-BRI-06", "LXD-BRI-07"),
    "bothnone": ("LXD-BRI-08",),
    "v4+v6none": ("LXD-BRI-06",),
}
FLUSH = "nft flush chain ip6 filter lxd_nic_lxdbr0"


@pytest.fixture(scope="module")
def lab() -> Iterator[labs.Lab]:
    """Yield a lab with an instance of every setting."""
    instances = tuple(labs.scenarios.Instance(name=instance(each)) for each in SETTINGS)
    scenario = dataclasses.replace(labs.scenarios.BARE, instances=instances)
    with required.throw_away(scenario) as here:
        xtables.switch(here)
        for number, setting in enumerate(SETTINGS, 1):
            set_filters(here, setting, number)
        yield here


def set_filters(lab: labs.Lab, setting: str, number: int) -> None:
    """Set the filters on an existing NIC; LXD 5.0.2 starts no NIC with the address "none"."""
    device = {
        **kernel_agreement.DEVICE,
        "ipv4.address": f"10.85.3.{number}",
        "ipv6.address": f"fd85:5ec::3:{number}",
        **kernel_agreement.SETTINGS[setting],
    }
    body = {"devices": {"eth0": device}}
    kernel_agreement.query(lab, "PATCH", f"/1.0/instances/{instance(setting)}", body)


def instance(setting: str) -> str:
    return f"has-{setting.replace('+', '-')}"


def subject(setting: str) -> str:
    return f"nic/default/{instance(setting)}/eth0"


def results(lab: labs.Lab, setting: str) -> dict[str, Result]:
    verdicts = judging.judge(both_ways.see(lab))
    return {
        control: result
        for (control, about), result in verdicts.items()
        if about == subject(setting) and control in {"LXD-BRI-06", "LXD-BRI-07", "LXD-BRI-08"}
    }


def finding(result: Result) -> Finding:
    assert result.finding is not None, judging.text(result)
    return result.finding


@pytest.fixture(scope="module")
def stock(lab: labs.Lab) -> dict[str, dict[str, Result]]:
    """Return the results for LXD's own rules."""
    return {setting: results(lab, setting) for setting in SETTINGS}


@pytest.mark.parametrize("setting", SETTINGS)
def test_stock_rules_fall_short_where_it_is_known_and_nowhere_else(
    stock: dict[str, dict[str, Result]], setting: str
) -> None:
    failed = {name: r for name, r in stock[setting].items() if r.verdict is Outcome.FAIL}
    assert tuple(failed) == GAPS[setting]
    assert {finding(each).origin[:11] for each in failed.values()} == {"LXD itself:"}
    assert Outcome.ERROR not in {each.verdict for each in stock[setting].values()}


@pytest.mark.parametrize("setting", ["ipv6", "all", "bothnone", "mac"])
def test_rules_of_the_findings_close_the_gaps(
    lab: labs.Lab, stock: dict[str, dict[str, Result]], setting: str
) -> None:
    commands = [finding(stock[setting][name]).remedy.command for name in GAPS[setting]]
    for command in commands:
        both_ways.run(lab, command)
    try:
        outcomes = {name: each.verdict for name, each in results(lab, setting).items()}
        assert {outcomes[name] for name in GAPS[setting]} == {Outcome.PASS}
    finally:
        for command in commands:
            is_nft = command.startswith("nft")
            undo = "nft delete table bridge lxd_gap" if is_nft else command.replace(" -I ", " -D ")
            both_ways.run(lab, undo)


def test_lost_rules_of_ip6tables_are_found_and_brought_back(lab: labs.Lab) -> None:
    both_ways.run(lab, FLUSH)
    lost = finding(results(lab, "all")["LXD-BRI-07"])
    assert lost.observed.startswith("ip6tables has no rule about veth")
    both_ways.run(lab, lost.remedy.command)
    again = finding(results(lab, "all")["LXD-BRI-07"])
    assert again.origin.startswith("LXD itself:")


def test_rules_that_see_no_frame_are_found_and_shown_them_again(lab: labs.Lab) -> None:
    both_ways.run(lab, "sysctl -w net.bridge.bridge-nf-call-ip6tables=0")
    blind = finding(results(lab, "all")["LXD-BRI-07"])
    assert blind.observed.startswith("net.bridge.bridge-nf-call-ip6tables is off: ")
    both_ways.run(lab, blind.remedy.command)
    assert finding(results(lab, "all")["LXD-BRI-07"]).origin.startswith("LXD itself:")


def test_lost_rules_of_ebtables_are_found_and_brought_back(lab: labs.Lab) -> None:
    both_ways.run(lab, "nft flush chain bridge filter FORWARD")
    lost = finding(results(lab, "ipv4")["LXD-BRI-06"])
    assert "reaches other instances: " in lost.observed
    both_ways.run(lab, lost.remedy.command)
    assert finding(results(lab, "ipv4")["LXD-BRI-06"]).origin.startswith("LXD itself:")
