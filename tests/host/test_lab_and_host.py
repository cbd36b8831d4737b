"""The lab says of the default scenario what a whole host says of it, but for what is listed.

This is what lets a second in a lab stand for minutes on a host. Who adds to the list says why.
"""

from __future__ import annotations

import fnmatch

import pytest

from ..lab import both_ways as in_lab
from ..lab import required as labs
from ..lab.both_ways import Key, Verdicts

# Globs of `CONTROL SUBJECT`, and why the two differ or may differ there.
DIFFERENCES = {
    "LXD-PRV-01 *": "a lab's machine need not run AppArmor",
    "LXD-OS-01 host": "a lab has the packages of its machine, and what waits for them",
    "LXD-OS-03 host": "a lab has the kernel of its machine, which need not be in /boot",
}

Difference = tuple[str, str]


@pytest.fixture(scope="module")
def differences(at_rest: Verdicts) -> dict[Key, Difference]:
    """What the lab says and what the host says, where they differ."""
    with labs.throw_away() as lab:
        mine: Verdicts = in_lab.judge(in_lab.see(lab))
    return {
        key: (_said(mine, key), _said(at_rest, key))
        for key in sorted({*mine, *at_rest})
        if _said(mine, key) != _said(at_rest, key)
    }


def _said(verdicts: Verdicts, key: Key) -> str:
    return verdicts[key].outcome.value if key in verdicts else "none"


def _is_listed(key: Key) -> bool:
    return any(fnmatch.fnmatchcase(" ".join(key), glob) for glob in DIFFERENCES)


def test_lab_and_host_agree_but_for_what_is_listed(
    differences: dict[Key, Difference],
) -> None:
    assert {key: said for key, said in differences.items() if not _is_listed(key)} == {}


def test_no_pass_in_the_lab_is_a_failure_on_a_host(differences: dict[Key, Difference]) -> None:
    """The dangerous way round: it needs a reason of its own, which none has had yet."""
    assert {key for key, said in differences.items() if said == ("pass", "fail")} == set()
