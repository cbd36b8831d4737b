"""Container name leakage: kernel files that list control groups."""

from __future__ import annotations

from pytest_lxdsec import verdict
from pytest_lxdsec.control import Kind, Level, Severity, control
from pytest_lxdsec.evidence.hostfacts import File
from pytest_lxdsec.evidence.model import Evidence
from pytest_lxdsec.verdict import CannotTell, Remedy, Verdict

SECTION = "container-name-leakage"
SLAB = "/sys/kernel/slab"
CLOSED = 0o700


@control(
    "LXD-NAM-01",
    title="/sys/kernel/slab is root's alone",
    severity=Severity.MEDIUM,
    level=Level.ENFORCED,
    kind=Kind.REQUIREMENT,
    section=SECTION,
    rationale="Its entries name control groups, and with them the other containers of the host.",
)
def test_slab_is_closed(lxd_evidence: Evidence) -> Verdict:
    slab = _file(lxd_evidence, SLAB)
    if not slab.exists:
        return verdict.passed(f"this kernel has no {SLAB}")
    if slab.uid == 0 and not slab.mode & ~CLOSED:
        return verdict.passed(f"{SLAB} is root's, mode {slab.mode:04o}")
    return verdict.failed(
        observed=f"{SLAB} belongs to uid {slab.uid}, mode {slab.mode:04o}",
        expected="root's, mode 0700",
        origin="the host's kernel (sysfs)",
        remedy=Remedy(
            command=f"chown root {SLAB} && chmod 0700 {SLAB}",
            note="a reboot undoes it: see LXD-NAM-04",
        ),
    )


def _file(evidence: Evidence, path: str) -> File:
    for file in evidence.kernel_files:
        if file.path == path:
            if file.error:
                raise CannotTell(f"{path}: {file.error}")
            return file
    raise CannotTell(f"{path} was not looked at")
