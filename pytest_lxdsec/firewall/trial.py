"""One frame of one NIC before a rule set: does it break a law?

Imports `build`, `describe`, `evaluate`, `frames`, `laws`, `nic`, `packet`, `rules`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import build, describe, evaluate, laws, packet, rules
from .frames import Frame
from .nic import Nic

ELSEWHERE = "veth-of-another"  # the port by which a forwarded frame leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """A frame that breaks a law, or of which that cannot be told.

    Attributes:
        law: Which.
        frame: What was tried.
        hook: `input`: to the host; `forward`: to another instance.
        verdict: What becomes of it, by which rule.
    """

    law: laws.Law
    frame: Frame
    hook: str
    verdict: evaluate.Verdict

    @property
    def is_certain(self) -> bool:
        """Whether the law is surely broken."""
        return self.verdict.decision is not evaluate.Decision.UNKNOWN

    @property
    def text(self) -> str:
        """One line for a finding."""
        to = "the host" if self.hook == "input" else "other instances"
        what = describe.describe(self.frame)
        if not self.is_certain:
            return f"whether {to} would get it cannot be told: {what}: {self.verdict.reason}"
        became = f"does not reach {to}" if self.law.passes else f"reaches {to}"
        return f"{became}: {what}; decided by {self.verdict.reason}"


def offences(
    ruleset: rules.RuleSet,
    nic: Nic,
    frame: Frame,
    asked: Sequence[laws.Law],
    *,
    out: str = ELSEWHERE,
) -> list[Offence]:
    """The laws that a frame breaks, or may break, at either hook.

    Args:
        ruleset: The rules.
        nic: Who sends it.
        frame: What is tried.
        asked: The laws.
        out: The port by which it leaves where it is forwarded.
    """
    octets = build.octets(frame)
    if not packet.is_passed_on(octets):
        return []
    found = []
    for hook in laws.HOOKS:
        concerned = [law for law in asked if law.concerns(frame, nic, hook)]
        if not concerned:
            continue
        verdict = judge(ruleset, nic, octets, hook, out=out)
        for law in concerned:
            wanted = evaluate.Decision.ACCEPT if law.passes else evaluate.Decision.DROP
            if verdict.decision is not wanted:
                found.append(Offence(law=law, frame=frame, hook=hook, verdict=verdict))
    return found


def judge(
    ruleset: rules.RuleSet, nic: Nic, octets: bytes, hook: str, *, out: str = ELSEWHERE
) -> evaluate.Verdict:
    """What becomes of a frame that the NIC's instance sends, at the bridge's hooks and before.

    What IP tables make of it on a host with br_netfilter comes after, and is not asked: LXD's
    xtables driver holds neighbour advertisements there.
    """
    leaves = out if hook == "forward" else ""
    seen = packet.bridged(octets, iifname=nic.interface, oifname=leaves, bridge=nic.bridge)
    return evaluate.path(ruleset, seen, hooks=("ingress", "prerouting", hook))
