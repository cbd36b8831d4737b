"""LXD-BRI-04, 05, 10 and 11: what is configured of a NIC on a bridge, and what LXD makes of it."""

from __future__ import annotations

import pytest

from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_api, evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import Document, add, attach, missing, patch

WEB1 = "nic/default/web1/eth0"
PROFILE = "profile/default/default"
BARE = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
NETWORK = ("networks", "default/lxdbr0", "config")


def judge(document: Document, control: str, subject: str = WEB1) -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))[control, subject]
    return found.verdict, judging.text(found) if found.finding else found.reason


def nic(document: Document | None = None, **settings: str) -> Document:
    """Return evidence with a NIC of web1's own: `ipv4_address` is `ipv4.address`.

    MAC filtering has its dot.
    """
    base = evidence_documents.baseline() if document is None else document
    named = {key.replace("__", ".").replace("-", "_"): value for key, value in settings.items()}
    return attach(base, "default/web1", "eth0", {**BARE, **named})


def with_network(document: Document | None = None, **settings: str) -> Document:
    base = evidence_documents.baseline() if document is None else document
    for key, value in settings.items():
        base = patch(base, *NETWORK, key.replace("__", "."), to=value)
    return base


def unmanaged(**settings: str) -> Document:
    """Return a NIC on a bridge of the host, which LXD lists and does not manage."""
    bridge = evidence_api.network("br0", managed=False)
    document = add(evidence_documents.baseline(), "networks", entry=bridge)
    device = {"type": "nic", "nictype": "bridged", "parent": "br0"}
    named = {key.replace("__", "."): value for key, value in settings.items()}
    return attach(document, "default/web1", "eth0", device | named)


@pytest.mark.parametrize("value", ["true", "TRUE", "Yes", "ON", "1", "tRuE"])
def test_words_that_are_true_for_lxd_turn_the_filter_on(value: str) -> None:
    assert judge(nic(security__ipv4_filtering=value), "LXD-BRI-04")[0] is Outcome.PASS


@pytest.mark.parametrize("value", ["enabled", "maybe", "2", "y", "false", "", " true"])
def test_words_that_lxd_accepts_and_does_not_heed_leave_it_off(value: str) -> None:
    outcome, text = judge(nic(security__ipv4_filtering=value), "LXD-BRI-04")
    assert outcome is Outcome.FAIL
    assert f"security.ipv4_filtering is {value!r}, which LXD reads as off" in text


@pytest.mark.parametrize("value", ["true", "TRUE", "Yes", "ON", "1", "tRuE"])
def test_words_that_are_true_for_lxd_turn_the_mac_filter_on(value: str) -> None:
    assert judge(nic(security__mac_filtering=value), "LXD-BRI-03")[0] is Outcome.PASS


@pytest.mark.parametrize("value", ["enabled", "maybe", "2", "y", "false", ""])
def test_words_that_lxd_does_not_heed_leave_the_mac_filter_off(value: str) -> None:
    outcome, text = judge(nic(security__mac_filtering=value), "LXD-BRI-03")
    assert (outcome, f"{value!r}, which LXD reads as off" in text) == (Outcome.FAIL, True)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_ip_filter_brings_that_of_the_mac_whatever_its_key_says(family: str) -> None:
    settings = {f"security.{family}_filtering": "true", "security.mac_filtering": "false"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth0", {**BARE, **settings})
    assert judge(document, "LXD-BRI-03")[0] is Outcome.PASS


def test_filter_of_one_family_is_not_that_of_the_other() -> None:
    document = with_network(nic(security__ipv6_filtering="true"), ipv6__address="fd42::1/64")
    assert judge(document, "LXD-BRI-04")[0] is Outcome.FAIL
    assert judge(document, "LXD-BRI-05")[0] is Outcome.PASS


@pytest.mark.parametrize("address", ["none", ""])
def test_bridge_without_the_family_asks_for_no_filter(address: str) -> None:
    document = with_network(nic(), ipv6__address=address)
    assert judge(document, "LXD-BRI-05") == (Outcome.NOT_APPLICABLE, "lxdbr0 carries no IPv6")


@pytest.mark.parametrize(
    "key", ["bridge.external_interfaces", "tunnel.far.protocol", "tunnel.far.remote"]
)
def test_bridge_that_leads_further_may_carry_what_lxd_does_not_know_of(key: str) -> None:
    document = patch(nic(), *NETWORK, key, to="eth7")
    outcome, text = judge(document, "LXD-BRI-05")
    assert outcome is Outcome.FAIL
    assert f"lxdbr0 leads further ({key}), and may carry IPv6" in text


def test_fan_bridge_carries_ipv4_without_an_address() -> None:
    document = with_network(nic(), ipv4__address="none", bridge__mode="fan")
    assert judge(document, "LXD-BRI-04")[0] is Outcome.FAIL
    assert judge(document, "LXD-BRI-05")[0] is Outcome.NOT_APPLICABLE


def test_own_device_hides_the_filters_of_the_profile() -> None:
    outcome, text = judge(nic(), "LXD-BRI-04")
    assert outcome is Outcome.FAIL
    assert "from:     instance default/web1" in text
    assert "lxc config device set web1 eth0 security.ipv4_filtering=true" in text


def test_profile_that_brings_the_nic_is_where_it_is_repaired() -> None:
    document = patch(
        evidence_documents.baseline(), "profiles", "default/default", "devices", "eth0", to=BARE
    )
    document = patch(document, "instances", "default/web1", "expanded_devices", "eth0", to=BARE)
    outcome, text = judge(document, "LXD-BRI-04")
    assert outcome is Outcome.FAIL
    assert "lxc profile device set default eth0 security.ipv4_filtering=true" in text


def test_device_of_type_none_takes_the_profiles_nic_away() -> None:
    document = attach(evidence_documents.baseline(), "default/web1", "eth0", {"type": "none"})
    found = judging.judge(evidence_documents.evidence(document))
    assert ("LXD-BRI-04", WEB1) not in found
    assert ("LXD-BRI-10", WEB1) not in found


def test_bridge_named_as_parent_is_lxds_own() -> None:
    device = {"type": "nic", "nictype": "bridged", "parent": "lxdbr0"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth0", device)
    assert "lxdbr0 carries IPv4 (10.10.10.1/24)" in judge(document, "LXD-BRI-04")[1]
    assert judge(document, "LXD-BRI-05")[0] is Outcome.NOT_APPLICABLE


def test_bridge_that_lxd_does_not_manage_may_carry_either_family() -> None:
    for control in ("LXD-BRI-04", "LXD-BRI-05"):
        outcome, text = judge(unmanaged(), control)
        assert outcome is Outcome.FAIL
        assert "br0 is not LXD's bridge, and may carry" in text


def test_bridge_that_lxd_does_not_manage_wants_an_address_with_the_filter() -> None:
    assert "ipv4.address=none" in judge(unmanaged(), "LXD-BRI-04")[1]
    told = judge(unmanaged(ipv4__address="192.0.2.9"), "LXD-BRI-04")[1]
    assert "ipv4.address" not in told


def test_bridge_that_lxd_does_not_list_cannot_be_judged() -> None:
    device = {"type": "nic", "nictype": "bridged", "parent": "br7"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth0", device)
    assert judge(document, "LXD-BRI-04")[0] is Outcome.ERROR


def test_vlan_is_taken_away_since_lxd_refuses_the_filter_beside_it() -> None:
    assert "security.ipv4_filtering=true vlan=" in judge(nic(vlan="7"), "LXD-BRI-04")[1]


def test_family_without_addresses_to_give_out_is_dropped_and_passes() -> None:
    document = with_network(
        nic(security__ipv4_filtering="true", ipv4__routes="0.0.0.0/0"), ipv4__dhcp="false"
    )
    outcome, text = judge(document, "LXD-BRI-04")
    assert outcome is Outcome.PASS
    assert "all its traffic is dropped" in text


def test_operator_is_told_that_ipv6_without_addresses_will_be_dropped() -> None:
    document = with_network(nic(), ipv6__address="fd42::1/64", ipv6__dhcp="false")
    assert "without ipv6.address all its IPv6 is dropped" in judge(document, "LXD-BRI-05")[1]


def test_operator_is_told_which_stateless_address_the_nic_is_held_to() -> None:
    document = with_network(nic(), ipv6__address="fd42::1/64")
    said = "the IPv6 address that its MAC address makes"
    assert said in judge(document, "LXD-BRI-05")[1]
    stateful = with_network(document, ipv6__dhcp__stateful="true")
    assert said not in judge(stateful, "LXD-BRI-05")[1]


@pytest.mark.parametrize("stateful", ["true", "false", ""])
def test_routes_widen_a_stateless_nic_too(stateful: str) -> None:
    # LXD has an address for it all the same, and with it come the routes.
    document = with_network(
        nic(security__ipv6_filtering="true", ipv6__routes="::/0"),
        ipv6__address="fd42::1/64",
        ipv6__dhcp__stateful=stateful,
    )
    outcome, text = judge(document, "LXD-BRI-05")
    assert outcome is Outcome.FAIL
    assert "it may send as everybody" in text


@pytest.mark.parametrize("dhcp", ["", "false"])
def test_fan_bridge_without_dhcp_has_no_address_for_a_nic(dhcp: str) -> None:
    document = with_network(
        nic(security__ipv4_filtering="true", ipv4__routes="0.0.0.0/0"),
        ipv4__address="none",
        bridge__mode="fan",
        ipv4__dhcp=dhcp,
    )
    assert judge(document, "LXD-BRI-04")[0] is (Outcome.PASS if dhcp else Outcome.FAIL)


@pytest.mark.parametrize("key", ["ipv4.routes", "ipv4.routes.external"])
@pytest.mark.parametrize(
    ("route", "outcome"),
    [
        ("0.0.0.0/0", Outcome.FAIL),
        ("10.10.10.0/24", Outcome.FAIL),
        ("10.10.10.1/32", Outcome.FAIL),
        ("10.0.0.0/8", Outcome.FAIL),
        ("198.51.100.0/24", Outcome.PASS),
        ("not a route", Outcome.ERROR),
    ],
)
def test_routes_widen_whom_the_nic_may_be(key: str, route: str, outcome: Outcome) -> None:
    settings = {"security.ipv4_filtering": "true", key: f"203.0.113.0/24, {route}"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth0", {**BARE, **settings})
    assert judge(document, "LXD-BRI-04")[0] is outcome


def test_routes_that_make_up_every_address_are_everybody() -> None:
    halves = "0.0.0.0/1, 128.0.0.0/2"
    document = unmanaged(
        security__ipv4_filtering="true",
        ipv4__address="192.0.2.9",
        ipv4__routes=halves,
        ipv4__routes__external="192.0.0.0/2",
    )
    outcome, text = judge(document, "LXD-BRI-04")
    assert outcome is Outcome.FAIL
    assert "ipv4.routes has 0.0.0.0/1: it may send as everybody" in text
    assert "ipv4.routes= ipv4.routes.external=" in text


@pytest.mark.parametrize(
    ("route", "outcome"),
    [
        ("192.0.2.10/32", Outcome.FAIL),  # the other NIC's
        ("192.0.2.0/29", Outcome.FAIL),  # the host's, on the bridge
        ("192.0.2.9/32", Outcome.PASS),  # its own
        ("192.0.2.64/26", Outcome.PASS),
    ],
)
def test_routes_may_not_take_in_others_on_a_bridge_of_the_hosts(
    route: str, outcome: Outcome
) -> None:
    document = unmanaged(
        security__ipv4_filtering="true", ipv4__address="192.0.2.9", ipv4__routes=route
    )
    document = add(
        document, "host.links", entry=evidence_sweep.link("br0", 99, "bridge", "192.0.2.1/24")
    )
    other = {"type": "nic", "nictype": "bridged", "parent": "br0", "ipv4.address": "192.0.2.10"}
    document = attach(document, "default/db1", "eth0", other)
    assert judge(document, "LXD-BRI-04")[0] is outcome


def test_narrowed_route_leaves_the_others() -> None:
    routes = "203.0.113.0/24, 0.0.0.0/0,10.10.10.0/25"
    text = judge(nic(security__ipv4_filtering="true", ipv4__routes=routes), "LXD-BRI-04")[1]
    assert "lxc config device set web1 eth0 ipv4.routes=203.0.113.0/24 --project" in text


@pytest.mark.parametrize("nictype", ["macvlan", "ipvlan", "physical", "p2p", "sriov"])
def test_kinds_that_no_filter_reaches_are_named(nictype: str) -> None:
    device = {"type": "nic", "nictype": nictype, "parent": "enp1s0"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth1", device)
    outcome, text = judge(document, "LXD-BRI-10", "nic/default/web1/eth1")
    assert outcome is Outcome.FAIL
    assert f"a {nictype} NIC" in text
    for control in ("LXD-BRI-03", "LXD-BRI-04", "LXD-BRI-05"):
        found = judge(document, control, "nic/default/web1/eth1")[0]
        assert found is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("kind", ["macvlan", "ovn", "physical", "sriov"])
def test_kind_follows_from_the_network(kind: str) -> None:
    network = evidence_api.network("net7", kind=kind)
    document = add(evidence_documents.baseline(), "networks", entry=network)
    document = attach(document, "default/web1", "eth1", {"type": "nic", "network": "net7"})
    assert judge(document, "LXD-BRI-10", "nic/default/web1/eth1")[0] is Outcome.FAIL


def test_kind_that_we_do_not_know_cannot_be_judged() -> None:
    document = attach(evidence_documents.baseline(), "default/web1", "eth1", {"type": "nic"})
    assert judge(document, "LXD-BRI-10", "nic/default/web1/eth1")[0] is Outcome.ERROR


def test_bridge_of_open_vswitch_is_not_filtered_whatever_is_configured() -> None:
    document = with_network(bridge__driver="openvswitch")
    outcome, text = judge(document, "LXD-BRI-10")
    assert outcome is Outcome.FAIL
    assert "a bridge of Open vSwitch" in text


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("bridge", Outcome.PASS), ("openvswitch", Outcome.FAIL), ("", Outcome.ERROR)],
)
def test_bridge_of_the_host_is_what_the_kernel_says(kind: str, outcome: Outcome) -> None:
    document = unmanaged()
    document = add(document, "host.links", entry=evidence_sweep.link("br0", 99, kind))
    assert judge(document, "LXD-BRI-10")[0] is outcome


def test_bridge_of_the_host_is_unknown_where_the_host_was_not_seen() -> None:
    document = patch(unmanaged(), "host.links", to=missing("no shell"))
    assert judge(document, "LXD-BRI-10")[0] is Outcome.ERROR
    assert judge(evidence_documents.without_host(nic()), "LXD-BRI-10")[0] is Outcome.PASS


def test_unfiltered_nic_moves_to_a_bridge_where_its_instance_is_not() -> None:
    device = {"type": "nic", "nictype": "p2p"}
    document = attach(evidence_documents.baseline(), "default/web1", "eth1", device)
    text = judge(document, "LXD-BRI-10", "nic/default/web1/eth1")[1]
    assert "network=lxdbr1" in text
    for index in (1, 0):
        network = evidence_documents.value(document, "networks", index)
        if network["name"] == "lxdbr1":
            document = patch(document, "networks", index, "managed", to=False)
    text = judge(document, "LXD-BRI-10", "nic/default/web1/eth1")[1]
    assert (
        "lxc network create lxdbr2 --project default && lxc config device remove web1 eth1" in text
    )


def test_profile_lacks_what_its_bridge_carries() -> None:
    place = ("profiles", "default/default", "devices", "eth0")
    document = patch(evidence_documents.baseline(), *place, to=BARE)
    outcome, text = judge(document, "LXD-BRI-11", PROFILE)
    assert outcome is Outcome.FAIL
    assert "eth0 lacks security.mac_filtering and security.ipv4_filtering" in text
    assert "ipv6_filtering" not in text
    assert "lxc profile device set default eth0 security.mac_filtering=true" in text


def test_profile_with_an_ip_filter_needs_no_key_for_the_mac() -> None:
    device = BARE | {"security.ipv4_filtering": "true"}
    place = ("profiles", "default/default", "devices", "eth0")
    assert (
        judge(patch(evidence_documents.baseline(), *place, to=device), "LXD-BRI-11", PROFILE)[0]
        is Outcome.PASS
    )


def test_profile_that_brings_wide_routes_protects_nobody() -> None:
    device = BARE | {"security.ipv4_filtering": "true", "ipv4.routes": "0.0.0.0/0,192.0.2.0/28"}
    place = ("profiles", "default/default", "devices", "eth0")
    document = patch(evidence_documents.baseline(), *place, to=device)
    outcome, text = judge(document, "LXD-BRI-11", PROFILE)
    assert outcome is Outcome.FAIL
    assert "eth0 has 0.0.0.0/0 in ipv4.routes: it may send as everybody" in text
    assert "lxc profile device set default eth0 ipv4.routes=192.0.2.0/28 --project" in text


def test_profile_without_a_bridged_nic_is_not_asked() -> None:
    document = patch(
        evidence_documents.baseline(), "profiles", "default/default", "devices", to={}
    )
    assert judge(document, "LXD-BRI-11", PROFILE)[0] is Outcome.NOT_APPLICABLE


def test_profile_that_names_an_unknown_network_cannot_be_judged() -> None:
    device = {"type": "nic", "network": "gone"}
    place = ("profiles", "default/default", "devices", "eth0")
    document = patch(evidence_documents.baseline(), *place, to=device)
    assert judge(document, "LXD-BRI-11", PROFILE)[0] is Outcome.ERROR
