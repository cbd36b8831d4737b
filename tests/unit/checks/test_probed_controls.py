"""What LXD-BRI-12, LXD-BRI-13 and LXD-RTD-04 make of what probes have seen."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_documents, evidence_trials, judging
from tests.support.evidence_documents import Document, attach, baseline, patch

WEB = "nic/default/web1/eth0"
ROUTER = "nic/default/router1/eth0"
BRIDGE = "network/default/lxdbr0"
V6 = {"ipv4.address": "10.10.10.1/24", "ipv6.address": "fd42::1/64"}
FILTERS = {name: f"security.{name}_filtering" for name in ("mac", "ipv4", "ipv6")}


def verdict(control: str, subject: str, document: Document) -> Result:
    return judging.judge(evidence_documents.evidence(document))[control, subject]


def frames(document: Document) -> Result:
    return verdict("LXD-BRI-12", WEB, document)


def names(document: Document) -> Result:
    return verdict("LXD-BRI-13", BRIDGE, document)


def sources(document: Document) -> Result:
    return verdict("LXD-RTD-04", ROUTER, document)


def with_setting(setting: str, *, measured: str = "") -> Document:
    """Return a NIC with a setting on a dual-stack bridge, and the probe's result."""
    document = patch(baseline(), "networks", "default/lxdbr0", "config", to=V6)
    on, without = evidence_trials.SETTINGS[setting]
    device = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
    device |= {FILTERS[name]: "true" for name in on}
    device |= {f"{family}.address": "none" for family in without}
    document = attach(document, "default/web1", "eth0", device)
    trial = evidence_trials.bridged(setting, measured=measured)
    return patch(document, "trials", "bridged", to=[trial])


# --- without probes ------------------------------------------------------------------------------


@pytest.mark.parametrize("judge", [frames, names, sources])
def test_without_probes_nothing_is_assessed(judge: Any) -> None:
    document = patch(baseline(), "trials", to={"not_assessed": "ask for them with --lxd-probe"})
    result = judge(document)
    assert result.verdict is Outcome.NOT_ASSESSED
    assert "--lxd-probe" in result.reason


# --- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["mac", "ipv4", "v4+v6none"])
def test_setting_without_a_gap_passes(setting: str) -> None:
    assert frames(with_setting(setting)).verdict is Outcome.PASS


@pytest.mark.parametrize(
    ("setting", "gap"),
    [
        ("ipv6", "LXD-BRI-07"),
        ("all", "LXD-BRI-07"),
        ("v4none", "LXD-BRI-08"),
        ("v6none", "LXD-BRI-08"),
        ("bothnone", "LXD-BRI-08"),
    ],
)
def test_gap_of_lxd_is_told_from_a_fault_of_the_configuration(setting: str, gap: str) -> None:
    result = frames(with_setting(setting))
    assert result.verdict is Outcome.FAIL
    assert f"the gaps are in LXD itself, not in the configuration ({gap};" in result.reason


def test_fixed_lxd_passes_without_a_change_here() -> None:
    """A LXD that drops what its rules let through today, as where there is no IPv6."""
    fixed = with_setting("all")
    lines = evidence_trials.lines("all", "all")
    held = [line.replace(" LHP ", " L ") if line.startswith("na_") else line for line in lines]
    fixed = patch(fixed, "trials", "bridged", 0, "frames", to="".join(held))
    assert frames(fixed).verdict is Outcome.PASS


@pytest.mark.parametrize("setting", ["mac", "ipv4", "ipv6", "all", "v4none", "v6none", "bothnone"])
def test_rules_that_hold_nothing_are_no_gap(setting: str) -> None:
    """After a flush everything gets through: LXD's known gaps must not excuse it."""
    result = frames(with_setting(setting, measured="none"))
    assert result.verdict is Outcome.FAIL
    assert "no known gap in LXD explains" in result.reason
    assert "lxc restart web1" in judging.text(result)


def test_finding_tells_each_frame_on_a_line() -> None:
    lines = judging.text(frames(with_setting("mac", measured="none"))).splitlines()
    told = [line for line in lines if line.startswith("          - reaches")]
    assert any(
        "ARP announcement" in line and "the host and other instances" in line for line in told
    )
    assert len(told) > 5


def test_command_closes_the_gap_of_advertisements() -> None:
    result = frames(with_setting("ipv6"))
    assert (
        "lxc config device set web1 eth0 security.ipv4_filtering=true ipv6.address=none"
        in judging.text(result)
    )


def test_command_gives_back_the_address_that_the_rules_need() -> None:
    assert "lxc config device set web1 eth0 ipv4.address= " in judging.text(
        frames(with_setting("v4none"))
    )


def test_command_gives_the_network_addresses_where_it_has_none() -> None:
    document = with_setting("v4none")
    bare = {"ipv4.address": "none", "ipv6.address": "fd42::1/64"}
    document = patch(document, "networks", "default/lxdbr0", "config", to=bare)
    assert (
        "lxc network set lxdbr0 ipv4.address=auto ipv4.dhcp=true --project default && "
        in judging.text(frames(document))
    )


def test_filter_that_lxd_does_not_take_for_on_is_none() -> None:
    device = {**evidence_api.BRIDGED, **dict.fromkeys(FILTERS.values(), "enabled")}
    result = frames(attach(baseline(), "default/web1", "eth0", device))
    assert result.verdict is Outcome.NOT_APPLICABLE
    assert "LXD-BRI-03" in result.reason


def test_ip_filter_alone_is_the_setting_with_the_mac_filter() -> None:
    document = with_setting("ipv4")
    device = {"type": "nic", "name": "eth0", "network": "lxdbr0", FILTERS["ipv4"]: "true"}
    assert frames(attach(document, "default/web1", "eth0", device)).verdict is Outcome.PASS


def test_bridge_without_dhcp_is_a_setting_without_addresses() -> None:
    document = with_setting("ipv4")
    document = patch(document, "networks", "default/lxdbr0", "config", "ipv4.dhcp", to="false")
    result = frames(document)
    assert (result.verdict, "were not tried" in result.reason) == (Outcome.ERROR, True)


def test_managed_parent_is_that_network() -> None:
    document = with_setting("mac")
    device = {"type": "nic", "nictype": "bridged", "parent": "lxdbr0", FILTERS["mac"]: "true"}
    assert frames(attach(document, "default/web1", "eth0", device)).verdict is Outcome.PASS


def test_vlan_is_never_taken_over() -> None:
    device = {**evidence_api.BRIDGED, "vlan": "7"}
    result = frames(attach(baseline(), "default/web1", "eth0", device))
    assert (result.verdict, "VLAN" in result.reason) == (Outcome.ERROR, True)


def changed_frames(kind: str, seen: str) -> Document:
    lines = evidence_trials.lines("all", "all")
    text = "".join(
        f"{kind} {seen} {line.split()[2]}\n" if line.split()[0] == kind else line for line in lines
    )
    return patch(with_setting("all"), "trials", "bridged", 0, "frames", to=text)


@pytest.mark.parametrize("seen", ["LH", "LP", "L"])
def test_legitimate_frame_that_does_not_arrive_tells_nothing(seen: str) -> None:
    result = frames(changed_frames("legit_ipv4_udp", seen))
    assert result.verdict is Outcome.ERROR
    assert "a legitimate frame did not reach" in result.reason


def test_frame_that_did_not_leave_tells_nothing() -> None:
    result = frames(changed_frames("mac_spoof_ipv4", "-"))
    assert (result.verdict, "did not leave" in result.reason) == (Outcome.ERROR, True)


@pytest.mark.parametrize("receiver", ["H", "P"])
def test_one_receiver_is_enough(receiver: str) -> None:
    result = frames(changed_frames("mac_spoof_ipv4", f"L{receiver}"))
    assert "no known gap in LXD explains 1 of them" in result.reason


@pytest.mark.parametrize(
    "text",
    ["", "legit_garp LHP 00\n", "legit_garp LHP zz\n", "legit_garp HPL ffff\n", "\n"],
)
def test_list_of_frames_that_is_not_whole_tells_nothing(text: str) -> None:
    document = patch(with_setting("all"), "trials", "bridged", 0, "frames", to=text)
    assert frames(document).verdict is Outcome.ERROR


@pytest.mark.parametrize("kind", ["legit_garp", "mac_spoof_ipv4", "mpls_8847"])
def test_every_kind_must_have_been_tried(kind: str) -> None:
    lines = evidence_trials.lines("mac", "mac")
    text = "".join(line for line in lines if not line.startswith(kind))
    document = patch(with_setting("mac"), "trials", "bridged", 0, "frames", to=text)
    result = frames(document)
    assert (result.verdict, f"not tried, {kind}" in result.reason) == (Outcome.ERROR, True)


def test_probe_that_failed_says_why() -> None:
    document = patch(baseline(), "trials", "bridged", 0, "error", to="no image")
    result = frames(document)
    assert result.verdict is Outcome.ERROR
    assert "no probe on lxdbr0: no image" in result.reason


def test_older_driver_holds_advertisements_behind_where_the_host_is_seen() -> None:
    document = changed_frames("na_spoof_target_ownsrc", "LH")
    for kind in ("na_own_target_vicsrc", "na_noopt_spoof_ownsrc", "na_spoof_exthdr_llsrc"):
        text = evidence_documents.value(document, "trials", "bridged", 0, "frames")
        document = patch(
            document, "trials", "bridged", 0, "frames",
            to=text.replace(f"{kind} LHP", f"{kind} LH"),
        )  # fmt: skip
    for kind in ("na_spoof_exthdr_vicsrc", "na_spoof_exthdr_ownsrc"):
        text = evidence_documents.value(document, "trials", "bridged", 0, "frames")
        text = text.replace(f"{kind} LHP", f"{kind} LH")
        document = patch(document, "trials", "bridged", 0, "frames", to=text)
    assert frames(document).verdict is Outcome.FAIL
    older = patch(document, "server", "environment", "firewall", to="xtables")
    assert frames(older).verdict is Outcome.PASS


# --- names ---------------------------------------------------------------------------------------


def with_names(**seen: str) -> Document:
    entry = evidence_trials.names("lxdbr0", **seen)
    return patch(baseline(), "trials", "names", 0, to=entry)


def test_names_that_stay_out_of_the_dns_pass() -> None:
    assert names(with_names()).verdict is Outcome.PASS


def test_name_of_a_stranger_is_a_gap_of_lxd() -> None:
    result = names(with_names(foreign="10.10.10.9"))
    assert "a gap of LXD's own and not of the configuration" in result.reason
    assert "lxc network set lxdbr0 dns.mode=none" in judging.text(result)


def test_names_that_clients_choose_are_the_configurations_fault() -> None:
    result = names(with_names(claimed="10.10.10.200", mode="dynamic"))
    assert "as dns.mode asks for" in result.reason
    assert "lxc network set lxdbr0 dns.mode=managed" in judging.text(result)


def test_false_name_fails_whatever_the_mode() -> None:
    result = names(with_names(claimed="10.10.10.200"))
    assert "became its record" in result.reason


@pytest.mark.parametrize("mode", ["", "managed", "dynamic"])
def test_own_name_that_is_missing_tells_nothing(mode: str) -> None:
    document = with_names(mode=mode)
    gone = evidence_trials.answer("")
    document = patch(document, "trials", "names", 0, "legitimate", to=gone)
    result = names(document)
    assert (result.verdict, "own name is not in the DNS" in result.reason) == (
        Outcome.ERROR,
        True,
    )


def test_bridge_that_gives_no_names_passes() -> None:
    document = with_names(mode="none")
    refused = {"code": "REFUSED", "address": ""}
    for role in ("legitimate", "claimed", "foreign"):
        document = patch(document, "trials", "names", 0, role, to=refused)
    assert names(document).verdict is Outcome.PASS


@pytest.mark.parametrize("role", ["claimed", "foreign"])
def test_answer_that_is_none_tells_nothing(role: str) -> None:
    failed = {"code": "SERVFAIL", "address": ""}
    document = patch(with_names(), "trials", "names", 0, role, to=failed)
    assert names(document).verdict is Outcome.ERROR


def test_network_without_dhcp_is_not_applicable() -> None:
    document = patch(baseline(), "networks", "default/lxdbr0", "config", "ipv4.dhcp", to="false")
    assert names(document).verdict is Outcome.NOT_APPLICABLE


# --- sources -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["foreign", "neighbour's"])
def test_foreign_source_that_gets_through_fails(role: str) -> None:
    result = sources(patch(baseline(), "trials", "routed", 0, to=evidence_trials.routed(role)))
    assert "1 of 2 packets with a spoofed source" in result.reason
    assert "lxc restart router1" in judging.text(result)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_packet_that_did_not_leave_tells_nothing(number: int) -> None:
    document = patch(baseline(), "trials", "routed", 0, "packets", number, "left", to=False)
    assert sources(document).verdict is Outcome.ERROR


def test_own_source_must_get_through() -> None:
    document = patch(baseline(), "trials", "routed", 0, "packets", 0, "arrived", to=False)
    result = sources(document)
    assert (result.verdict, "did not arrive either" in result.reason) == (Outcome.ERROR, True)


def test_other_parent_was_not_tried() -> None:
    device = {**evidence_api.ROUTED, "parent": "enp2s0"}
    result = sources(attach(baseline(), "default/router1", "eth0", device))
    assert (result.verdict, "was not tried" in result.reason) == (Outcome.ERROR, True)
