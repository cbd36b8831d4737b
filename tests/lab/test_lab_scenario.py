"""The default scenario on a real LXD matches its data."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pytest_lxdsec import lab
from pytest_lxdsec.lab import lxd_client, scenario

# The fixture skips the tests if this machine cannot run a lab, or fails them if it must.
pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[lab.Lab, float]]:
    began = time.monotonic()
    with lab.throw_away() as here:
        yield here, time.monotonic() - began


@pytest.fixture(scope="module")
def here(started: tuple[lab.Lab, float]) -> lab.Lab:
    return started[0]


@pytest.fixture(scope="module")
def lxd(here: lab.Lab) -> lxd_client.Client:
    return lxd_client.Client(here.socket)


def test_default_lab_is_ready_in_under_fifteen_seconds(started: tuple[lab.Lab, float]) -> None:
    assert started[1] < 15


def test_every_instance_is_in_its_state(lxd: lxd_client.Client) -> None:
    found = {
        (instance["project"], instance["name"]): instance["status"]
        for instance in lxd.get("/1.0/instances?recursion=1&all-projects=true")
    }
    assert found == {
        (instance.project, instance.name): instance.state.value
        for instance in scenario.DEFAULT.instances
    }


def test_listener_is_the_wildcard_of_lxd_init(here: lab.Lab) -> None:
    listening = here.run("ss", "-Hltn", "sport", "=", ":8443").stdout.decode()
    assert "*:8443" in listening


def test_listener_answers_at_the_labs_address(here: lab.Lab) -> None:
    handshake = here.run("openssl", "s_client", "-connect", here.address, "-brief")
    assert b"CONNECTION ESTABLISHED" in handshake.stderr


def test_filtered_profile_filters_in_the_kernel(here: lab.Lab) -> None:
    rules = here.run("nft", "list", "chain", "bridge", "lxd", "in.filtered.eth0").stdout
    assert b"ether type != { ip, arp, ip6 } drop" in rules


def test_unfiltered_overrides_the_filtered_profile(here: lab.Lab, lxd: lxd_client.Client) -> None:
    instance = lxd.get(f"/1.0/instances/{scenario.UNFILTERED}")
    rules = here.run("nft", "list", "ruleset").stdout
    assert instance["profiles"] == [scenario.FILTERED_PROFILE]
    assert "security.mac_filtering" not in instance["expanded_devices"]["eth0"]
    assert b"in.unfiltered.eth0" not in rules


@pytest.mark.parametrize("address", scenario.ROUTED_ADDRESSES)
def test_routed_instance_is_reached_through_its_own_route(here: lab.Lab, address: str) -> None:
    assert here.run("busybox", "ping", "-c1", "-W5", address).returncode == 0


def test_isolated_instances_share_no_host_id_with_others(lxd: lxd_client.Client) -> None:
    bases = [
        lxd.get(f"/1.0/instances/{name}")["config"]["volatile.idmap.base"]
        for name in (scenario.PLAIN, scenario.ISOLATED, scenario.HARDENED)
    ]
    assert len(set(bases)) == 3


def test_privileged_container_runs_as_real_root(here: lab.Lab, lxd: lxd_client.Client) -> None:
    init = lxd.get(f"/1.0/instances/{scenario.PRIVILEGED}/state")["pid"]
    assert here.run("cat", f"/proc/{init}/uid_map").stdout.split() == [b"0", b"0", b"4294967295"]


def test_default_network_gives_addresses(here: lab.Lab) -> None:
    script = "until lxc list plain -c4 -f csv | grep -q eth0; do sleep 0.1; done"
    assert here.run("sh", "-c", script, timeout=20).returncode == 0


def test_container_is_ready_for_commands(here: lab.Lab) -> None:
    done = here.shell("lxc exec hardened -- sh -c 'id -u; ls /proc/1/exe | wc -l'")
    assert done.stdout == b"0\n1\n"


def test_container_stops_when_it_is_asked_to(here: lab.Lab) -> None:
    done = here.shell("lxc launch -q busybox brief && lxc stop --timeout 30 brief")
    state = here.shell("lxc list brief -cs -f csv; lxc delete -f brief")
    assert (done.returncode, state.stdout) == (0, b"STOPPED\n")


def test_remedy_takes_effect(here: lab.Lab) -> None:
    remedy = "lxc config unset twin security.privileged && lxc restart twin"
    done = here.shell(
        f"lxc config set twin security.privileged=true && lxc restart twin; {remedy}"
    )
    maps = here.shell("lxc exec twin -- cat /proc/1/uid_map").stdout.split()
    assert done.returncode == 0
    assert maps[1] != b"0"


def test_client_prints_no_greeting(here: lab.Lab) -> None:
    assert here.shell("lxc project list -f csv").stderr == b""


def test_more_containers_are_a_few_words(lxd: lxd_client.Client) -> None:
    plan = scenario.scaled(scenario.BARE, 2)
    assert [instance.name for instance in plan.instances] == ["c0001", "c0002"]
    assert "c0001" not in str(lxd.get("/1.0/instances"))
