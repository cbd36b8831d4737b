"""What an audit costs in round trips does not grow with instances or controls."""

from __future__ import annotations

import pytest

from pytest_lxdsec import lab as labs
from pytest_lxdsec.connections import Connection
from pytest_lxdsec.evidence import gather
from pytest_lxdsec.targets import Reach, Target

from . import both_ways, required

FEW, MANY = 3, 30


@pytest.fixture(scope="module", params=[FEW, MANY])
def counted(request: pytest.FixtureRequest) -> tuple[int, dict[str, dict[str, int]]]:
    """How many instances, and the round trips by each road."""
    scenario = labs.scenarios.scaled(labs.scenarios.BARE, request.param)
    with required.throw_away(scenario) as here:
        trips = {"unix": dict(both_ways.see(here).header.round_trips), "shell": over_shell(here)}
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
    """Two projects: nine listings; over a shell one command for each of the two batches."""
    _, trips = counted
    assert trips["unix"] == {"api": 9, "shell": 1}
    assert trips["shell"] == {"api": 2, "shell": 3}
