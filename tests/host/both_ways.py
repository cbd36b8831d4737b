"""Show controls both ways on a whole host, by the rules of the lab's harness.

Only what a lab cannot show is shown here: an audit takes half a minute where a lab takes
seconds. So cases that do not meet are broken together and repaired together.
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

PROBED = ("LXD-BRI-12", "LXD-BRI-13", "LXD-RTD-04")  # by instances of our own: --lxd-probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was said of some cases together: broken, and after the commands that it printed."""

    cases: Sequence[Case]
    broken: Verdicts
    repaired: Verdicts


def see(host: vm.Vm) -> model.Evidence:
    """Gather the host's evidence over ssh, as `--lxd-host=ssh://` does."""
    host.shell("lxd waitready --timeout=200")  # one that was just started may take a minute
    target = Target(name=host.name(), reach=Reach.SHELL, shell=host.ssh())
    connection = Connection(target=target)
    try:
        return gather.gather(target.name, connection.api(), connection.shell())
    finally:
        connection.close()


def judge(host: vm.Vm, *, site: policy_file.Policy | None = None) -> Verdicts:
    """Return what every control says of the host now, by a site's policy."""
    return judging.judge(see(host), site=site)


def play(host: vm.Vm, cases: Sequence[Case]) -> Act:
    """Break, look, run the printed commands, look again, and put back what they leave."""
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
    """It failed for its reason, and its command repaired it."""
    key = (case.control, case.subject)
    failed, repaired = act.broken[key], act.repaired[key]
    assert failed.verdict is Outcome.FAIL, f"not broken: {failed.reason}"
    assert case.finding in judging.text(failed)
    assert repaired.verdict is Outcome.PASS, f"not repaired: {repaired.reason}"


def check_others(act: Act, before: Verdicts) -> None:
    """Check that no verdict changed except those of the cases."""
    about = tuple(f"{case.control} {case.subject}" for case in act.cases)
    announced = tuple(glob for case in act.cases for glob in case.with_it)
    every = dataclasses.replace(act.cases[0], with_it=(*about, *announced))
    for after in (act.broken, act.repaired):
        changed = both_ways.changes(before, after, every)
        assert changed == {}, both_ways.texts(after, changed)
