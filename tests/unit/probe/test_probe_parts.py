"""The parts of probes that need no server: markers, addresses, plans, refusals and messages."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_lxdsec.evidence import host_sweep, payload, probe_project
from pytest_lxdsec.evidence.objects import Network
from pytest_lxdsec.firewall.frames import decode, ethernet
from pytest_lxdsec.firewall.spoofing import frame_kinds
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY, FilteredNic
from pytest_lxdsec.injector import dhcp_dns
from pytest_lxdsec.inventory import nic_settings
from pytest_lxdsec.inventory.nic_settings import Bridged
from pytest_lxdsec.probe import injector_call, lxd_project, plan, run, senders
from pytest_lxdsec.transport import Answer, Output, Reply, Request, lxd_response
from tests.support import evidence_documents

MACS = senders.Macs.of("5e" * 32)


def project(text: str, name: str = probe_project.PROJECT) -> dict[str, Any]:
    return {"name": name, "config": {probe_project.KEY: text}}


# --- the marker ----------------------------------------------------------------------------------


def test_own_marker_is_recognised_and_in_use() -> None:
    made = probe_project.made_now()
    assert probe_project.of(project(made)) == made
    assert probe_project.is_in_use(made)


@pytest.mark.parametrize(
    "other",
    [
        project("", probe_project.PROJECT),
        project("mine"),
        project(probe_project.made_now(), "production"),
        {"name": probe_project.PROJECT},
        {"name": probe_project.PROJECT, "config": None},
        None,
    ],
)
def test_other_projects_are_not_the_probes(other: object) -> None:
    assert probe_project.of(other) == ""


def test_marker_of_an_ended_process_is_free_at_once() -> None:
    when, machine, pid, birth = probe_project.made_now().split()
    assert not probe_project.is_in_use(f"{when} {machine} {pid} {int(birth) + 1}")


@pytest.mark.parametrize(("age", "used"), [(1, True), (probe_project.LONGEST + 60, False)])
def test_marker_of_another_machine_is_free_after_the_longest_probe(
    age: float, *, used: bool
) -> None:
    assert probe_project.is_in_use(f"{int(time.time() - age)} elsewhere 7 9") is used


INSTANCE = {
    "project": probe_project.PROJECT,
    "name": probe_project.PEER,
    "config": {probe_project.KEY: "x"},
}


def document(*, marked: bool) -> dict[str, dict[str, Any]]:
    config = {probe_project.KEY: probe_project.made_now()} if marked else {}
    return {
        "projects": {
            "value": [{"name": "default"}, {"name": probe_project.PROJECT, "config": config}]
        },
        "instances": {"value": [INSTANCE, {"project": probe_project.PROJECT, "name": "stowaway"}]},
        "profiles": {"value": [{"project": probe_project.PROJECT, "name": "default"}]},
        "host.containers": {
            "value": [{"lxc_name": f"{probe_project.PROJECT}_{probe_project.PEER}"}]
        },
        "host.mounts": {
            "value": {
                "containers": [{"lxc_name": f"{probe_project.PROJECT}_{probe_project.PEER}"}]
            }
        },
    }


def test_objects_of_the_probe_are_left_out_of_the_evidence() -> None:
    left = probe_project.without_ours(document(marked=True))
    assert probe_project.PEER not in json.dumps(left)
    assert left["projects"]["value"] == [{"name": "default"}]


def test_foreign_instance_in_the_probe_project_is_audited() -> None:
    left = probe_project.without_ours(document(marked=True))
    assert [one["name"] for one in left["instances"]["value"]] == ["stowaway"]


def test_without_the_marker_nothing_is_left_out() -> None:
    assert probe_project.without_ours(document(marked=False)) == document(marked=False)


# --- addresses -----------------------------------------------------------------------------------


def network(**config: str) -> dict[str, Network]:
    keys = {key.replace("_", "."): value for key, value in config.items()}
    made = Network(project="default", name="br", type="bridge", managed=True, config=keys)
    return {"br": made}


def setting(*filters: str, without: tuple[str, ...] = ()) -> Bridged:
    on = tuple(sorted(f"security.{name}_filtering" for name in ("mac", *filters)))
    return Bridged(network="br", filters=on, without=without)


BOTH = {"ipv4_address": "10.1.2.1/24", "ipv6_address": "fd00:1::1/64"}


def test_mac_addresses_are_locally_administered_and_the_servers_own() -> None:
    assert {mac[:3] for mac in (MACS.sender, MACS.peer, MACS.nobody)} == {"02:"}
    assert senders.Macs.of("5e" * 32) == MACS
    assert senders.Macs.of("5f" * 32) != MACS


def test_used_addresses_are_skipped() -> None:
    used = {"10.1.2.254", "10.1.2.252"}
    made = senders.sender(setting("ipv4"), network(**BOTH), used, MACS)
    assert made.device["ipv4.address"] == "10.1.2.253"
    assert str(made.around.other_ipv4) == "10.1.2.251"


def test_address_of_the_bridge_is_not_used() -> None:
    config = {**BOTH, "ipv4_address": "10.1.2.254/24"}
    made = senders.sender(setting("ipv4"), network(**config), (), MACS)
    assert made.device["ipv4.address"] == "10.1.2.253"


def test_without_stateful_dhcp_the_address_is_that_of_the_mac_address() -> None:
    made = senders.sender(setting("ipv6"), network(**BOTH), (), MACS)
    assert "ipv6.address" not in made.device
    assert str(made.nic.own_ipv6).endswith(str(made.nic.link_local).partition("fe80::")[2])


def test_setting_without_an_address_configures_none() -> None:
    made = senders.sender(setting("ipv4", without=("ipv4",)), network(**BOTH), (), MACS)
    assert (made.device["ipv4.address"], made.nic.ipv4) == ("none", ())


def test_unmanaged_bridge_gets_addresses_for_documentation() -> None:
    made = senders.sender(setting("ipv4"), {}, (), MACS)
    assert (made.device["nictype"], made.device["parent"]) == ("bridged", "br")
    assert made.nic.own_ipv4 in ipaddress.IPv4Network("192.0.2.0/24")
    # There LXD refuses an address without the filter of its family.
    assert {key for key in made.device if key.endswith(".address")} == {"ipv4.address"}


def test_foreign_addresses_differ_from_own_ones() -> None:
    made = senders.sender(setting("ipv4", "ipv6"), network(**BOTH), (), MACS)
    assert made.around.other_ipv4 != made.nic.own_ipv4
    assert made.around.other_ipv6 != made.nic.own_ipv6


def test_sources_are_own_foreign_and_a_neighbours() -> None:
    found = senders.sources(("ipv4",), network(**BOTH), ())
    assert [(one.role, one.is_own) for one in found] == [
        ("own ipv4", True),
        ("foreign ipv4", False),
        ("neighbour's ipv4", False),
    ]
    assert found[2].address == "10.1.2.254"


def test_no_frame_makes_a_host_a_default_router() -> None:
    nic = FilteredNic(interface="", mac=MACS.sender)
    every = run.harmless(frame_kinds.every(nic, NOBODY))
    adverts = [
        frame.content.content
        for frame in map(decode.parse, every.values())
        if isinstance(frame.content, ethernet.Ipv6)
        and isinstance(frame.content.content, ethernet.Router)
    ]
    assert len(adverts) > 5
    assert {router.lifetime for router in adverts} == {0}


# --- the plan ------------------------------------------------------------------------------------


def test_setting_of_many_nics_is_tried_once() -> None:
    wanted = plan.of(evidence_documents.evidence(evidence_documents.baseline()))
    assert len(wanted.bridged) == 1
    assert [one.name for one in wanted.names] == ["lxdbr0", "lxdbr1"]
    assert [one.parent for one in wanted.routed] == ["enp1s0"]


def test_address_that_lxd_has_allocated_is_used() -> None:
    held = [{"network": "lxdbr0", "entries": {"web1.eth0": "00:16:3e:00:00:01,10.1.2.9,web1\n"}}]
    document = evidence_documents.patch(
        evidence_documents.baseline(), "host.reservations", to={"value": held}
    )
    assert "10.1.2.9" in plan.of(evidence_documents.evidence(document)).used


def test_nic_without_a_filter_needs_no_probe() -> None:
    bare = {"type": "nic", "name": "eth0", "network": "lxdbr0"}
    document = evidence_documents.baseline()
    for number in range(6):
        key = ("instances", number, "expanded_devices", "eth0")
        document = evidence_documents.patch(document, *key, to=bare)
    assert plan.of(evidence_documents.evidence(document)).bridged == ()


@pytest.mark.parametrize(
    ("config", "gives"),
    [
        ({}, False),
        ({"ipv4_address": "none"}, False),
        ({"ipv4_address": "10.0.0.1/24"}, True),
        ({"ipv4_address": "10.0.0.1/24", "ipv4_dhcp": "off"}, False),
    ],
)
def test_network_gives_addresses_by_dhcp_only(config: dict[str, str], *, gives: bool) -> None:
    assert nic_settings.gives_addresses(network(**config)["br"], "ipv4") is gives


# --- the project ---------------------------------------------------------------------------------


@dataclass
class FakeApi:
    """A fake LXD for the probe's project: it records the requests, and all of them succeed."""

    projects: list[Any] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)
    instances: list[Any] = field(default_factory=list)
    refuse: str = ""
    sent: list[tuple[str, str]] = field(default_factory=list)
    target: str = "lxd1"
    round_trips: int = 0

    def get_many(self, paths: Sequence[str]) -> tuple[Answer, ...]:
        return tuple(Answer(path=path, status=200, metadata=self._found(path)) for path in paths)

    def _found(self, path: str) -> Any:
        known: Mapping[str, Any] = {
            "/1.0": {"environment": {"architectures": ["x86_64", "i686"]}},
            "/1.0/projects": self.projects,
            "/1.0/images": self.images,
            "/1.0/instances": self.instances,
        }
        if path.endswith(f"/state?{lxd_project.QUERY}"):
            return {"pid": 77}
        return known.get(path.partition("?")[0], {"status_code": 200})

    def send_many(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        self.sent += [(one.method, one.path) for one in requests]
        return tuple(self._reply(one) for one in requests)

    def _reply(self, request: Request) -> Reply:
        if self.refuse and self.refuse in f"{request.method} {request.path}":
            body = json.dumps({"type": "error", "error": "no", "error_code": 400}).encode()
            return Reply(path=request.path, status=400, body=body)
        body = json.dumps({"type": "async", "metadata": {"id": "abc-1"}}).encode()
        return Reply(path=request.path, status=202, body=body)

    def close(self) -> None:
        """Do nothing: there is no connection."""


IMAGE = lxd_project.ProbeImage(fingerprint="1a", pool="default")


def probe_project_on(api: FakeApi) -> lxd_project.ProbeProject:
    return lxd_project.ProbeProject(api, IMAGE, threading.Event())


def test_project_is_removed_whatever_happens() -> None:
    api = FakeApi()
    with pytest.raises(ZeroDivisionError), probe_project_on(api):
        raise ZeroDivisionError
    assert api.sent[-1] == ("DELETE", f"/1.0/projects/{probe_project.PROJECT}")


def test_every_change_is_in_the_probe_project() -> None:
    api = FakeApi(instances=[{"name": probe_project.PEER}, {"name": "production"}])
    with probe_project_on(api) as ready:
        ready.launch(probe_project.SENDER, {"type": "nic"})
    paths = {path for _, path in api.sent}
    assert all("projects" in path or path.endswith(lxd_project.QUERY) for path in paths)
    assert not any("production" in path for path in paths)


def test_no_instance_is_made_after_an_interruption() -> None:
    interrupted = threading.Event()
    interrupted.set()
    api = FakeApi()
    with (
        pytest.raises(lxd_project.ProbeFailed, match="interrupted"),
        lxd_project.ProbeProject(api, IMAGE, interrupted) as ready,
    ):
        ready.launch(probe_project.SENDER, {})
    assert [verb for verb, path in api.sent if "/1.0/instances" in path] == []


def test_refusal_of_lxd_is_reported() -> None:
    api = FakeApi(refuse="POST /1.0/instances")
    with (
        pytest.raises(lxd_project.ProbeFailed, match=r"POST /1\.0/instances: no"),
        probe_project_on(api) as ready,
    ):
        ready.launch(probe_project.SENDER, {})


def test_leftovers_are_removed_before_anything_is_made() -> None:
    api = FakeApi(
        projects=[project(f"{int(time.time() - 5000)} elsewhere 7 9")],
        instances=[{"name": probe_project.PEER}],
    )
    lxd_project.remove_leftovers(api)
    assert [verb for verb, _ in api.sent] == ["PUT", "DELETE", "DELETE"]


def image(fingerprint: str, **changes: Any) -> dict[str, Any]:
    made = {"fingerprint": fingerprint, "type": "container", "architecture": "x86_64", "size": 5}
    return {**made, **changes}


def test_smallest_image_of_a_container_is_taken() -> None:
    images = [image("a"), image("b", size=2), image("c", size=1, type="virtual-machine")]
    images += [image("d", size=1, architecture="aarch64")]
    assert lxd_project.choose_image(FakeApi(images=images), ["default"], "").fingerprint == "b"


def test_server_without_an_image_is_reported() -> None:
    with pytest.raises(lxd_project.ProbeFailed, match="no container image"):
        lxd_project.choose_image(FakeApi(), ["default"], "")


# --- replies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (200, {"type": "sync", "metadata": {}}, ""),
        (201, {"type": "sync", "metadata": None}, ""),
        (202, {"type": "async", "metadata": {"id": "x"}}, ""),
        (409, {"type": "error", "error": "it exists"}, "it exists"),
        (200, {"type": "error", "error": "late"}, "late"),
    ],
)
def test_refusal_and_success_are_distinguished(status: int, body: Any, refused: str) -> None:
    reply = Reply(path="/1.0", status=status, body=json.dumps(body).encode())
    assert lxd_response.refusal(reply) == refused


def test_malformed_reply_is_a_refusal() -> None:
    assert lxd_response.refusal(Reply(path="/1.0", status=502, body=b"<html>"))


# --- the injector --------------------------------------------------------------------------------


def test_injector_and_every_frame_fit_into_one_command() -> None:
    nic = FilteredNic(interface="", mac=MACS.sender)
    every = [octets.hex() for octets in run.harmless(frame_kinds.every(nic, NOBODY)).values()]
    command = host_sweep.wrap(injector_call.INJECTOR, {"frames": every})
    assert len(command) < host_sweep.LONGEST_COMMAND / 2


def test_injector_is_sent_with_the_sweeps_loader() -> None:
    text = payload.text(injector_call.INJECTOR)
    assert "lxdsec_sweep.bridged" in text
    assert "lxdsec_sweep.processes" not in text


@dataclass
class FakeShell:
    """A fake host on which every command has the same output."""

    output: Output
    target: str = "lxd1"
    host: Any = None
    round_trips: int = 0

    def run(self, _: str) -> Output:
        return self.output

    def close(self) -> None:
        """Do nothing: there is no connection."""


@pytest.mark.parametrize(
    "output",
    [
        Output(exit_status=142, stdout=b"", stderr=b"Alarm clock"),
        Output(exit_status=0, stdout=b"", stderr=b""),
        Output(exit_status=127, stdout=b"", stderr=b"python3: not found"),
    ],
)
def test_injector_without_an_answer_has_failed(output: Output) -> None:
    with pytest.raises(lxd_project.ProbeFailed):
        injector_call.do(FakeShell(output), "bridged", {})


def test_dhcp_request_holds_the_name_and_address() -> None:
    body = dhcp_dns.dhcp(
        dhcp_dns.REQUEST, 7, "020000000001", name="web", wanted=bytes([10, 0, 0, 9])
    )
    assert len(body) > dhcp_dns.FIXED
    assert body[dhcp_dns.FIXED - 4 : dhcp_dns.FIXED] == dhcp_dns.COOKIE
    assert b"\x0c\x03web" in body
    assert b"\x32\x04\x0a\x00\x00\x09" in body


def test_built_frame_can_be_decoded() -> None:
    macs = ("020000000001", dhcp_dns.BROADCAST)
    octets = dhcp_dns.udp(macs, (bytes(4), b"\xff" * 4), (68, 67), b"body")
    frame = decode.parse(octets)
    assert isinstance(frame.content, ethernet.Ipv4)
    assert isinstance(frame.content.content, ethernet.Udp | ethernet.Other)


def test_answer_to_another_request_is_ignored() -> None:
    octets = dhcp_dns.udp(
        ("020000000001", dhcp_dns.BROADCAST), (bytes(4), bytes(4)), (67, 68), bytes(300)
    )
    assert dhcp_dns.reply(octets, 7) == {}


def dns_answer(code: int, *addresses: str) -> bytes:
    asked = dhcp_dns.question(7, "web.lxd")
    flags = (0x8000 | code).to_bytes(2, "big")
    count = len(addresses).to_bytes(2, "big")
    records = [b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(one) for one in addresses]
    return asked[:2] + flags + asked[4:6] + count + asked[8:] + b"".join(records)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (dns_answer(3), ("NXDOMAIN", [])),
        (dns_answer(0, "10.0.0.9", "10.0.0.8"), ("NOERROR", ["10.0.0.8", "10.0.0.9"])),
        (dns_answer(5), ("REFUSED", [])),
        (dns_answer(4), ("code 4", [])),
    ],
)
def test_answers_of_dns_are_read(answer: bytes, expected: tuple[str, list[str]]) -> None:
    assert dhcp_dns.addresses(answer, "web.lxd") == expected


def test_truncated_dns_answer_is_an_error() -> None:
    with pytest.raises(ValueError, match="cut off"):
        dhcp_dns.addresses(dns_answer(0, "10.0.0.9")[:-2], "web.lxd")
