"""What an audit costs in round trips does not grow with instances or controls."""

from __future__ import annotations

import math

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.evidence import gather, guest_sweep
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target

from . import both_ways, required

FEW, MANY = 3, 30
# Look for leftovers (twice), images and server; the project made and removed, and what is in it
# listed; an instance made, started, found, stopped and removed, waiting for four of these.
TRIAL_REQUESTS = 2 + 2 + 3 + 9


@pytest.fixture(scope="module", params=[FEW, MANY])
def counted(request: pytest.FixtureRequest) -> tuple[int, dict[str, dict[str, int]]]:
    """Return how many instances, and the round trips by each road."""
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
    """Two projects: ten listings; over a shell one command for each of the two batches."""
    _, trips = counted
    assert {road: without_probes(trips[road]) for road in ("unix", "shell")} == {
        "unix": {"api": 10, "shell": 1},
        "shell": {"api": 2, "shell": 3},
    }


def test_probes_are_all_that_grows_and_over_a_shell_by_the_sixteen(
    counted: tuple[int, dict[str, dict[str, int]]],
) -> None:
    """Start them, wait for them, fetch all outputs and delete them."""
    count, trips = counted
    assert trips["unix"]["probe"] == 6 * count
    assert trips["shell"]["probe"] == 3 * math.ceil(count / guest_sweep.MOST_AT_ONCE)


def test_probes_with_instances_of_our_own_cost_the_same_for_few_and_many(
    counted: tuple[int, dict[str, dict[str, int]]],
) -> None:
    """One bridge, no filters: one instance is made and removed, and one command tries names."""
    _, trips = counted
    probed = trips["probed"]
    assert {"api": probed["api"], "shell": probed["shell"]} == {"api": 10, "shell": 1}
    assert (probed["trial_api"], probed["trial_shell"]) == (TRIAL_REQUESTS, 1)


def without_probes(trips: dict[str, int]) -> dict[str, int]:
    return {road: number for road, number in trips.items() if road != "probe"}
