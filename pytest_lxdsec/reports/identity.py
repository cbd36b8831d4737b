"""When two findings of two runs are the same one: for baselines, comparisons and fingerprints.

The same control on the same object of the same host. Where the object is the whole host or a
whole server, one failure stands for many possible things, and what was observed belongs to it: a
second stranger in LXD's group must not hide behind the first. So does what was observed one by
one, since the text about it may name only the first few. Of a process, its program and user are
what was observed: its number is another one after each restart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from .document import Result

WHOLE = ("host", "server")
PROCESS = re.compile(r"\(process \d+")


class Identity(NamedTuple):
    """What makes a finding this one and no other; `observed` is "" where it does not."""

    control: str
    host: str
    subject: str
    observed: str


def of(
    control: str, host: str, subject: str, observed: str, details: Iterable[str] = ()
) -> Identity:
    """The identity of a finding."""
    if subject.partition("/")[0] not in WHOLE:
        return Identity(control, host, subject, "")
    seen = PROCESS.sub("(process", "\n".join([observed, *sorted(details)]))
    return Identity(control, host, subject, seen)


def of_result(result: Result) -> Identity:
    """The identity of a result's finding; of what is none, without what was said."""
    finding = result.finding
    observed, details = (result.reason, finding.details) if finding else ("", ())
    return of(result.control, result.host, result.subject, observed, details)


def fingerprint(identity: Identity) -> str:
    """The same in few letters, for programs."""
    text = "\0".join(identity).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32]
