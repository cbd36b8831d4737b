"""Commands in real instances: exact results over every connection, and clear errors."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_lxdsec.lab import Lab, scenarios
from pytest_lxdsec.transport import Api, exec_batch, host_shell, instance_backend, lxd_api
from pytest_lxdsec.transport.exec_request import ExecRequest


@pytest.fixture(scope="module", params=["unix", "shell"])
def lxd(request: pytest.FixtureRequest, lab: Lab) -> Iterator[Api]:
    if request.param == "unix":
        lxd = lxd_api.unix(lab.socket, target="lab")
        yield lxd
        lxd.close()
        return
    held = host_shell.connect(f"nsenter://{lab.pid}", target="lab")
    yield lxd_api.over_shell(held, target="lab")
    held.close()


def inside(lxd: Api, name: str, project: str = scenarios.DEFAULT_PROJECT) -> Any:
    return instance_backend.connect(lxd, project=project, name=name)


def recorded(lxd: Api, name: str) -> list[str]:
    """Return the outputs of an instance's commands that LXD still holds."""
    (answer,) = lxd.get_many([f"/1.0/instances/{name}/logs"])
    assert answer.is_success, answer.error
    return [path for path in answer.metadata if "/exec_" in path]


def test_result_is_exact_and_nothing_is_left(lxd: Api) -> None:
    host = inside(lxd, scenarios.PLAIN)
    result = host.run(r"printf 'a\000\377\n\n'; printf '\303(' >&2; exit 7")
    assert (result.rc, result.stdout_bytes, result.stderr_bytes) == (7, b"a\0\xff\n\n", b"\xc3(")
    assert recorded(lxd, scenarios.PLAIN) == []


def test_modules_of_testinfra_work(lxd: Api) -> None:
    host = inside(lxd, scenarios.PLAIN)
    assert host.file("/bin/busybox").exists
    assert not host.file("/no such").exists
    assert host.user("root").exists
    assert host.check_output("echo %s", "a 'b' $c") == "a 'b' $c"
    assert host.check_output("echo grün") == "grün"


@pytest.mark.parametrize("status", [0, 1, 126, 127, 255])
def test_exit_status_is_that_of_the_command(lxd: Api, status: int) -> None:
    assert inside(lxd, scenarios.PLAIN).run(f"exit {status}").rc == status


def test_large_output_is_whole(lxd: Api) -> None:
    output = inside(lxd, scenarios.PLAIN).run("seq 1 300000").stdout
    assert output.split()[-1] == "300000"
    assert len(output) == 1988895


def test_command_runs_inside_and_as_root(lxd: Api) -> None:
    host = inside(lxd, scenarios.PLAIN)
    assert host.check_output("hostname; id -u").split() == [scenarios.PLAIN, "0"]


def run_in(lxd: Api, *names: str) -> list[ExecRequest]:
    some = [
        ExecRequest(project=scenarios.DEFAULT_PROJECT, name=name, line="hostname; exit 3")
        for name in names
    ]
    exec_batch.run(lxd, some, seconds=60)
    return some


def test_one_that_cannot_run_is_no_loss_to_the_others(lxd: Api) -> None:
    names = (scenarios.PLAIN, scenarios.STOPPED, scenarios.ISOLATED)
    plain, stopped, isolated = run_in(lxd, *names)
    assert (plain.status, plain.stdout) == (3, b"plain\n")
    assert (isolated.status, isolated.stdout) == (3, b"isolated\n")
    assert "not running" in str(stopped.error)


def test_any_number_costs_three_commands_over_a_shell(lab: Lab) -> None:
    held = host_shell.connect(f"nsenter://{lab.pid}", target="lab")
    lxd = lxd_api.over_shell(held, target="lab")
    run_in(lxd, scenarios.PLAIN, scenarios.ISOLATED, scenarios.HARDENED)
    assert lxd.round_trips == 3
    held.close()


def test_instances_of_one_name_are_distinguished(lxd: Api) -> None:
    ours, theirs = (
        inside(lxd, scenarios.TWIN, project)
        for project in (scenarios.DEFAULT_PROJECT, scenarios.TENANTS)
    )
    ours.run("touch /root/ours")
    try:
        assert ours.file("/root/ours").exists
        assert not theirs.file("/root/ours").exists
    finally:
        ours.run("rm /root/ours")


@pytest.mark.parametrize(
    ("name", "project", "words"),
    [
        ("stopped", "default", "Instance is not running: start it: lxc start stopped"),
        ("frozen", "default", "Instance is frozen: resume it: lxc start frozen"),
        ("nosuch", "default", "Instance not found"),
        ("plain", "tenants", "Instance not found"),
    ],
)
def test_unavailable_instance_is_explained(lxd: Api, name: str, project: str, words: str) -> None:
    with pytest.raises(instance_backend.GuestUnavailable) as caught:
        inside(lxd, name, project).run("true")
    assert str(caught.value).startswith(f"instance {name} of project {project}: {words}")


def test_killed_shell_is_no_success(lxd: Api) -> None:
    with pytest.raises(
        instance_backend.GuestUnavailable, match="the end of the output is missing"
    ):
        inside(lxd, scenarios.PLAIN).run("echo x; kill -9 $PPID")
    assert recorded(lxd, scenarios.PLAIN) == []


def test_instance_without_a_shell_is_reported(lab: Lab, lxd: Api) -> None:
    away = f"lxc exec {scenarios.UNFILTERED} -- /bin/busybox mv"
    assert lab.shell(f"{away} /bin/sh /bin/away").returncode == 0
    try:
        with pytest.raises(
            instance_backend.GuestUnavailable, match="Command not found: it has no /bin/sh"
        ):
            inside(lxd, scenarios.UNFILTERED).run("true")
        assert recorded(lxd, scenarios.UNFILTERED) == []
    finally:
        assert lab.shell(f"{away} /bin/away /bin/sh").returncode == 0


def test_command_that_does_not_end_is_given_up(lxd: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_backend, "COMMAND_SECONDS", 1.0)
    monkeypatch.setattr(exec_batch, "WAIT_SECONDS", 1)
    host = inside(lxd, scenarios.PLAIN)
    with pytest.raises(
        instance_backend.GuestUnavailable, match="has not ended after 1 s and runs on"
    ):
        host.run("sleep 3333")
    assert recorded(lxd, scenarios.PLAIN) == []
    monkeypatch.undo()
    host.run("pkill -x -f 'sleep 3333'")


def test_commands_side_by_side_are_all_right(lxd: Api) -> None:
    host = inside(lxd, scenarios.PLAIN)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: host.run("seq 1 %s", str(n + 500)), range(24)))
    expected = ["".join(f"{line}\n" for line in range(1, n + 501)) for n in range(24)]
    assert [result.stdout for result in results] == expected
    assert recorded(lxd, scenarios.PLAIN) == []
