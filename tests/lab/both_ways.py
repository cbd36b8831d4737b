"""Show a control both ways: break it, see it fail, run the command it prints, see it pass.

A case says how to break it and which other verdicts change with it, for a reason; every other
verdict of every other control must be what it was. That a repair really repairs, and repairs
nothing else, is shown nowhere else: so each control has a case, or a reason in `NOT_SHOWN`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import functools
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pytest_lxdsec import control
from pytest_lxdsec.evidence import gather, model
from pytest_lxdsec.guide import releases
from pytest_lxdsec.lab import Lab
from pytest_lxdsec.policy import policy_file
from pytest_lxdsec.probe import run as probes
from pytest_lxdsec.session import catalogue, outcomes, selection, subjects
from pytest_lxdsec.session.outcomes import Result
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target
from pytest_lxdsec.verdict import Finding, Outcome

from . import required

Key = tuple[str, str]  # control id, subject id
_MADE = re.compile(r"certificate/[0-9a-f]{12}")
# What a case makes anew (a profile, say) brings questions that do not arise for it.
ASKED_IN_VAIN = (Outcome.NOT_APPLICABLE.value, Outcome.NOT_ASSESSED.value)
Verdicts = Mapping[Key, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to break one control.

    Attributes:
        control: Its id.
        subject: The subject that fails.
        breaks: The shell script, run inside the lab; "" where the default scenario is broken.
        finding: What the finding must say.
        with_it: Globs of `CONTROL SUBJECT` whose verdicts change too, while it is broken or by
            the repair.
        restores: The script that brings the default scenario back after the repair.
        vanishes: Whether the repair takes the subject itself away.
        site: The policy to judge by.
        probes: Whether it takes probes to see it, as with `--lxd-probe`.
    """

    control: str
    subject: str
    finding: str
    breaks: str = ""
    with_it: tuple[str, ...] = ()
    restores: str = ""
    vanishes: bool = False
    site: policy_file.Policy = dataclasses.field(default_factory=policy_file.Policy)
    probes: bool = False

    @property
    def name(self) -> str:
        """For pytest's ids, which all workers of xdist must agree on: keys are made anew."""
        first = (self.breaks or "as it is").strip().splitlines()[0]
        return f"{self.control} {_MADE.sub('certificate', self.subject)}: {first[:60]}"


def see(lab: Lab, *, probing: bool = False) -> model.Evidence:
    """Gather the lab's evidence, over the same roads that `--lxd-host=lab` takes."""
    connection = connect(lab)
    prober = functools.partial(probes.run, interrupted=threading.Event()) if probing else None
    try:
        return gather.gather("lab", connection.api(), connection.shell(), prober=prober)
    finally:
        connection.close()


def connect(lab: Lab) -> Connection:
    """The roads to a lab."""
    target = Target(name="lab", reach=Reach.UNIX, address=lab.socket, shell=f"nsenter://{lab.pid}")
    return Connection(target=target)


def judge(evidence: model.Evidence, *, site: policy_file.Policy | None = None) -> Verdicts:
    """Every control on every subject, without pytest around it."""
    return {(r.control.id, r.subject): r for r in _results(evidence, site or policy_file.Policy())}


def _results(evidence: model.Evidence, site: policy_file.Policy) -> Iterator[Result]:
    target = Target(name="lab", reach=Reach.EVIDENCE)
    connection = Connection(target=target)
    data = releases.load(None)
    for made in catalogue.packaged():
        for subject in subjects.of(made.subject, evidence, connection, selection.Objects()):
            arguments = {
                "lxd_evidence": evidence,
                "lxd_policy": site,
                "lxd_releases": data,
                **dict.fromkeys(control.SUBJECT_FIXTURES, subject.content),
            }
            asked = {name: arguments[name] for name in made.arguments}
            yield outcomes.evaluate(made, subject, asked)


def run(lab: Lab, script: str) -> None:
    """Run a script inside the lab, as an operator would at its shell."""
    done = lab.run("sh", "-e", "-c", script, timeout=120)
    assert done.returncode == 0, f"{script}\n{done.stdout.decode()}{done.stderr.decode()}"


def changes(before: Verdicts, after: Verdicts, case: Case) -> dict[Key, tuple[str, str]]:
    """Verdicts that changed, came or went, but for the case's own and those it announces."""
    found = {}
    for key in sorted({*before, *after}):
        was, now = _outcome(before, key), _outcome(after, key)
        if was == "none" and now in ASKED_IN_VAIN:
            continue
        announced = any(fnmatch.fnmatchcase(" ".join(key), glob) for glob in case.with_it)
        if was != now and key != (case.control, case.subject) and not announced:
            found[key] = (was, now)
    return found


def _outcome(verdicts: Verdicts, key: Key) -> str:
    return verdicts[key].outcome.value if key in verdicts else "none"


class Stage(contextlib.ExitStack):
    """A lab with the default scenario, and what every control says of it.

    A case leaves it as it found it; after one that fails, who knows: the next gets a new lab.
    """

    _lab: Lab | None = None
    _before: Mapping[bool, Verdicts]  # with probes, and without

    def show(self, case: Case) -> Finding:
        """Break, see it fail, run the printed command, see it pass, see nothing else change."""
        lab = self._set(probing=case.probes)
        finding = show(lab, case, self._before[case.probes])
        if case.restores:
            run(lab, case.restores)
        self._lab = lab
        return finding

    def _set(self, *, probing: bool) -> Lab:
        """The lab, or a new one; none is kept until the case has shown to leave it clean."""
        lab, self._lab = self._lab, None
        if lab is None:
            self.close()
            lab = self.enter_context(required.throw_away())
            self._before = {}
        if probing not in self._before:
            self._before = {**self._before, probing: judge(see(lab, probing=probing))}
        return lab


def show(lab: Lab, case: Case, before: Verdicts) -> Finding:
    """As `Stage.show`, without the restoring; the finding that the broken state gave."""
    key = (case.control, case.subject)
    if case.breaks:
        run(lab, case.breaks)
    broken = judge(see(lab, probing=case.probes), site=case.site)
    failed = broken[key]
    assert failed.outcome is Outcome.FAIL, f"not broken: {failed.reason}"
    assert failed.finding is not None
    assert case.finding in failed.text
    assert changes(before, broken, case) == {}, told(broken, changes(before, broken, case))
    run(lab, failed.finding.remedy.command)
    repaired = judge(see(lab, probing=case.probes), site=case.site)
    if case.vanishes:
        assert key not in repaired
    else:
        assert repaired[key].outcome is Outcome.PASS, f"not repaired: {repaired[key].reason}"
    assert changes(before, repaired, case) == {}, told(repaired, changes(before, repaired, case))
    return failed.finding


def told(verdicts: Verdicts, keys: Collection[Key]) -> str:
    """What the changed verdicts say, for whoever reads the failure."""
    return "\n".join(f"{key}: {verdicts[key].text}" for key in keys if key in verdicts)
