"""The sweep's facts of the lab match the output of LXD, `ss`, `stat` and the kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.lab import scenario
from pytest_lxdsec.lxd import api_endpoints

from . import sweeping

RUNNING = tuple(
    instance
    for instance in scenario.DEFAULT.instances
    if instance.state is not scenario.State.STOPPED
)


@pytest.fixture(scope="module")
def parts(lab: labs.Lab) -> Mapping[str, Mapping[str, Any]]:
    return sweeping.parts(lab, "/var/lib/lxd/containers/plain", "/dev/disk/../null", "/nowhere")


@pytest.fixture(scope="module")
def facts(parts: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the values of the parts that are present."""
    return {name: part["value"] for name, part in parts.items() if "value" in part}


@pytest.fixture(scope="module")
def states(lab: labs.Lab) -> Mapping[str, Any]:
    return sweeping.states(lab)


def by_name(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {container["lxc_name"]: container for container in facts["host.containers"]}


def test_no_part_of_the_labs_host_is_missing(parts: Mapping[str, Mapping[str, Any]]) -> None:
    assert {name: part for name, part in parts.items() if "value" not in part} == {}


def test_inits_are_those_that_lxd_names(
    facts: Mapping[str, Any], states: Mapping[str, Any]
) -> None:
    found = {name: container["pid"] for name, container in by_name(facts).items()}
    assert found == {name: entry["state"]["pid"] for name, entry in states.items()}
    assert len(found) == len(RUNNING)


def test_id_map_of_each_container_is_the_kernels(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    for container in facts["host.containers"]:
        pid = container["pid"]
        done = lab.shell(f"cat /proc/{pid}/uid_map; echo =; cat /proc/{pid}/gid_map")
        assert f"{container['uid_map']}=\n{container['gid_map']}" == done.stdout.decode()


def test_isolated_container_has_the_map_that_lxd_gave_it(
    facts: Mapping[str, Any], states: Mapping[str, Any]
) -> None:
    base = states[scenario.ISOLATED]["config"]["volatile.idmap.base"]
    assert by_name(facts)[scenario.ISOLATED]["uid_map"].split() == ["0", base, "65536"]


def test_only_the_privileged_container_shares_the_daemons_user_namespace(
    facts: Mapping[str, Any],
) -> None:
    own = facts["host.server"]["namespaces"]["user"]
    sharing = [
        name
        for name, container in by_name(facts).items()
        if container["namespaces"]["user"] == own
    ]
    assert sharing == [scenario.PRIVILEGED]


def test_status_of_a_container_is_the_kernels(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    container = by_name(facts)[scenario.PLAIN]
    text = lab.run("cat", f"/proc/{container['pid']}/status").stdout.decode()
    for key, value in container["status"].items():
        assert re.search(rf"^{key}:\s*{re.escape(value)}\s*$", text, re.MULTILINE), key


def test_listeners_are_those_of_ss(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    listening = lab.shell("ss -Hltnp | grep '\"lxd\"'").stdout.decode()
    ports = re.findall(r"^LISTEN +\d+ +\d+ +(\S+):(\d+) ", listening, re.MULTILINE)
    found = {
        ("*" if one["address"] == "::" else one["address"], str(one["port"]))
        for one in facts["host.listeners"]
    }
    assert found == set(ports)
    assert found == {("*", str(scenario.PORT))}


def test_socket_matches_stat(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    (socket,) = facts["host.sockets"]
    way = [socket["file"], *socket["directories"]]
    names = " ".join(file["path"] for file in way)
    lines = lab.shell(f"stat -c '%n %u %g %a %d %i' {names}").stdout.decode().splitlines()
    keys = ("path", "uid", "gid", "mode", "device", "inode")
    assert lines == [
        " ".join(f"{file[key]:o}" if key == "mode" else str(file[key]) for key in keys)
        for file in way
    ]
    assert socket["file"]["path"] == "/var/lib/lxd/unix.socket"
    assert socket["directories"][-1]["path"] == "/"


def test_daemon_is_the_one_that_was_asked(facts: Mapping[str, Any], lab: labs.Lab) -> None:
    pid = int(lab.run("cat", "/run/lxd.pid").stdout)
    assert facts["host.server"]["pid"] == pid
    assert facts["host.daemons"] == [facts["host.server"]]


def test_admin_group_is_that_of_the_command_line(facts: Mapping[str, Any]) -> None:
    (group,) = facts["host.admin_groups"]
    assert (group["name"], group["source"]) == ("lxd", "lxd --group")


def test_anonymous_requests_are_untrusted(facts: Mapping[str, Any]) -> None:
    (door,) = facts["host.anonymous_requests"]
    answers = {answer["path"]: answer for answer in door["answers"]}
    assert (door["tls"], door["error"]) == ("TLSv1.3", "")
    assert answers.pop(api_endpoints.OPEN)["auth"] == "untrusted"
    assert {answer["status"] for answer in answers.values()} == {403}


def test_interfaces_are_those_of_the_daemons_network(
    lab: labs.Lab, facts: Mapping[str, Any]
) -> None:
    links = json.loads(lab.run("ip", "-json", "link").stdout)
    found = {one["name"]: one["index"] for one in facts["host.network"]["interfaces"]}
    assert found == {"all": 0, "default": 0, **{one["ifname"]: one["ifindex"] for one in links}}


def test_settings_of_an_interface_are_those_of_sysctl(
    lab: labs.Lab, facts: Mapping[str, Any]
) -> None:
    (bridge,) = (
        one for one in facts["host.network"]["interfaces"] if one["name"] == scenario.BRIDGE
    )
    for key, value in bridge["ipv6"].items():
        printed = lab.run("sysctl", "-n", f"net.ipv6.conf.{scenario.BRIDGE}.{key}").stdout
        assert int(printed) == value


def test_accounts_are_those_of_getent(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    users = lab.run("getent", "passwd").stdout.decode().splitlines()
    assert len(facts["host.accounts"]["users"]) == len(users)
    (group,) = (one for one in facts["host.accounts"]["groups"] if one["name"] == "lxd")
    assert lab.run("getent", "group", "lxd").stdout.decode().split(":")[2] == str(group["gid"])


def test_paths_are_followed_as_the_daemon_sees_them(
    lab: labs.Lab, facts: Mapping[str, Any]
) -> None:
    pool = "/var/lib/lxd/storage-pools/default/containers/plain"
    found = {named["path"]: named["file"] for named in facts["host.paths"]}
    link, null, nowhere = found.values()
    assert link["path"] == pool
    assert str(link["inode"]) == lab.run("stat", "-c", "%i", pool).stdout.decode().strip()
    assert (null["exists"], nowhere["exists"]) == (
        lab.shell("test -e /dev/disk").returncode == 0,
        False,
    )


def test_system_and_package_are_the_machines(lab: labs.Lab, facts: Mapping[str, Any]) -> None:
    assert facts["host.os"]["hostname"] == "lab"
    version = lab.run("dpkg-query", "-W", "-f=${Version}", "lxd").stdout.decode()
    assert facts["host.packages"]["lxd"] == version
