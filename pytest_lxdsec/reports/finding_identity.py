"""When two findings of two runs are the same one: for baselines, comparisons and fingerprints.

The same control on the same object of the same host, with nothing seen there that was not seen
before: a second stranger in LXD's group, or a second key that undoes a container's walls, must not
hide behind the first. What changes by itself from one run to the next is left out of what was
seen: the numbers of processes, the names that LXD draws for host interfaces, leased addresses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .document import Result

WHOLE = ("host", "server")
# Where texts that name several things set them apart. To cut too often does no harm, since all
# pieces must have been there before.
APART = re.compile(r"; |, | and ")
VOLATILE: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\b(process|pid) \d+"), r"\1"),
    (re.compile(r"/proc/\d+"), "/proc/"),
    # lxd/network/network_utils.go, RandomDevName: a prefix and eight hexadecimal digits.
    (re.compile(r"\b(veth|tap|mac)[0-9a-f]{8}\b"), r"\1"),
    (re.compile(r"\b([a-z]+:)\[\d+\]"), r"\1"),  # the inode of a namespace
    (re.compile(r"\bfe80:[0-9a-f:]+"), "fe80::"),  # made of a MAC, which LXD draws too
    (re.compile(r"\b\d+ (more|days)\b"), r"\1"),
)
# What is leased to an object or drawn for it; those of a host are its configuration.
LEASED: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "MAC"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "IP"),
    (re.compile(r"(?<![\w:])(?=[0-9a-f:]*::|(?:[0-9a-f]+:){7})[0-9a-f:]+[0-9a-f]"), "IP"),
)


class Identity(NamedTuple):
    """What makes a finding this one and no other: its place, and what was seen there."""

    control: str
    host: str
    subject: str
    seen: frozenset[str]

    def is_in(self, before: Identity) -> bool:
        """Return whether it is no more than was found there before."""
        return self[:3] == before[:3] and self.seen <= before.seen


def of(  # noqa: PLR0913 - the parts of a finding that tell it from others
    control: str,
    host: str,
    subject: str,
    observed: str,
    *,
    details: Iterable[str] = (),
    lasting: Iterable[str] = (),
) -> Identity:
    """Return the identity of a finding."""
    seen = frozenset(_pieces(subject, observed, tuple(details), tuple(lasting)))
    return Identity(control, host, subject, seen)


def of_result(result: Result) -> Identity:
    """Return the identity of a result's finding; of what is none, without what was said."""
    return Identity(result.control, result.host, result.subject, frozenset(_of_result(result)))


def more(earlier: Result, result: Result) -> list[str]:
    """Return what was seen of a finding that had not been seen of it before, in its own words."""
    before = _of_result(earlier)
    return [text for piece, text in _of_result(result).items() if piece not in before]


def _of_result(result: Result) -> Mapping[str, str]:
    found = result.finding
    if found is None:
        return {}
    return _pieces(result.subject, result.reason, found.details, found.lasting)


def _pieces(
    subject: str, observed: str, details: Sequence[str], lasting: Sequence[str]
) -> Mapping[str, str]:
    """Return what was seen, piece by piece without what changes by itself, and as it was told."""
    told = lasting or details or APART.split(observed)
    is_whole = subject.partition("/")[0] in WHOLE
    return {_without(VOLATILE if is_whole else (*LEASED, *VOLATILE), one): one for one in told}


def _without(patterns: Iterable[tuple[re.Pattern[str], str]], text: str) -> str:
    for pattern, instead in patterns:
        text = pattern.sub(instead, text)
    return text


def fingerprint(identity: Identity) -> str:
    """Return the same in few letters, for programs.

    Of an object's finding, whatever was seen of it.
    """
    is_whole = identity.subject.partition("/")[0] in WHOLE
    text = "\0".join([*identity[:3], *(sorted(identity.seen) if is_whole else [])])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
