"""Show a control both ways on a whole host, by the rules of the lab's harness.

Only what a lab cannot show is shown here: it takes minutes where a lab takes seconds.
"""

from __future__ import annotations

from pytest_lxdsec.connections import Connection
from pytest_lxdsec.evidence import gather, model
from pytest_lxdsec.targets import Reach, Target
from pytest_lxdsec.verdict import Outcome

from ..lab import both_ways
from ..lab.both_ways import Case, Verdicts
from . import vm


def see(host: vm.Vm) -> model.Evidence:
    """Gather the host's evidence over ssh, as `--lxd-host=ssh://` does."""
    target = Target(name=host.name(), reach=Reach.SHELL, shell=host.ssh())
    connection = Connection(target=target)
    try:
        return gather.gather(target.name, connection.api(), connection.shell())
    finally:
        connection.close()


def judge(host: vm.Vm) -> Verdicts:
    """What every control says of the host now."""
    return both_ways.judge(see(host))


def show(host: vm.Vm, case: Case, before: Verdicts) -> None:
    """Break, see it fail, run the printed command, see it pass, see nothing else change."""
    key = (case.control, case.subject)
    host.shell(case.breaks)
    broken = judge(host)
    failed = broken[key]
    assert failed.outcome is Outcome.FAIL, f"not broken: {failed.reason}"
    assert failed.finding is not None
    assert case.finding in failed.text
    _nothing_else(before, broken, case)
    host.shell(failed.finding.remedy.command)
    repaired = judge(host)
    assert repaired[key].outcome is Outcome.PASS, f"not repaired: {repaired[key].reason}"
    _nothing_else(before, repaired, case)


def _nothing_else(before: Verdicts, after: Verdicts, case: Case) -> None:
    changed = both_ways.changes(before, after, case)
    assert changed == {}, both_ways.told(after, changed)
