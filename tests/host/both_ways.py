"""Show controls both ways on a complete host, by the rules of the lab's harness.

Only cases that a lab cannot show are shown here, because an audit takes half a minute instead of
seconds. Independent cases are broken together and repaired together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_lxdsec.evidence import gather, model
from pytest_lxdsec.policy import policy_file
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target
from pytest_lxdsec.verdict import Outcome
from tests.lab import both_ways
from tests.lab.both_ways import Case, Verdicts
from tests.support import judging

from . import vm

PROBED = ("LXD-BRI-12", "LXD-BRI-13", "LXD-RTD-04")  # they need --lxd-probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """The results of cases that run together: while broken, and after their repairs."""

    cases: Sequence[Case]
    broken: Verdicts
    repaired: Verdicts


def see(host: vm.Vm) -> model.Evidence:
    """Gather the host's evidence over ssh, like `--lxd-host=ssh://`."""
    host.shell("lxd waitready --timeout=200")  # a daemon may need a minute to start
    target = Target(name=host.name(), reach=Reach.SHELL, shell=host.ssh())
    connection = Connection(target=target)
    try:
        return gather.gather(target.name, connection.api(), connection.shell())
    finally:
        connection.close()


def judge(host: vm.Vm, *, site: policy_file.Policy | None = None) -> Verdicts:
    """Run all controls on the host by a site's policy, and return the results."""
    return judging.judge(see(host), site=site)


def play(host: vm.Vm, cases: Sequence[Case]) -> Act:
    """Break, audit, run the printed commands, audit again, and restore the scenario."""
    for case in cases:
        host.shell(case.breaks)
    broken = judge(host)
    for case in cases:
        failed = broken[case.control, case.subject]
        if failed.finding is not None:
            host.shell(failed.finding.remedy.command)
    repaired = judge(host)
    for case in cases:
        host.shell(case.restores)
    return Act(cases=cases, broken=broken, repaired=repaired)


def check(act: Act, case: Case) -> None:
    """Fail the test unless the case failed for its reason and its command repaired it."""
    key = (case.control, case.subject)
    failed, repaired = act.broken[key], act.repaired[key]
    assert failed.verdict is Outcome.FAIL, f"not broken: {failed.reason}"
    assert case.finding in judging.text(failed)
    assert repaired.verdict is Outcome.PASS, f"not repaired: {repaired.reason}"


def check_others(act: Act, before: Verdicts) -> None:
    """Fail the test if verdicts changed other than those that the cases expect."""
    about = tuple(f"{case.control} {case.subject}" for case in act.cases)
    announced = tuple(glob for case in act.cases for glob in case.with_it)
    every = dataclasses.replace(act.cases[0], with_it=(*about, *announced))
    for after in (act.broken, act.repaired):
        changed = both_ways.changes(before, after, every)
        assert changed == {}, both_ways.texts(after, changed)
