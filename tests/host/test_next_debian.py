"""The same scenario and controls on the next Debian's LXD, kernel and systemd.

Differences from this machine's release are listed with their reasons; others are not allowed.
"""

from __future__ import annotations

import fnmatch

import pytest

from tests.lab.both_ways import Key, Verdicts

from . import both_ways, machine, required

NEXT = {"bookworm": "trixie"}
RELEASE = NEXT.get(machine.own().codename, "")

# The texts of these controls name the versions of LXD and the system.
LXD, SYSTEM = ("LXD-VER-02", "server"), ("LXD-OS-02", "host")

# Globs of `CONTROL SUBJECT`, and why the next release's verdict is another.
DIFFERENCES: dict[str, str] = {}

Difference = tuple[str, str]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Return the results of all controls on the next release's host."""
    if not RELEASE:
        pytest.skip(f"host: no next Debian is known after {machine.own().codename or 'this'}")
    with required.running(tmp_path_factory.mktemp("next"), RELEASE) as host:
        return both_ways.judge(host)


@pytest.fixture(scope="module")
def differences(at_rest: Verdicts, theirs: Verdicts) -> dict[Key, Difference]:
    """Return the verdicts that differ between this release's host and the next one's."""
    return {
        key: (_outcome(at_rest, key), _outcome(theirs, key))
        for key in sorted({*at_rest, *theirs})
        if _outcome(at_rest, key) != _outcome(theirs, key)
    }


def _outcome(verdicts: Verdicts, key: Key) -> str:
    return verdicts[key].verdict.value if key in verdicts else "none"


def _globs(key: Key) -> list[str]:
    return [glob for glob in DIFFERENCES if fnmatch.fnmatchcase(" ".join(key), glob)]


@pytest.mark.parametrize("key", [LXD, SYSTEM], ids=" ".join)
def test_it_is_another(at_rest: Verdicts, theirs: Verdicts, key: Key) -> None:
    """Expect another release; two equal ones would never differ."""
    assert at_rest[key].reason != theirs[key].reason


def test_what_differs_is_listed(differences: dict[Key, Difference]) -> None:
    assert {key: outcome for key, outcome in differences.items() if not _globs(key)} == {}


def test_what_is_listed_differs(differences: dict[Key, Difference]) -> None:
    assert {glob for key in differences for glob in _globs(key)} == set(DIFFERENCES)
