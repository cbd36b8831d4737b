"""The evaluator of packet filters agrees with the kernel, without exception.

`make test` compares a part, `make kernel-agreement` 55,000 frames and 1,000 rule sets.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from . import input_agreement, kernel_agreement, required, xtables

IS_FULL = os.environ.get("LXDSEC_AGREEMENT") == "full"
FRAMES = 2_500 if IS_FULL else 200  # for each of the settings, with either driver
ADVERTISEMENTS = 20_000 if IS_FULL else 2_000  # frames of which some are advertisements
RULE_SETS = 500 if IS_FULL else 40
XT_RULE_SETS = 250 if IS_FULL else 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The comparisons under every setting: of all frames, and of advertisements alone."""

    frames: kernel_agreement.Count
    advertisements: kernel_agreement.Count


@pytest.fixture(scope="module", params=["nftables", "xtables"])
def sent(request: pytest.FixtureRequest) -> Iterator[Sent]:
    """Yield the comparisons of an instance's frames, with each of LXD's firewall drivers."""
    with required.throw_away(kernel_agreement.SCENARIO) as lab:
        if request.param == "xtables":
            xtables.switch(lab)
        yield Sent(
            frames=kernel_agreement.run(lab, amount=FRAMES),
            advertisements=kernel_agreement.run_advertisements(lab, amount=ADVERTISEMENTS),
        )


def test_kernel_and_evaluator_agree_on_frames(sent: Sent) -> None:
    assert sent.frames.mismatches == []


def test_kernel_and_evaluator_agree_on_advertisements(sent: Sent) -> None:
    assert sent.advertisements.mismatches == []


def test_no_frame_is_left_in_doubt(sent: Sent) -> None:
    expected = FRAMES * len(kernel_agreement.SETTINGS)
    assert (sent.frames.frames, sent.frames.unknown) == (expected, 0)
    assert sent.advertisements.unknown == 0


def test_frames_were_let_through_and_dropped(sent: Sent) -> None:
    # If all frames arrived, or all were dropped, the agreement would show nothing.
    for count in (sent.frames, sent.advertisements):
        assert count.verdicts // 5 < count.accepted < count.verdicts * 4 // 5


@pytest.fixture(scope="module")
def connector() -> Iterator[input_agreement.Connector]:
    """Yield a connector between two network namespaces, which needs root."""
    if os.geteuid() != 0:
        if os.environ.get(required.VARIABLE) == "required":
            pytest.fail("the agreement is required here, and it needs root", pytrace=False)
        pytest.skip("network namespaces need root")
    with input_agreement.connector() as here:
        yield here


def summary(count: input_agreement.Count) -> str:
    """Return the first mismatches, and their rule sets."""
    kinds = collections.Counter(each.name for each in count.mismatches)
    return f"{dict(kinds)}\n" + "\n".join(str(each) for each in count.mismatches[:3])


def test_kernel_and_evaluator_agree_on_connections(connector: input_agreement.Connector) -> None:
    count = input_agreement.Count()
    for seed in range(1, RULE_SETS + 1):
        input_agreement.of_nft(connector, seed, count)
    assert count.mismatches == [], summary(count)
    assert count.rule_sets > RULE_SETS // 2
    assert count.unknown < count.connections // 50
    assert count.connections // 10 < count.accepted < count.connections * 9 // 10


@pytest.mark.parametrize("kind", ["legacy", "nft"])
def test_kernel_and_evaluator_agree_on_iptables(
    connector: input_agreement.Connector, kind: str
) -> None:
    if kind not in input_agreement.tools():
        pytest.skip(f"there is no iptables-{kind} on this machine")
    count = input_agreement.Count()
    try:
        for seed in range(1, XT_RULE_SETS + 1):
            input_agreement.of_iptables(connector, kind, seed, count)
    finally:
        input_agreement.clear(connector, kind)
    assert count.mismatches == [], summary(count)
    assert (count.rule_sets > XT_RULE_SETS // 2, count.unknown) == (True, 0)
