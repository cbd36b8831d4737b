"""Complete audits of a complete host, over every connection from another machine."""

from __future__ import annotations

import pathlib
import urllib.parse
from collections.abc import Iterator, Mapping

import pytest

from pytest_lxdsec.evidence import evidence_file, probe_project
from pytest_lxdsec.lab import scenario as scenarios
from pytest_lxdsec.session import catalogue
from tests.lab import audits
from tests.support import judging
from tests.unit.evidence import test_example

from . import both_ways, clients, example, recipe, vm

Verdicts = Mapping[audits.Key, str]

INSTANCES = len(scenarios.DEFAULT.instances)
MOST_TRIALS = (
    160  # seven instances are made, started and removed, with as many commands on the host
)


@pytest.fixture(scope="module")
def client(host: vm.Vm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Yield the directory of the clients that the host trusts."""
    yield clients.trusted(host, tmp_path_factory.mktemp("client"))
    clients.forgotten(host)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("evidence") / "host.json"


@pytest.fixture(scope="module")
def logins(host: vm.Vm) -> list[int]:
    """Return a list for the numbers of root's logins before and after the main audit."""
    return [_logins(host)]


@pytest.fixture(scope="module")
def by_ssh(
    host: vm.Vm,
    client: pathlib.Path,
    evidence: pathlib.Path,
    logins: list[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> audits.Audit:
    """Run the main audit: root over ssh, with probes."""
    del client  # trusted in every audit, or in none
    directory = tmp_path_factory.mktemp("ssh")
    options = ("--lxd-probe", f"--lxd-save-evidence={evidence}", "-rE")
    target = f"--lxd-host={host.ssh()}"
    done = audits.run(directory, target, *options, seconds=example.PROBE_SECONDS)
    logins.append(_logins(host))
    return done


def _logins(host: vm.Vm) -> int:
    count = "journalctl --unit ssh --grep 'Accepted publickey for root' --output cat | wc -l"
    return int(host.shell(count))


@pytest.fixture(scope="module")
def otherwise(
    host: vm.Vm, client: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> audits.Audit:
    """Run an audit over a login with sudo, and over the API alone."""
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
    for part in ("LXD 5.0.2 on Debian", f"{INSTANCES} instances"):
        assert part in line


def test_no_verdict_is_an_error(by_ssh: audits.Audit) -> None:
    hosts = by_ssh.verdicts().values()
    errors = [key for verdicts in hosts for key in verdicts if verdicts[key] == "error"]
    assert errors == [], by_ssh.output


def test_there_is_nothing_that_is_not_assessed(by_ssh: audits.Audit, host: vm.Vm) -> None:
    """Expect a verdict of every control in the catalogue, and none that is not assessed."""
    said = by_ssh.verdicts()[host.name()]
    assert {control for control, _ in said} == {made.id for made in catalogue.packaged()}
    assert [key for key in said if said[key] == "not-assessed"] == []


def test_a_probe_leaves_nothing_behind(by_ssh: audits.Audit, host: vm.Vm) -> None:
    del by_ssh  # its fixture ran the probes
    assert probe_project.PROJECT not in host.shell("lxc project list --format csv")
    assert len(host.shell("lxc list --all-projects --format csv --columns n").split()) == INSTANCES


def test_replay_repeats_every_verdict(
    by_ssh: audits.Audit, evidence: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    again = audits.run(tmp_path, f"--lxd-host=evidence:{evidence}")
    assert list(again.verdicts().values()) == list(by_ssh.verdicts().values())


def test_sudo_gives_the_verdicts_of_root(
    by_ssh: audits.Audit, otherwise: audits.Audit, host: vm.Vm
) -> None:
    name = host.name(recipe.OPERATOR)
    assert otherwise.verdicts()[name] == _without_probes(by_ssh.verdicts()[host.name()])


def _without_probes(said: Verdicts) -> Verdicts:
    """Return the verdicts that an audit without probes would have."""
    tried = {key for key in said if key[0] in both_ways.PROBED and said[key] in ("pass", "fail")}
    assert tried
    return {**said, **dict.fromkeys(tried, "not-assessed")}


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


def test_the_api_with_a_shell_gives_the_verdicts_of_ssh(
    by_ssh: audits.Audit, client: pathlib.Path, host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    target = f"--lxd-host={host.api}?shell={urllib.parse.quote(host.ssh(), safe='')}"
    run = audits.run(tmp_path, target, *clients.options(client, clients.UNRESTRICTED))
    assert run.verdicts()[host.api] == _without_probes(by_ssh.verdicts()[host.name()])


def test_a_restricted_client_gets_an_error_and_no_verdict(
    client: pathlib.Path, host: vm.Vm, tmp_path: pathlib.Path
) -> None:
    target = f"--lxd-host={host.api}"
    run = audits.run(tmp_path, target, *clients.options(client, clients.RESTRICTED))
    assert run.status == 1
    assert "not as an administrator (config: null)" in run.output
    assert run.verdicts() == {}


def test_an_audit_logs_in_once(by_ssh: audits.Audit, logins: list[int]) -> None:
    """Expect one connection: each login costs a second here, and a line in a log."""
    del by_ssh  # its fixture logged in
    before, after = logins
    assert after == before + 1


def test_an_audit_is_a_handful_of_round_trips(
    by_ssh: audits.Audit, evidence: pathlib.Path
) -> None:
    """Expect a fixed number for all instances, because a distant host answers slowly."""
    del by_ssh  # its fixture made them
    trips = dict(evidence_file.load(evidence).header.round_trips)
    probe, trials = trips.pop("probe"), trips.pop("trial_api") + trips.pop("trial_shell")
    assert trips == {"api": 2, "shell": 3}
    # Three, and a few more if the host is slow: commands are waited for, and LXD drops operations.
    assert probe <= 3 + 3
    assert trials <= MOST_TRIALS


def test_the_example_that_ships_is_judged_like_the_host(by_ssh: audits.Audit, host: vm.Vm) -> None:
    """Expect that the example of the fast tests and `make audit` is up to date."""
    shipped = judging.judge(evidence_file.load(test_example.PATH))
    live = by_ssh.verdicts()[host.name()]
    expected = {
        key: result.verdict.value
        for key, result in shipped.items()
        if not key[1].startswith("certificate/")  # by fingerprints, which differ in every run
    }
    assert expected == {key: live.get(key, "none") for key in expected}, test_example.ANEW
