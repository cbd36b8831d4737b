"""Whole audits of a whole host, by every road that leads to it from another machine."""

from __future__ import annotations

import pathlib
import urllib.parse
from collections.abc import Iterator

import pytest

from pytest_lxdsec.evidence import replay

from ..lab import audits
from . import clients, recipe, vm


@pytest.fixture(scope="module")
def client(host: vm.Vm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Files of the clients that the host trusts."""
    yield clients.trusted(host, tmp_path_factory.mktemp("client"))
    clients.forgotten(host)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("evidence") / "host.json"


@pytest.fixture(scope="module")
def logins(host: vm.Vm) -> list[int]:
    """How often root had logged in before the main audit, and after it."""
    return [_logins(host)]


@pytest.fixture(scope="module")
def by_ssh(
    host: vm.Vm,
    client: pathlib.Path,
    evidence: pathlib.Path,
    logins: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> audits.Audit:
    """The main road: root over ssh."""
    del client  # is trusted in every audit, or in none
    directory = tmp_path_factory.mktemp("ssh")
    options = (f"--lxd-save-evidence={evidence}", "-rE")
    done = audits.run(directory, f"--lxd-host={host.ssh()}", *options)
    logins.append(_logins(host))
    return done


def _logins(host: vm.Vm) -> int:
    count = "journalctl --unit ssh --grep 'Accepted publickey for root' --output cat | wc -l"
    return int(host.shell(count))


@pytest.fixture(scope="module")
def otherwise(
    host: vm.Vm, client: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> audits.Audit:
    """Another login that becomes root, and the API alone, in one run."""
    return audits.run(
        tmp_path_factory.mktemp("otherwise"),
        f"--lxd-host={host.ssh(recipe.OPERATOR, sudo='true')}",
        f"--lxd-host={host.api}",
        *clients.options(client, clients.UNRESTRICTED),
    )


def test_root_over_ssh_gets_findings_and_a_header(by_ssh: audits.Audit, host: vm.Vm) -> None:
    assert by_ssh.status == 1, by_ssh.output
    line = next(
        one for one in by_ssh.output.splitlines() if one.startswith(f"lxd: {host.name()}: ")
    )
    for part in ("LXD 5.0.2 on Debian", "11 instances"):
        assert part in line


def test_there_is_nothing_that_cannot_be_told(by_ssh: audits.Audit) -> None:
    told = by_ssh.verdicts().values()
    errors = [key for verdicts in told for key in verdicts if verdicts[key] == "error"]
    assert errors == [], by_ssh.output


def test_replay_repeats_every_verdict(
    by_ssh: audits.Audit, evidence: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    again = audits.run(tmp_path, f"--lxd-host=evidence:{evidence}")
    assert list(again.verdicts().values()) == list(by_ssh.verdicts().values())


def test_sudo_sees_what_root_sees(
    by_ssh: audits.Audit, otherwise: audits.Audit, host: vm.Vm
) -> None:
    name = host.name(recipe.OPERATOR)
    assert otherwise.verdicts()[name] == by_ssh.verdicts()[host.name()]


def test_a_login_that_is_not_root_gets_an_error_and_no_verdict(
    host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    run = audits.run(tmp_path, f"--lxd-host={host.ssh(recipe.OPERATOR)}")
    assert run.status == 1
    assert f"cannot reach {host.name(recipe.OPERATOR)}" in run.output
    assert run.verdicts() == {}


def test_the_api_alone_assesses_less_and_judges_alike(
    by_ssh: audits.Audit, otherwise: audits.Audit, host: vm.Vm
) -> None:
    full, api = by_ssh.verdicts()[host.name()], otherwise.verdicts()[host.api]
    assessed = {key: said for key, said in api.items() if said != "not-assessed"}
    assert assessed
    assert len(assessed) < len(api)
    assert assessed == {key: full[key] for key in assessed}


def test_the_api_with_a_shell_sees_what_ssh_sees(
    by_ssh: audits.Audit, client: pathlib.Path, host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    target = f"--lxd-host={host.api}?shell={urllib.parse.quote(host.ssh(), safe='')}"
    run = audits.run(tmp_path, target, *clients.options(client, clients.UNRESTRICTED))
    assert run.verdicts()[host.api] == by_ssh.verdicts()[host.name()]


def test_a_restricted_client_gets_an_error_and_no_verdict(
    client: pathlib.Path, host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    target = f"--lxd-host={host.api}"
    run = audits.run(tmp_path, target, *clients.options(client, clients.RESTRICTED))
    assert run.status == 1
    assert "not as an administrator (config: null)" in run.output
    assert run.verdicts() == {}


def test_an_audit_logs_in_once(by_ssh: audits.Audit, logins: list[int]) -> None:
    """What it asks goes over one connection: each costs a second here, and a line in a log."""
    del by_ssh  # is what logged in
    before, after = logins
    assert after == before + 1


def test_an_audit_is_a_handful_of_round_trips(
    by_ssh: audits.Audit, evidence: pathlib.Path
) -> None:
    """For all instances together: a far host answers each in its own time."""
    del by_ssh  # is what made them
    trips = dict(replay.load(evidence).header.round_trips)
    probe = trips.pop("probe")
    assert trips == {"api": 2, "shell": 3}
    # Three, and a few more where the host is slow: it is waited for, and LXD forgets meanwhile.
    assert probe <= 3 + 3
