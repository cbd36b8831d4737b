"""A lab and a complete host give the same verdicts on the default scenario, with exceptions.

So a second in a lab can replace minutes on a host. Every exception is listed with its reason.
"""

from __future__ import annotations

import fnmatch

import pytest

from pytest_lxdsec.evidence import evidence_file
from tests.lab import both_ways as in_lab
from tests.lab import required as labs
from tests.lab.both_ways import Key, Verdicts
from tests.support import judging
from tests.unit.evidence import test_example

from . import both_ways

# Globs of `CONTROL SUBJECT`, and why the two differ or may differ there.
DIFFERENCES = {
    "LXD-PRV-01 instance/default/privileged": "a lab's machine need not run AppArmor",
    "LXD-OS-01 host": "a lab has the packages of its machine, and what waits for them",
    "LXD-OS-03 host": "a lab has the kernel of its machine, which need not be in /boot",
}

Difference = tuple[str, str]


@pytest.fixture(scope="module")
def mine() -> Verdicts:
    """Return the lab's verdicts, with probes."""
    with labs.throw_away() as lab:
        return judging.judge(in_lab.see(lab, probing=True))


@pytest.fixture(scope="module")
def differences(at_rest: Verdicts, mine: Verdicts) -> dict[Key, Difference]:
    """Return the verdicts of the lab and the host that differ; the example has those of probes."""
    theirs = {key: outcome for key, outcome in at_rest.items() if not _is_probed(key)}
    theirs |= {key: outcome for key, outcome in _example().items() if _is_probed(key)}
    # The example has fewer instances: it leaves out those with the same settings.
    asked = {key for key in mine if not _is_probed(key)} | set(theirs)
    return {
        key: (_outcome(mine, key), _outcome(theirs, key))
        for key in sorted(asked)
        if _outcome(mine, key) != _outcome(theirs, key)
    }


def _example() -> Verdicts:
    """Return the verdicts on a host with probes; `test_audit_of_host` checks them live."""
    return judging.judge(evidence_file.load(test_example.PATH))


def _is_probed(key: Key) -> bool:
    return key[0] in both_ways.PROBED


def _outcome(verdicts: Verdicts, key: Key) -> str:
    return verdicts[key].verdict.value if key in verdicts else "none"


def _is_listed(key: Key) -> bool:
    return any(fnmatch.fnmatchcase(" ".join(key), glob) for glob in DIFFERENCES)


def test_probes_are_compared_too(mine: Verdicts) -> None:
    both = [
        key for key in mine if _is_probed(key) and _outcome(_example(), key) in ("pass", "fail")
    ]
    assert {control for control, _ in both} == set(both_ways.PROBED)


def test_lab_and_host_agree_but_for_what_is_listed(
    differences: dict[Key, Difference],
) -> None:
    assert {key: outcome for key, outcome in differences.items() if not _is_listed(key)} == {}


def test_no_pass_in_the_lab_is_a_failure_on_a_host(differences: dict[Key, Difference]) -> None:
    """Expect no such difference: a pass in the lab that fails on a host is dangerous."""
    assert {key for key, pair in differences.items() if pair == ("pass", "fail")} == set()
