"""Documents of audits made by hand, for the tests of reports."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence

from pytest_lxdsec.control import Kind, Level, Severity
from pytest_lxdsec.policy.waiver_audit import WaiverState
from pytest_lxdsec.reports import document
from pytest_lxdsec.reports.document import Control, Document, Host, Other, Result, Waiver
from pytest_lxdsec.verdict import Finding, Outcome

TAKEN = datetime.datetime(2026, 11, 23, 12, 30, tzinfo=datetime.UTC)
TOOL = document.Tool(name="pytest-lxdsec", version="0.1.0")
ONE, TWO = "ssh://root@lxd1.example", "ssh://root@lxd2.example"
MAC, SOCKET, SITE = "LXD-BRI-03", "LXD-LOC-01", "ACME-01"
# What a name on a host may hold that every format has a meaning for.
HOSTILE = "x</script><script>alert(1)</script><!--]]>&amp;\"'`|*_[y](javascript:alert(2))\\ \u202e"


def control(
    name: str, section: str, severity: Severity = Severity.HIGH, title: str = ""
) -> Control:
    return Control(
        id=name,
        title=title or f"What {name} asks",
        severity=severity,
        level=Level.CONFIGURED,
        kind=Kind.REQUIREMENT,
        section=section,
        rationale="It matters.",
    )


CONTROLS = (
    control(MAC, "bridged-nic-security"),
    control(SITE, "Acme's rules", Severity.LOW),
    control(SOCKET, "local-access-to-the-lxd-daemon", Severity.CRITICAL),
)


def host(name: str = ONE, error: str = "") -> Host:
    if error:
        return Host(name=name, error=error, round_trips={}, objects={})
    return Host(
        name=name,
        lxd="5.0.2",
        system="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0",
        taken=TAKEN,
        evidence="kept.json",
        seconds=0.25,
        round_trips={"api": 9, "shell": 1},
        objects={"instances": 3},
    )


def finding(observed: str = "security.mac_filtering is not set") -> Finding:
    return Finding(
        observed=observed,
        expected="true",
        origin="profile default/default",
        repair="lxc profile device set default eth0 security.mac_filtering=true",
        touches=2,
        note="it takes effect at once",
    )


def failed(name: str = MAC, on: str = ONE, subject: str = "nic/default/web1/eth0") -> Result:
    found = finding()
    return Result(
        control=name,
        host=on,
        subject=subject,
        verdict=Outcome.FAIL,
        reason=found.observed,
        finding=found,
        seconds=0.002,
    )


def waived(name: str = MAC, on: str = ONE, subject: str = "nic/default/web2/eth0") -> Result:
    result = failed(name, on, subject)
    text = "waived until 2027-01-31 (ops): old router"
    return dataclasses.replace(result, verdict=Outcome.WAIVED, tolerated=text)


def told(verdict: Outcome, name: str = MAC, on: str = ONE, subject: str = "") -> Result:
    about = subject or f"nic/default/{verdict.value}/eth0"
    return Result(
        control=name, host=on, subject=about, verdict=verdict, reason=f"why: {verdict.value}"
    )


def waiver(state: WaiverState = WaiverState.IN_USE, source: str = "policy.toml:3") -> Waiver:
    return Waiver(
        control=MAC,
        subject="nic/default/web2/*",
        host="*",
        reason="old router",
        owner="ops",
        expires=datetime.date(2027, 1, 31),
        max_subjects=None,
        source=source,
        state=state,
        text="accepts 1 of the 1 object that it covers",
        objects=1,
    )


def make(  # noqa: PLR0913 - one argument for each part of a document
    results: Iterable[Result] = (),
    *,
    hosts: Sequence[Host] = (),
    controls: Sequence[Control] = CONTROLS,
    waivers: Sequence[Waiver] = (),
    others: Sequence[Other] = (),
    complete: bool = True,
) -> Document:
    return document.make(
        tool=TOOL,
        complete=complete,
        hosts=hosts or (host(ONE), host(TWO)),
        controls=controls,
        results=results,
        waivers=waivers,
        others=others,
    )


def full() -> Document:
    """Return a document with every verdict, every state, hostile names and a missing host."""
    others = (Outcome.PASS, Outcome.ERROR, Outcome.MANUAL, Outcome.NOT_APPLICABLE)
    results = [
        failed(),
        failed(on=TWO),
        failed(SOCKET, subject="host"),
        failed(SITE, subject=f"instance/default/{HOSTILE}"),
        waived(),
        *(told(verdict) for verdict in (*others, Outcome.NOT_ASSESSED)),
    ]
    return make(
        results,
        hosts=(host(ONE), host(TWO), host("ssh://gone", f"cannot reach ssh://gone: {HOSTILE}")),
        waivers=[waiver(state) for state in WaiverState],
        others=[
            Other(name=f"test_a.py::test_{state.value}[{HOSTILE}]", state=state, text=HOSTILE)
            for state in document.State
        ],
        controls=(*CONTROLS[:1], control(SITE, HOSTILE, Severity.LOW, HOSTILE), CONTROLS[2]),
    )
