"""LXD-BRI-01 and 02: who serves a bridge's names, and who makes them."""

from __future__ import annotations

import pytest

from pytest_lxdsec.checks.bridged_nics import dns_naming, dnsmasq_processes
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_documents, evidence_sweep, judging
from tests.support.evidence_documents import GONE, Document, add, patch

BRIDGE = "network/default/lxdbr0"
CONFIG = ("networks", "default/lxdbr0", "config")
ANY = "0.0.0.0"  # noqa: S104 - what the control must find
FIRST = ("host.name_servers", "servers", 0)


def judge(document: Document, control: str = "LXD-BRI-01") -> tuple[Outcome, str]:
    found = judging.judge(evidence_documents.evidence(document))[control, BRIDGE]
    return found.verdict, judging.text(found) if found.finding else found.reason


def with_first(**fields: object) -> Document:
    document = evidence_documents.baseline()
    for field, value in fields.items():
        document = patch(document, *FIRST, field, to=value)
    return document


def with_stranger(**fields: object) -> Document:
    """Return one more dnsmasq, which names no interface."""
    stranger = evidence_sweep.name_server(8009, "", "virbr9", "192.0.2.77") | {"arguments": []}
    base = evidence_documents.baseline()
    return add(base, "host.name_servers", "servers", entry=stranger | fields)


def bound(address: str, port: int, interface: str = "") -> evidence_sweep.Json:
    return {"address": address, "port": port, "interface": interface}


def test_libvirts_own_beside_lxds_is_nothing() -> None:
    outcome, text = judge(evidence_documents.baseline())
    assert (outcome, "process 8001" in text) == (Outcome.PASS, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--interface=lxdbr0"],
        ["--interface", "lxdbr0"],
        ["-i", "lxdbr0"],
        ["--interface=eth0,lxdbr0"],
        ["--interface=lxd*"],
    ],
)
def test_second_is_known_by_its_arguments(arguments: list[str]) -> None:
    outcome, text = judge(with_stranger(arguments=arguments))
    assert outcome is Outcome.FAIL
    assert "process 8009" in text
    assert "kill 8009" in text


@pytest.mark.parametrize(
    "socket", [bound("10.10.10.1", 53), bound(ANY, 67, "lxdbr0"), bound("::", 547, "lxdbr0")]
)
def test_second_is_known_by_its_sockets(socket: evidence_sweep.Json) -> None:
    assert judge(with_stranger(sockets=[socket]))[0] is Outcome.FAIL


@pytest.mark.parametrize("socket", [bound(ANY, 67), bound("::", 53)])
def test_one_that_listens_everywhere_may_serve_the_bridge(socket: evidence_sweep.Json) -> None:
    outcome, text = judge(with_stranger(sockets=[socket]))
    assert outcome is Outcome.ERROR
    assert "bind-interfaces" in text


def test_none_at_all_is_found_and_started_again() -> None:
    document = patch(evidence_documents.baseline(), *FIRST, to=GONE)
    outcome, text = judge(document)
    assert outcome is Outcome.FAIL
    assert "no dnsmasq of LXD serves lxdbr0: process 8001, LXD's own, is not there" in text
    again = "=1h --project default && lxc network unset lxdbr0 ipv4.dhcp.expiry --project"
    assert f"lxc network set lxdbr0 ipv4.dhcp.expiry{again} default" in text


def test_setting_that_restarts_it_is_set_back() -> None:
    document = patch(evidence_documents.baseline(), *FIRST, to=GONE)
    document = patch(document, *CONFIG, "ipv4.dhcp.expiry", to="30m")
    assert (
        "expiry=2h --project default && lxc network set lxdbr0 ipv4.dhcp.expiry=30m"
        in judge(document)[1]
    )


def test_one_that_lxd_did_not_record_is_a_stranger() -> None:
    assert judge(with_first(own_pid=9))[0] is Outcome.FAIL
    document = patch(evidence_documents.baseline(), "host.name_servers", "recorded", to=[])
    assert "LXD has recorded none" in judge(document)[1]


def test_process_id_of_another_namespace_is_another_process() -> None:
    assert judge(with_first(is_with_daemon=False))[0] is Outcome.FAIL


def test_process_id_is_that_of_the_daemons_namespace() -> None:
    assert judge(with_first(pid=70001))[0] is Outcome.PASS


def test_root_is_found() -> None:
    outcome, text = judge(with_first(uids=[0, evidence_sweep.NOBODY]))
    assert outcome is Outcome.FAIL
    assert "the dnsmasq of lxdbr0 is root (process 8001)" in text


def test_user_that_the_configuration_sets_is_taken_away() -> None:
    document = patch(with_first(uids=[0]), *CONFIG, "raw.dnsmasq", to="user=root")
    assert "lxc network unset lxdbr0 raw.dnsmasq" in judge(document)[1]


@pytest.mark.parametrize("option", ["--dhcp-hostsfile", "--dhcp-hostsdir"])
def test_names_are_read_by_the_option_of_any_version(option: str) -> None:
    hosts = f"{option}={evidence_sweep.LXD_DIR}/networks/lxdbr0/dnsmasq.hosts"
    document = with_first(arguments=["--interface=lxdbr0", hosts])
    assert judge(document)[0] is Outcome.PASS


def test_names_that_are_not_read_are_found_where_addresses_are_given_out() -> None:
    document = with_first(arguments=["--interface=lxdbr0"])
    assert "does not read LXD's names" in judge(document)[1]
    assert judge(patch(document, *CONFIG, "ipv4.dhcp", to="false"))[0] is Outcome.PASS


def test_bridge_without_addresses_has_no_dnsmasq() -> None:
    document = patch(evidence_documents.baseline(), *CONFIG, "ipv4.address", to="none")
    assert judge(document)[0] is Outcome.NOT_APPLICABLE
    assert judge(document, "LXD-BRI-02")[0] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(("text", "outcome"), [("8001\n", Outcome.PASS), ("", Outcome.ERROR)])
def test_record_of_any_version_is_read(text: str, outcome: Outcome) -> None:
    place = ("host.name_servers", "recorded", 0, "text")
    assert judge(patch(evidence_documents.baseline(), *place, to=text))[0] is outcome


def test_argument_lists_are_read_as_dnsmasq_reads_them() -> None:
    arguments = (
        "-s",
        "lxd",
        "-i",
        "a",
        "--interface",
        "b",
        "--interface=c",
        "--interface-name",
        "d",
    )
    assert tuple(dnsmasq_processes.values(arguments, dnsmasq_processes.INTERFACE)) == (
        "a",
        "b",
        "c",
    )


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [
        ("managed", Outcome.PASS),
        ("none", Outcome.PASS),
        ("", Outcome.PASS),
        ("dynamic", Outcome.FAIL),
    ],
)
def test_modes(mode: str, outcome: Outcome) -> None:
    document = patch(evidence_documents.baseline(), *CONFIG, "dns.mode", to=mode)
    assert judge(document, "LXD-BRI-02")[0] is outcome


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        ("# nothing\n\ncache-size=500 # more\nserver=192.0.2.53", Outcome.PASS),
        ("server=/example.org/192.0.2.53", Outcome.PASS),
        ("server=/lxd/192.0.2.53", Outcome.FAIL),
        ("server=/LXD/#", Outcome.FAIL),
        ("server=/web1.lxd/192.0.2.53", Outcome.FAIL),
        ("server=/example.org/tenants.lxd/192.0.2.53", Outcome.FAIL),
        ("server=/*.lxd/192.0.2.53", Outcome.FAIL),
        ("server=//192.0.2.53", Outcome.FAIL),
        ("local=/lxd/", Outcome.PASS),
        ("local=/web1.lxd/", Outcome.PASS),
        ("server=/notlxd/192.0.2.53", Outcome.PASS),
        ("server=192.0.2.53#5353", Outcome.PASS),
        ("enable-tftp\ntftp-root=/srv/tftp\ndhcp-boot=pxelinux.0", Outcome.PASS),
        ("dhcp-generate-names", Outcome.FAIL),
        ("dhcp-script=/usr/local/bin/lease", Outcome.ERROR),
        ("cache-size=500\ndhcp-host=00:16:3e:00:00:01,evil", Outcome.FAIL),
        ("address=/#/192.0.2.1", Outcome.FAIL),
        ("conf-dir=/etc/more", Outcome.FAIL),
        ("option-of-tomorrow", Outcome.ERROR),
        ("option-of-tomorrow\nexpand-hosts", Outcome.FAIL),
        ("#dhcp-host=x", Outcome.PASS),
    ],
)
def test_raw_configuration_is_judged_by_what_it_names(raw: str, outcome: Outcome) -> None:
    document = patch(evidence_documents.baseline(), *CONFIG, "raw.dnsmasq", to=raw)
    assert judge(document, "LXD-BRI-02")[0] is outcome


def test_domain_of_the_bridge_is_its_own() -> None:
    document = patch(evidence_documents.baseline(), *CONFIG, "dns.domain", to="example.org")
    document = patch(document, *CONFIG, "raw.dnsmasq", to="local=/example.org/192.0.2.53")
    assert judge(document, "LXD-BRI-02")[0] is Outcome.FAIL


def test_both_faults_are_repaired_at_once() -> None:
    document = patch(evidence_documents.baseline(), *CONFIG, "dns.mode", to="dynamic")
    document = patch(document, *CONFIG, "raw.dnsmasq", to="expand-hosts")
    text = judge(document, "LXD-BRI-02")[1]
    assert (
        "lxc network unset lxdbr0 dns.mode --project default && lxc network unset lxdbr0 "
        "raw.dnsmasq" in text
    )


def test_comment_within_a_word_is_none() -> None:
    assert tuple(dns_naming.options("server=/#/192.0.2.1#5353 # all\n")) == (
        ("server", "/#/192.0.2.1#5353"),
    )
