"""The round trips of an audit do not grow with the number of instances or controls."""

from __future__ import annotations

import math

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import gather, guest_sweep
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target

from . import both_ways, required

FEW, MANY = 3, 30
# Look for leftovers (twice), images and server; make, remove and list the project
# listed; an instance made, started, found, stopped and removed, waiting for four of these.
TRIAL_REQUESTS = 2 + 2 + 3 + 9


@pytest.fixture(scope="module", params=[FEW, MANY])
def counted(request: pytest.FixtureRequest) -> tuple[int, dict[str, dict[str, int]]]:
    """Return the number of instances, and the round trips of each connection."""
    scenario = labs.scenarios.scaled(labs.scenarios.BARE, request.param)
    with required.throw_away(scenario) as here:
        trips = {
            "unix": dict(both_ways.see(here).header.round_trips),
            "shell": over_shell(here),
            "probed": dict(both_ways.see(here, probing=True).header.round_trips),
        }
    return request.param, trips


def over_shell(here: labs.Lab) -> dict[str, int]:
    target = Target(name="lab", reach=Reach.SHELL, shell=f"nsenter://{here.pid}")
    connection = Connection(target=target)
    try:
        evidence = gather.gather("lab", connection.api(), connection.shell())
        assert len(evidence.instances.objects) == len(evidence.containers)
        return dict(evidence.header.round_trips)
    finally:
        connection.close()


def test_requests_and_commands_are_few_and_fixed(
    counted: tuple[int, dict[str, dict[str, int]]],
) -> None:
    """Expect ten listings for two projects; over a shell one command for each of two batches."""
    _, trips = counted
    assert {name: without_probes(trips[name]) for name in ("unix", "shell")} == {
        "unix": {"api": 10, "shell": 1},
        "shell": {"api": 2, "shell": 3},
    }


def test_probes_are_all_that_grows_and_over_a_shell_by_the_sixteen(
    counted: tuple[int, dict[str, dict[str, int]]],
) -> None:
    """Expect batches to start all, to wait for all, and to fetch and delete all outputs."""
    count, trips = counted
    assert trips["unix"]["probe"] == 6 * count
    assert trips["shell"]["probe"] == 3 * math.ceil(count / guest_sweep.MOST_AT_ONCE)


def test_probes_with_instances_of_our_own_cost_the_same_for_few_and_many(
    counted: tuple[int, dict[str, dict[str, int]]],
) -> None:
    """Expect one instance and one command for names, on one bridge without filters."""
    _, trips = counted
    probed = trips["probed"]
    assert {"api": probed["api"], "shell": probed["shell"]} == {"api": 10, "shell": 1}
    assert (probed["trial_api"], probed["trial_shell"]) == (TRIAL_REQUESTS, 1)


def without_probes(trips: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in trips.items() if name != "probe"}
