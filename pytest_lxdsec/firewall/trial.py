"""One frame of one NIC before a rule set: does it break a law?

Imports `build`, `describe`, `evaluate`, `frames`, `laws`, `leeway`, `nic`, `numbers`, `packet`,
`rules`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from . import build, describe, evaluate, laws, leeway, numbers, packet, rules
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
    ruleset: rules.RuleSet, nic: Nic, frame: Frame, asked: Sequence[laws.Law]
) -> list[Offence]:
    """The laws that a frame breaks, or may break, at either hook.

    Where it is dropped, but its like might pass (of what its sender may choose), that is an
    offence of which it cannot be told.
    """
    octets = build.octets(frame)
    if not packet.is_passed_on(octets):
        return []
    found = []
    for hook in laws.HOOKS:
        for law in asked:
            if law.concerns(frame, nic, hook):
                offence = _offence(ruleset, nic, frame, hook, law)
                if offence is not None:
                    found.append(offence)
    return found


def _offence(
    ruleset: rules.RuleSet, nic: Nic, frame: Frame, hook: str, law: laws.Law
) -> Offence | None:
    octets = build.octets(frame)
    if law.passes:
        verdict = judge(ruleset, nic, octets, hook)
        is_kept = verdict.is_accepted
    else:
        wanted = judge_behind if law.is_kept_behind else judge
        verdict = wanted(ruleset, nic, octets, hook, leeway.of(frame))
        is_kept = verdict.is_dropped
        if not is_kept:
            plain = wanted(ruleset, nic, octets, hook)
            verdict = verdict if plain.is_dropped else plain
    return None if is_kept else Offence(law=law, frame=frame, hook=hook, verdict=verdict)


def judge(
    ruleset: rules.RuleSet,
    nic: Nic,
    octets: bytes,
    hook: str,
    free: tuple[rules.Payload, ...] = (),
) -> evaluate.Verdict:
    """What becomes of a frame that the NIC's instance sends, at the bridge's hooks and before.

    Args:
        ruleset: The rules that can concern the NIC.
        nic: Who sends it.
        octets: The frame.
        hook: `input` or `forward`.
        free: The bits that the sender may choose, for an answer that holds for all of them.
    """
    return evaluate.path(
        ruleset, _seen(nic, octets, hook, free), hooks=("ingress", "prerouting", hook)
    )


def _seen(nic: Nic, octets: bytes, hook: str, free: tuple[rules.Payload, ...]) -> packet.Packet:
    out = ELSEWHERE if hook == "forward" else ""
    seen = packet.bridged(octets, iifname=nic.interface, oifname=out)
    return dataclasses.replace(seen, free=free) if free else seen


def judge_behind(
    ruleset: rules.RuleSet,
    nic: Nic,
    octets: bytes,
    hook: str,
    free: tuple[rules.Payload, ...] = (),
) -> evaluate.Verdict:
    """As `judge`, with the rules of IP that stand behind the bridge's.

    A frame for the host meets them in any case, one that is passed on only where br_netfilter
    hands it over. The bridge's word stands where they do not drop it.
    """
    verdict = judge(ruleset, nic, octets, hook, free)
    seen = _seen(nic, octets, hook, free)
    is_handed_over = seen.family in ruleset.handed_over
    if verdict.is_dropped or not seen.family or octets[12:14] in _TAGS:
        return verdict
    if hook == "forward" and not is_handed_over:
        return verdict
    behind = packet.behind_bridge(seen, nic.bridge, is_handed_over=is_handed_over)
    after = evaluate.path(ruleset, behind, hooks=("prerouting", hook))
    return verdict if after.is_accepted else after


_TAGS = tuple(tag.to_bytes(2, "big") for tag in numbers.TAGS)
