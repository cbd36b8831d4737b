"""The evaluator says of LXD's recorded rules what the kernel was seen to do."""

from __future__ import annotations

import pytest

from pytest_lxdsec.firewall.evaluation import evaluate
from pytest_lxdsec.firewall.evaluation.evaluate import Decision
from pytest_lxdsec.firewall.frames import encode
from pytest_lxdsec.firewall.model import packet
from pytest_lxdsec.firewall.parsers import nft
from pytest_lxdsec.firewall.spoofing import frame_kinds, trial
from pytest_lxdsec.firewall.spoofing.filtered_nic import NOBODY
from tests.support import firewall_examples as examples
from tests.support.firewall_table import MEASURED, SETTINGS

CELLS = [(kind, setting) for kind in MEASURED for setting in SETTINGS]


def test_table_has_every_kind() -> None:
    assert set(frame_kinds.every(examples.nic("all"), NOBODY)) == set(MEASURED)


def delivered(verdict: evaluate.Verdict, octets: bytes, letter: str) -> str:
    assert verdict.decision is not Decision.UNKNOWN, verdict.reason
    return letter if verdict.is_accepted and packet.is_passed_on(octets) else "-"


@pytest.mark.parametrize("setting", SETTINGS)
def test_recorded_rules_do_what_the_kernel_did(setting: str) -> None:
    ruleset, nic = examples.recorded(setting), examples.nic(setting)
    # Whether a filter is on has no say here: only the rules have.
    with_addresses = examples.nic("all")
    made = {
        name: encode.octets(frame)
        for name, frame in frame_kinds.every(with_addresses, NOBODY).items()
    }
    said = {
        name: "".join(
            delivered(trial.judge(ruleset, nic, octets, hook), octets, letter)
            for hook, letter in (("input", "H"), ("forward", "P"))
        )
        for name, octets in made.items()
    }
    assert said == {name: cells[setting] for name, cells in MEASURED.items()}


@pytest.mark.parametrize("setting", SETTINGS)
def test_without_the_listing_an_answer_is_the_same_or_unknown(setting: str) -> None:
    ruleset, nic = nft.decode(examples.text(setting)), examples.nic(setting)
    wrong = []
    for name, frame in frame_kinds.every(examples.nic("all"), NOBODY).items():
        for hook, letter in (("input", "H"), ("forward", "P")):
            verdict = trial.judge(ruleset, nic, encode.octets(frame), hook)
            is_measured = letter in MEASURED[name][setting]
            is_told = verdict.decision is not Decision.UNKNOWN
            if is_told and packet.is_passed_on(encode.octets(frame)):
                wrong += [name] if verdict.is_accepted is not is_measured else []
    assert wrong == []


def test_without_the_listing_tagged_frames_cannot_be_told() -> None:
    frame = frame_kinds.every(examples.nic("all"), NOBODY)["ipv4_own_vid0"]
    ruleset = nft.decode(examples.text("all"))
    verdict = trial.judge(ruleset, examples.nic("all"), encode.octets(frame), "input")
    assert verdict.decision is Decision.UNKNOWN
    assert "what ip was asked of is not printed" in verdict.reason
