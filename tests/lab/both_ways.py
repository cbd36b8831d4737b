"""Show a control both ways: break it, see it fail, run the command it prints, see it pass.

A case holds the script that breaks the control, and the other verdicts that change with it for a
reason; all other verdicts of all controls must stay the same. Only these tests show that a repair
works and changes nothing else, so each control has a case, or a reason in `NOT_SHOWN`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import functools
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pytest_lxdsec.evidence import gather, model
from pytest_lxdsec.lab import Lab
from pytest_lxdsec.policy import policy_file
from pytest_lxdsec.probe import run as probes
from pytest_lxdsec.reports.document import Result
from pytest_lxdsec.transport.connection import Connection
from pytest_lxdsec.transport.targets import Reach, Target
from pytest_lxdsec.verdict import Finding, Outcome
from tests.support import judging

from . import required

Key = tuple[str, str]  # control id, subject id
_MADE = re.compile(r"certificate/[0-9a-f]{12}")
# Objects that a case creates (a profile, for example) bring verdicts like these, without meaning.
EMPTY_VERDICTS = (Outcome.NOT_APPLICABLE.value, Outcome.NOT_ASSESSED.value)
Verdicts = Mapping[Key, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to break one control.

    Attributes:
        control: The control's id.
        subject: The subject that fails.
        breaks: The shell script to run inside the lab; "" if the default scenario is broken.
        finding: A text that the finding must contain.
        with_it: Globs of `CONTROL SUBJECT` whose verdicts also change, while the control is
            broken or by the repair.
        restores: The script that restores the default scenario after the repair.
        vanishes: True if the repair removes the subject itself.
        site: The policy to judge by.
        probes: True if the control needs the probes of `--lxd-probe`.
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
        """Return the case's id for pytest, which must be the same in all workers of xdist.

        Fingerprints are left out, because the keys are new in every worker.
        """
        first = (self.breaks or "as it is").strip().splitlines()[0]
        return f"{self.control} {_MADE.sub('certificate', self.subject)}: {first[:60]}"


def see(lab: Lab, *, probing: bool = False) -> model.Evidence:
    """Gather the lab's evidence, over the same connections as `--lxd-host=lab`."""
    connection = connect(lab)
    prober = functools.partial(probes.run, interrupted=threading.Event()) if probing else None
    try:
        return gather.gather("lab", connection.api(), connection.shell(), prober=prober)
    finally:
        connection.close()


def connect(lab: Lab) -> Connection:
    """Return the connections to a lab."""
    target = Target(name="lab", reach=Reach.UNIX, address=lab.socket, shell=f"nsenter://{lab.pid}")
    return Connection(target=target)


def run(lab: Lab, script: str) -> None:
    """Run a script inside the lab like an operator at its shell."""
    done = lab.run("sh", "-e", "-c", script, timeout=120)
    assert done.returncode == 0, f"{script}\n{done.stdout.decode()}{done.stderr.decode()}"


def changes(before: Verdicts, after: Verdicts, case: Case) -> dict[Key, tuple[str, str]]:
    """Return the verdicts that changed, came or went, except for those that the case expects."""
    found = {}
    for key in sorted({*before, *after}):
        was, now = _outcome(before, key), _outcome(after, key)
        if was == "none" and now in EMPTY_VERDICTS:
            continue
        expected = any(fnmatch.fnmatchcase(" ".join(key), glob) for glob in case.with_it)
        if was != now and key != (case.control, case.subject) and not expected:
            found[key] = (was, now)
    return found


def _outcome(verdicts: Verdicts, key: Key) -> str:
    return verdicts[key].verdict.value if key in verdicts else "none"


class Harness(contextlib.ExitStack):
    """A lab with the default scenario, and the verdicts of all controls on it.

    A successful case leaves the lab unchanged; after a failed case the next one gets a new lab.
    """

    _lab: Lab | None = None
    _before: Mapping[bool, Verdicts]  # with probes, and without

    def show(self, case: Case) -> Finding:
        """Break, see it fail, run the printed command, see it pass, see nothing else change."""
        lab = self._clean_lab(probing=case.probes)
        finding = show(lab, case, self._before[case.probes])
        if case.restores:
            run(lab, case.restores)
        self._lab = lab
        return finding

    def _clean_lab(self, *, probing: bool) -> Lab:
        """Return the lab, or a new one; `show` keeps it only after a successful case."""
        lab, self._lab = self._lab, None
        if lab is None:
            self.close()
            lab = self.enter_context(required.throw_away())
            self._before = {}
        if probing not in self._before:
            self._before = {**self._before, probing: judging.judge(see(lab, probing=probing))}
        return lab


def show(lab: Lab, case: Case, before: Verdicts) -> Finding:
    """Show a case without restoring the scenario; return the finding of the broken state."""
    key = (case.control, case.subject)
    if case.breaks:
        run(lab, case.breaks)
    broken = judging.judge(see(lab, probing=case.probes), site=case.site)
    failed = broken[key]
    assert failed.verdict is Outcome.FAIL, f"not broken: {failed.reason}"
    assert failed.finding is not None
    assert case.finding in judging.text(failed)
    assert changes(before, broken, case) == {}, texts(broken, changes(before, broken, case))
    run(lab, failed.finding.remedy.command)
    repaired = judging.judge(see(lab, probing=case.probes), site=case.site)
    if case.vanishes:
        assert key not in repaired
    else:
        assert repaired[key].verdict is Outcome.PASS, f"not repaired: {repaired[key].reason}"
    assert changes(before, repaired, case) == {}, texts(repaired, changes(before, repaired, case))
    return failed.finding


def texts(verdicts: Verdicts, keys: Collection[Key]) -> str:
    """Return the texts of the changed verdicts for the message of a failure."""
    return "\n".join(f"{key}: {judging.text(verdicts[key])}" for key in keys if key in verdicts)
