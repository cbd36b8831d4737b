"""Who reaches the API's ports: the acceptance vectors, from the evidence to the verdict."""

from __future__ import annotations

import functools
import ipaddress
import json
import subprocess

import pytest

from pytest_lxdsec.checks.remote_api import exposure
from pytest_lxdsec.evidence import model
from pytest_lxdsec.policy.policy_file import Network, Policy
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.verdict import Finding, Outcome
from tests.support import (
    evidence_documents,
    evidence_filters,
    evidence_sweep,
    firewall_examples,
    judging,
)
from tests.support.evidence_documents import Document, patch

NETWORKS: tuple[Network, ...] = (ipaddress.ip_network("10.0.0.0/8"),)
SITE = Policy(allowed_sources=NETWORKS)


def baseline() -> Document:
    """Return the baseline, whose port the allowed network reaches."""
    rules = evidence_filters.of([evidence_filters.closed_port()])
    return patch(evidence_documents.baseline(), "host.filters", to={"value": rules})


def judge(document: Document, site: Policy = SITE) -> Result:
    found = judging.judge(evidence_documents.evidence(document), site=site)
    return found["LXD-API-03", "host"]


@functools.cache
def recorded() -> Document:
    found: Document = json.loads((firewall_examples.RECORDED / "input.json").read_text())
    return found


def with_rules(name: str, document: Document | None = None) -> Document:
    """Return the baseline with one of the recorded rule sets for the host's own ports."""
    found = recorded()[name]
    changed = document or baseline()
    changed = patch(changed, "host.filters", "nft", "text", to=json.dumps(found["json"]))
    return patch(changed, "host.filters", "listing", "text", to=found["listing"])


def listening(*found: tuple[str, str, int]) -> Document:
    """Return the baseline with these sockets."""
    sockets = [{"family": f, "address": a, "port": p} for f, a, p in found]
    return patch(baseline(), "host.listeners", to={"value": sockets})


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("allow 10/8 inet", Outcome.PASS),
        ("two tables", Outcome.PASS),
        ("firewalld's way", Outcome.PASS),
        ("redirect before the filter", Outcome.PASS),
        ("accept without drop", Outcome.FAIL),
        ("port range", Outcome.FAIL),
        ("one interface", Outcome.FAIL),
        ("redirect", Outcome.FAIL),
        ("lxd's own", Outcome.FAIL),
        ("dormant", Outcome.FAIL),
        ("allowed set with everything", Outcome.FAIL),
        ("limit", Outcome.ERROR),
        ("dynamic set", Outcome.ERROR),
    ],
)
def test_acceptance_vector(name: str, outcome: Outcome) -> None:
    assert judge(with_rules(name)).verdict is outcome


def test_rule_that_is_not_modelled_is_named() -> None:
    result = judge(with_rules("limit"))
    assert "limit" in result.reason
    assert "cannot tell" in judging.text(result)


def test_finding_names_sources_interface_and_rule() -> None:
    result = judge(with_rules("lxd's own"))
    start = "192.0.2.10:8443 from any other IPv4 address, by enp1s0 ("
    assert result.finding is not None
    assert result.finding.observed.startswith(start)


def test_some_sources_too_many_are_named() -> None:
    rules = evidence_filters.of([evidence_filters.closed_port(allowed="10.0.0.0/7")])
    document = patch(baseline(), "host.filters", to={"value": rules})
    assert "192.0.2.10:8443 from 11.0.0.0/8, by" in judging.text(judge(document))


def admitted(network: str, *allowed: str) -> Finding:
    """Return what is found where a network is let in, and the policy names these."""
    rules = evidence_filters.of([evidence_filters.closed_port(allowed=network)])
    site = Policy(allowed_sources=tuple(map(ipaddress.ip_network, allowed)))
    finding = judge(patch(baseline(), "host.filters", to={"value": rules}), site).finding
    assert finding is not None
    return finding


def test_every_network_of_many_is_told_one_by_one() -> None:
    first = admitted("0.0.0.0/2", "10.0.0.0/8", "40.0.0.0/8")
    other = admitted("0.0.0.0/2", "10.0.0.0/8", "48.0.0.0/8")
    assert first.observed == other.observed
    assert "41.0.0.0/8" in first.details[0]
    assert "49.0.0.0/8" in other.details[0]


def test_few_networks_are_told_once() -> None:
    assert admitted("11.0.0.0/16").details == ()


def test_without_a_policy_nobody_is_allowed() -> None:
    found = judge(baseline(), Policy())
    assert "192.0.2.10:8443 from 10.0.0.0/8, by enp1s0" in judging.text(found)
    assert found.finding is not None
    assert "name who may reach them in policy api.allowed_sources" in found.finding.remedy.note


def test_without_a_policy_a_closed_port_passes() -> None:
    rules = evidence_filters.of([evidence_filters.closed_port(allowed="127.0.0.0/8")])
    document = patch(baseline(), "host.filters", to={"value": rules})
    assert judge(document, Policy()).verdict is Outcome.PASS


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8"])
def test_loopback_needs_no_filter(address: str) -> None:
    assert judge(listening(("tcp", address, 8443))).verdict is Outcome.NOT_APPLICABLE


def test_mapped_loopback_needs_no_filter() -> None:
    document = listening(("tcp6", "::ffff:127.0.0.1", 8443))
    assert judge(document).verdict is Outcome.NOT_APPLICABLE


def test_daemon_without_sockets_needs_no_filter() -> None:
    assert judge(listening()).verdict is Outcome.NOT_APPLICABLE


def test_filter_for_ipv4_leaves_a_wildcard_of_both_families_open() -> None:
    document = with_rules("table ip only", listening(("tcp6", "::", 8443)))
    result = judge(document)
    assert "[2001:db8::10]:8443 from any IPv6 address" in judging.text(result)
    assert "IPv4" not in judging.text(result)


def test_wildcard_of_ipv4_is_no_door_for_ipv6() -> None:
    document = with_rules("table ip only", listening(("tcp", "0.0.0.0", 8443)))  # noqa: S104 - judged
    assert judge(document).verdict is Outcome.PASS


def test_metrics_beyond_loopback_are_a_door_too() -> None:
    document = listening(("tcp", "127.0.0.1", 8443), ("tcp", "192.0.2.10", 9100))
    assert "192.0.2.10:9100 from any other IPv4 address" in judging.text(judge(document))


def test_sockets_for_other_protocols_are_no_door_of_the_api() -> None:
    document = listening(("tcp", "192.0.2.10", 8443), ("tcp", "192.0.2.10", 179))
    document = evidence_documents.configure_server(document, "core.bgp_address", "192.0.2.10:179")
    assert judge(document).verdict is Outcome.PASS


def test_instances_on_a_bridge_are_sources_too() -> None:
    # Everything else is closed: "ufw allow in on lxdbr0" lets every instance in.
    place = {"family": "inet", "table": "api", "chain": "in"}
    way = evidence_filters.match({"meta": {"key": "iifname"}}, "lxdbr0")
    rule = {"rule": {**place, "handle": 9, "expr": [way, {"accept": None}]}}
    objects, programs, text = evidence_filters.closed_port()
    rules = evidence_filters.of([([*objects[:2], rule, *objects[2:]], programs, text)])
    document = patch(baseline(), "host.filters", to={"value": rules})
    assert "by lxdbr0 (inet api in: iifname lxdbr0 accept)" in judging.text(judge(document))


def test_port_of_a_bridge_is_no_way_in() -> None:
    place = {"family": "inet", "table": "api", "chain": "in"}
    way = evidence_filters.match({"meta": {"key": "iifname"}}, "vethdweb1")
    rule = {"rule": {**place, "handle": 9, "expr": [way, {"accept": None}]}}
    objects, programs, text = evidence_filters.closed_port()
    rules = evidence_filters.of([([*objects[:2], rule, *objects[2:]], programs, text)])
    document = patch(baseline(), "host.filters", to={"value": rules})
    assert judge(document).verdict is Outcome.PASS


@pytest.mark.parametrize("part", ["host.filters", "host.links", "host.listeners"])
def test_missing_part_cannot_tell(part: str) -> None:
    document = patch(baseline(), part, to=evidence_documents.missing("no shell"))
    assert judge(document).verdict is Outcome.ERROR


@pytest.mark.parametrize(
    "path",
    [("nft",), ("listing",), ("legacy", "ip"), ("legacy", "bridge"), ("shims", "ip6")],
)
def test_tool_that_did_not_print_cannot_tell(path: tuple[str, ...]) -> None:
    error = {"text": "", "error": "the tool is not installed"}
    document = patch(baseline(), "host.filters", *path, to=error)
    result = judge(document)
    assert (result.verdict, "not installed" in result.reason) == (Outcome.ERROR, True)


def test_legacy_rules_count() -> None:
    document = baseline()
    save = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
    document = patch(document, "host.filters", "nft", "text", to='{"nftables": []}')
    document = patch(document, "host.filters", "legacy", "ip", "text", to=save)
    assert "is reached from nowhere" in judge(document).reason


def test_text_that_is_no_rule_set_cannot_tell() -> None:
    document = patch(baseline(), "host.filters", "nft", "text", to="{")
    assert judge(document).verdict is Outcome.ERROR


def test_host_without_another_interface_cannot_tell() -> None:
    links = [evidence_sweep.link("lo", 1, "", "127.0.0.1/8")]
    document = patch(baseline(), "host.links", to={"value": links})
    assert "no interface except loopback" in judge(document).reason


@pytest.mark.parametrize(
    "allowed",
    [
        NETWORKS,
        (),
        (ipaddress.ip_network("0.0.0.0/0"),),
        (*NETWORKS, ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8::/32")),
    ],
)
def test_nft_takes_the_command_that_is_printed(allowed: tuple[Network, ...]) -> None:
    command = exposure.close([8443, 9100], allowed).command
    done = subprocess.run(
        ["sh", "-c", command.replace("nft ", "nft --check ", 1)],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if "not permitted" in done.stderr or "not found" in done.stderr:
        pytest.skip("nft checks for root only, where it is installed")
    assert (done.returncode, done.stderr) == (0, "")


def test_thousand_interfaces_fare_alike() -> None:
    links = evidence_sweep.links()
    links += [evidence_sweep.link(f"vethr{i}", 100 + i, "veth") for i in range(1000)]
    document = patch(baseline(), "host.links", to={"value": links})
    found: model.Evidence = evidence_documents.evidence(document)
    assert len({s.interface for o in exposure.openings(found) for s in o.found.spans}) == 1
