"""Probes on a real LXD: their observations, their removal, and their cost."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import model, probe_project, trial_facts
from pytest_lxdsec.inventory.nic_settings import Bridged
from pytest_lxdsec.probe import injector_call, plan
from pytest_lxdsec.verdict import Outcome
from tests.support import evidence_trials, firewall_table, judging

from . import audits, both_ways, probing, required, waiting

CONTROLS = ("LXD-BRI-12", "LXD-BRI-13", "LXD-RTD-04")
ROUTED = ("LXD-RTD-04", "nic/default/routed/eth0")
FILTERED = ("LXD-BRI-12", "nic/default/filtered/eth0")


# --- the measured table --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settings_lab() -> Iterator[labs.Lab]:
    """Yield a lab with a NIC of every setting."""
    with required.throw_away(probing.stopped(probing.SETTINGS)) as lab:
        yield lab


@pytest.fixture(scope="module")
def measured(settings_lab: labs.Lab) -> tuple[model.Evidence, dict[str, dict[str, str]]]:
    """Return the fate of every kind of frame, under every setting and under none."""
    with pytest.MonkeyPatch.context() as patch:
        also = Bridged(network=labs.scenarios.BRIDGE, filters=(), without=())
        real = plan._bridged

        def with_none(nic: Any, networks: Any) -> Iterator[Bridged]:
            yield from real(nic, networks)
            yield also

        patch.setattr(plan, "_bridged", with_none)
        evidence = probing.probed(settings_lab)
    return evidence, {_name(one): cells(one) for one in evidence.trials.bridged}


def _name(trial: trial_facts.BridgedTrial) -> str:
    known = {
        (tuple(f"security.{f}_filtering" for f in filters), without): name
        for name, (filters, without) in evidence_trials.SETTINGS.items()
    }
    return known.get((trial.filters, trial.without), "none")


def cells(trial: trial_facts.BridgedTrial) -> dict[str, str]:
    assert trial.error == "", trial.error
    lines = (line.split() for line in trial.frames.splitlines())
    return {
        kind: "".join(letter if letter in seen else "-" for letter in "HP")
        for kind, seen, _ in lines
    }


def test_every_setting_is_tried(measured: tuple[model.Evidence, dict[str, Any]]) -> None:
    assert set(measured[1]) == set(firewall_table.SETTINGS)


@pytest.mark.parametrize("setting", firewall_table.SETTINGS)
def test_frames_get_where_they_were_measured_to_get(
    measured: tuple[model.Evidence, dict[str, dict[str, str]]], setting: str
) -> None:
    expected = {kind: row[setting] for kind, row in firewall_table.MEASURED.items()}
    del expected["lldp_88cc_linklocal"]  # a bridge never passes it on
    assert measured[1][setting] == expected


GAPS = {
    "mac": "",
    "ipv4": "",
    "v4+v6none": "",
    "all": "LXD-BRI-07",
    "ipv6": "LXD-BRI-07",
    "v4none": "LXD-BRI-08",
    "v6none": "LXD-BRI-08",
    "bothnone": "LXD-BRI-08",
}


@pytest.mark.parametrize("setting", GAPS)
def test_stock_lxd_has_the_gaps_that_are_known_and_no_others(
    measured: tuple[model.Evidence, Any], setting: str
) -> None:
    subject = f"nic/default/has-{setting.replace('+', '-')}/eth0"
    result = judging.judge(measured[0])["LXD-BRI-12", subject]
    if not GAPS[setting]:
        assert result.verdict is Outcome.PASS, judging.text(result)
    else:
        assert f"not in the configuration ({GAPS[setting]};" in result.reason


# --- nothing remains -----------------------------------------------------------------------------


def test_nothing_stays_after_success(settings_lab: labs.Lab) -> None:
    assert "value" in probing.tried(settings_lab)
    assert probing.left(settings_lab) == ""


def test_nothing_remains_after_a_crash(
    settings_lab: labs.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(injector_call, "do", crash)
    with pytest.raises(ZeroDivisionError):
        probing.tried(settings_lab)
    assert probing.left(settings_lab) == ""


def test_refusal_of_lxd_is_reported_and_nothing_remains(
    settings_lab: labs.Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lxdsec.probe.senders.SENDER_PORT", "a/b")
    entries = probing.tried(settings_lab)["value"]["bridged"]
    assert {bool(one["error"]) for one in entries} == {True}
    assert probing.left(settings_lab) == ""


STUCK = """
import sys, time
from pytest_lxdsec import lab as labs
from pytest_lxdsec.probe import injector_call
from tests.lab import probing

def stop(*_):
    print("here", flush=True)
    time.sleep(600)

injector_call.do = stop
probing.tried(labs.find(sys.argv[1]))
"""


@contextlib.contextmanager
def stuck(lab: labs.Lab) -> Iterator[subprocess.Popen[str]]:
    """Run probes that stop when their second instance is up."""
    root = pathlib.Path(__file__).parents[2]
    command = [sys.executable, "-c", STUCK, lab.id]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "here\n"
            yield run
        finally:
            run.kill()


def test_leftovers_of_a_killed_run_are_not_audited_and_removed_by_the_next(
    settings_lab: labs.Lab,
) -> None:
    with stuck(settings_lab) as run:
        run.send_signal(signal.SIGKILL)
    assert probe_project.PEER in probing.left(settings_lab)
    seen = both_ways.see(settings_lab)
    # LXD's table of addresses belongs to the network and lists used addresses: it stays complete.
    audited = {k: v for k, v in seen.document.items() if k != "host.reservations"}
    assert probe_project.PEER not in json.dumps(audited)
    assert probe_project.PROJECT not in " ".join(subject for _, subject in judging.judge(seen))
    assert "value" in probing.tried(settings_lab)
    assert probing.left(settings_lab) == ""


def test_a_run_leaves_another_one_alone(settings_lab: labs.Lab) -> None:
    with stuck(settings_lab):
        error = "another run is probing this server: wait for its end"
        assert probing.tried(settings_lab) == {"missing": error}
        assert probe_project.PEER in probing.left(settings_lab)
    assert "value" in probing.tried(settings_lab)


def test_somebody_elses_project_of_the_name_is_left_alone(settings_lab: labs.Lab) -> None:
    settings_lab.shell(f"lxc project create {probe_project.PROJECT}")
    refused = probing.tried(settings_lab)
    kept = settings_lab.shell(f"lxc project show {probe_project.PROJECT}")
    settings_lab.shell(f"lxc project delete {probe_project.PROJECT}")
    assert "was not made by a probe" in refused["missing"]
    assert kept.returncode == 0


# --- the command line ----------------------------------------------------------------------------


def test_without_the_option_probes_are_not_assessed(lab: labs.Lab, tmp_path: pathlib.Path) -> None:
    run = audits.run(tmp_path, f"--lxd-host=lab:{lab.id}", *chosen())
    assert run.verdicts()[f"lab:{lab.id}"][ROUTED] == "not-assessed"
    assert run.verdicts()[f"lab:{lab.id}"][FILTERED] == "not-assessed"


def chosen() -> list[str]:
    return [f"--lxd-control={control}" for control in CONTROLS]


def test_replay_repeats_the_observations_of_probes(lab: labs.Lab, tmp_path: pathlib.Path) -> None:
    saved, again = tmp_path / "seen.json", tmp_path / "again.json"
    options = ["--lxd-probe", *chosen(), f"--lxd-save-evidence={saved}"]
    live = audits.run(tmp_path / "live", f"--lxd-host=lab:{lab.id}", *options)
    options = [*chosen(), f"--lxd-save-evidence={again}"]
    replayed = audits.run(tmp_path / "again", f"--lxd-host=evidence:{saved}", *options)
    (verdicts,) = live.verdicts().values()
    assert [verdicts] == list(replayed.verdicts().values())
    assert (verdicts[ROUTED], verdicts[FILTERED]) == ("pass", "fail")
    assert saved.read_bytes() == again.read_bytes()
    assert "for trials with instances of our own" in live.output


def test_interruption_removes_the_probe_project(lab: labs.Lab, tmp_path: pathlib.Path) -> None:
    options = ["-p", "no:cacheprovider", f"--lxd-host=lab:{lab.id}"]
    command = [*waiting.INTERRUPTIBLE, sys.executable, "-m", "pytest", *options]
    with subprocess.Popen(
        [*command, "--lxd-probe"], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as run:
        waiting.until(lambda: probe_project.PEER in probing.left(lab), seconds=90)
        run.send_signal(signal.SIGINT)
        assert run.wait(90) == pytest.ExitCode.INTERRUPTED
    assert probing.left(lab) == ""


# --- rules that are flushed ----------------------------------------------------------------------

# Like the service of another packet filter that reloads again and again.
FLUSHER = """
while :; do
    nft flush ruleset
    for each in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $each; done
    sleep 0.02
done
"""


@pytest.fixture(scope="module")
def flushed() -> Iterator[tuple[labs.Lab, Mapping[Any, Any]]]:
    """Yield a lab, and the results while its rules were flushed again and again."""
    with required.throw_away() as lab:
        command = lab.command("sh", "-c", FLUSHER)
        with subprocess.Popen(command, start_new_session=True) as flusher:
            try:
                broken = judging.judge(probing.probed(lab))
            finally:
                os.killpg(flusher.pid, signal.SIGKILL)  # nsenter has forked
        yield lab, broken


def test_flushed_rules_are_found_by_frames(flushed: tuple[labs.Lab, Mapping[Any, Any]]) -> None:
    result = flushed[1][FILTERED]
    assert result.verdict is Outcome.FAIL, result.reason
    assert "no known gap in LXD explains" in result.reason
    assert "IPv4 UDP 40000 to 40000 from" in judging.text(result)


def test_flushed_rules_are_found_by_packets(flushed: tuple[labs.Lab, Mapping[Any, Any]]) -> None:
    result = flushed[1][ROUTED]
    assert result.verdict is Outcome.FAIL, result.reason
    assert "4 of 4 packets with a spoofed source" in result.reason


def test_printed_command_restores_the_rules_when_the_flushing_has_ended(
    flushed: tuple[labs.Lab, Mapping[Any, Any]],
) -> None:
    lab, broken = flushed
    for key in (ROUTED, FILTERED):
        both_ways.run(lab, broken[key].finding.remedy.command)
    rules = lab.shell("nft list ruleset").stdout.decode()
    assert "prert.routed.eth0" in rules
    assert "in.filtered.eth0" in rules
    repaired = judging.judge(probing.probed(lab))
    assert repaired[ROUTED].verdict is Outcome.PASS, repaired[ROUTED].reason
    assert "not in the configuration" in repaired[FILTERED].reason
