"""One frame of one NIC before a rule set: does it break a guarantee?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluation import evaluate
from ..frames import describe, encode
from ..frames.ethernet import Frame
from ..model import packet, protocol_numbers, rules
from . import guarantees, sender_choice
from .filtered_nic import FilteredNic

ELSEWHERE = "veth-of-another"  # the port by which a forwarded frame leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A frame that breaks a guarantee, or of which that cannot be told.

    Attributes:
        guarantee: Which.
        frame: What was tried.
        hook: `input`: to the host; `forward`: to another instance.
        verdict: What becomes of it, by which rule.
    """

    guarantee: guarantees.Guarantee
    frame: Frame
    hook: str
    verdict: evaluate.Verdict

    @property
    def is_certain(self) -> bool:
        """True if the guarantee is surely broken."""
        return self.verdict.decision is not evaluate.Decision.UNKNOWN

    @property
    def text(self) -> str:
        """One line for a finding."""
        to = "the host" if self.hook == "input" else "other instances"
        what = describe.describe(self.frame)
        if not self.is_certain:
            return f"whether {to} would get it cannot be told: {what}: {self.verdict.reason}"
        became = f"does not reach {to}" if self.guarantee.passes else f"reaches {to}"
        return f"{became}: {what}; decided by {self.verdict.reason}"


def violations(
    ruleset: rules.RuleSet,
    nic: FilteredNic,
    frame: Frame,
    asked: Sequence[guarantees.Guarantee],
    *,
    out: str = ELSEWHERE,
) -> list[Violation]:
    """Return the laws that a frame breaks, or may break, at either hook.

    Where it is dropped, but its like might pass (of what its sender may choose), that is an
    violation of which it cannot be told.

    Args:
        ruleset: The rules.
        nic: Who sends it.
        frame: What is tried.
        asked: The laws.
        out: The port by which it leaves where it is forwarded.
    """
    if not packet.is_passed_on(encode.octets(frame)):
        return []
    found = []
    for hook in guarantees.HOOKS:
        way = Path(nic=nic, hook=hook, out=out if hook == "forward" else "")
        for guarantee in asked:
            if guarantee.concerns(frame, nic, hook):
                violation = _offence(ruleset, way, frame, guarantee)
                if violation is not None:
                    found.append(violation)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Which way a frame takes: from whom, to which hook, and by which port it would leave."""

    nic: FilteredNic
    hook: str
    out: str


def _offence(
    ruleset: rules.RuleSet, way: Path, frame: Frame, guarantee: guarantees.Guarantee
) -> Violation | None:
    octets = encode.octets(frame)
    if guarantee.passes:
        verdict = decide(ruleset, way, octets)
        is_kept = verdict.is_accepted
    else:
        wanted = decide_behind if guarantee.is_kept_behind else decide
        verdict = wanted(ruleset, way, octets, sender_choice.of(frame))
        is_kept = verdict.is_dropped
        if not is_kept:
            plain = wanted(ruleset, way, octets)
            verdict = verdict if plain.is_dropped else plain
    return (
        None
        if is_kept
        else Violation(guarantee=guarantee, frame=frame, hook=way.hook, verdict=verdict)
    )


def judge(ruleset: rules.RuleSet, nic: FilteredNic, octets: bytes, hook: str) -> evaluate.Verdict:
    """Return what happens to a frame that the instance sends to the host or to another."""
    way = Path(nic=nic, hook=hook, out=ELSEWHERE if hook == "forward" else "")
    return decide(ruleset, way, octets)


def decide(
    ruleset: rules.RuleSet, way: Path, octets: bytes, free: tuple[rules.Payload, ...] = ()
) -> evaluate.Verdict:
    """Return what becomes of a frame at the bridge's hooks and before.

    Args:
        ruleset: The rules that can concern the NIC.
        way: The frame's.
        octets: The frame.
        free: The bits that its sender may choose, for an answer that holds for all of them.
    """
    hooks = ("ingress", "prerouting", way.hook)
    return evaluate.path(ruleset, _seen(way, octets, free), hooks=hooks)


def _seen(way: Path, octets: bytes, free: tuple[rules.Payload, ...]) -> packet.Packet:
    nic = way.nic
    seen = packet.bridged(octets, iifname=nic.interface, oifname=way.out, bridge=nic.bridge)
    return dataclasses.replace(seen, free=free) if free else seen


def decide_behind(
    ruleset: rules.RuleSet, way: Path, octets: bytes, free: tuple[rules.Payload, ...] = ()
) -> evaluate.Verdict:
    """Decide with the rules of IP that follow the bridge's; see `decide`.

    A frame for the host meets them in any case, one that is passed on only where br_netfilter
    hands it over. The bridge's word stands where they do not drop it.
    """
    verdict = decide(ruleset, way, octets, free)
    seen = _seen(way, octets, free)
    is_handed_over = seen.family in ruleset.handed_over
    if verdict.is_dropped or not seen.family or octets[12:14] in _TAGS:
        return verdict
    if way.hook == "forward" and not is_handed_over:
        return verdict
    behind = packet.behind_bridge(seen, is_handed_over=is_handed_over)
    after = evaluate.path(ruleset, behind, hooks=("prerouting", way.hook))
    return verdict if after.is_accepted else after


_TAGS = tuple(tag.to_bytes(2, "big") for tag in protocol_numbers.TAGS)
