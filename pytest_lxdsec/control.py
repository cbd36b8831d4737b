"""`@control`: a judging function becomes a pytest test that carries its metadata.

Ours in `suites/` and a site's own are made alike:

    @control(
        "ACME-01",
        title="Containers have a memory limit",
        severity=Severity.MEDIUM,
        level=Level.CONFIGURED,
        kind=Kind.REQUIREMENT,
        section="unprivileged-containers",
        rationale="One container must not starve the host.",
    )
    def test_memory_is_limited(lxd_instance: Instance) -> Verdict: ...

The function's argument names the subjects it is run for (`lxd_instance`, `lxd_nic`, ...); a
function that asks for none of them is about the host. It returns `verdict.passed(...)` or
`verdict.failed(...)`, or raises what `verdict` defines. Imports `verdict` and the guide's data.
"""

from __future__ import annotations

import enum
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .guide import sections
from .verdict import Verdict

ATTRIBUTE = "__lxd_control__"
# The fixture that evaluates in pytest's setup phase, so that "cannot tell" is an error and
# "not compliant" is a failure, in every report of every tool.
VERDICT_FIXTURE = "lxd_verdict"
SUBJECT_FIXTURES = {
    "lxd_certificate": "certificate",
    "lxd_image": "image",
    "lxd_instance": "instance",
    "lxd_network": "network",
    "lxd_nic": "nic",
    "lxd_profile": "profile",
    "lxd_server": "server",
}
# What an audit hands to a control itself: a fixture costs pytest as much as a whole judgement.
GIVEN = frozenset({"lxd_evidence", "lxd_policy", "lxd_releases", *SUBJECT_FIXTURES})
HOST = "host"
IDENTIFIER = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")

Judge = Callable[..., Verdict]


class Severity(enum.Enum):
    """How bad a failure is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Level(enum.Enum):
    """What is looked at."""

    CONFIGURED = "configured"  # what LXD's API says is wanted
    ENFORCED = "enforced"  # what the kernel and the running daemon do
    PROBED = "probed"  # what happens when somebody tries


class Kind(enum.Enum):
    """What the guide's sentence is."""

    REQUIREMENT = "requirement"
    ADVICE = "advice"
    GUARANTEE = "guarantee"


class ControlError(TypeError):
    """A control is declared wrongly; its author reads this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Everything about a control but its judgement.

    Attributes:
        id: Never reused; reports, waivers and users refer to it.
        section: The guide's anchor, or a site's own section.
        subject: What it is run for: host, server, instance, nic, ...
        arguments: The fixtures that the judging function asks for.
        judge: The function itself.
    """

    id: str
    title: str
    severity: Severity
    level: Level
    kind: Kind
    section: str
    rationale: str
    subject: str
    arguments: tuple[str, ...]
    judge: Judge

    @property
    def section_title(self) -> str:
        """The guide's heading; a site's own section is its own title."""
        section = sections.BY_ANCHOR.get(self.section)
        return section.title if section else self.section

    @property
    def section_path(self) -> str:
        """The headings down to the section, for people."""
        section = sections.BY_ANCHOR.get(self.section)
        return " › ".join(section.path) if section else self.section  # noqa: RUF001 - as menus do

    @property
    def guide_url(self) -> str:
        """The URL of the guide's section; "" for a site's own section."""
        section = sections.BY_ANCHOR.get(self.section)
        return section.url if section else ""


def control(  # noqa: PLR0913 - one keyword for each fact that a control must state
    id: str,  # noqa: A002 - it is the control's id
    *,
    title: str,
    severity: Severity,
    level: Level,
    kind: Kind,
    section: str,
    rationale: str,
) -> Callable[[Judge], Callable[..., None]]:
    """Make a judging function a test.

    Raises:
        ControlError: the id is not of the form WORD-WORD, a text is empty, or the function asks
            for several subjects.
    """
    if not IDENTIFIER.fullmatch(id):
        raise ControlError(f"control {id!r}: an id is capitals, digits and dashes, as ACME-01")
    if not title.strip() or not rationale.strip() or not section.strip():
        raise ControlError(f"control {id}: title, rationale and section must say something")

    def decorate(judge: Judge) -> Callable[..., None]:
        arguments = tuple(inspect.signature(judge).parameters)
        made = Control(
            id=id,
            title=title,
            severity=severity,
            level=level,
            kind=kind,
            section=section,
            rationale=rationale,
            subject=_subject(id, arguments),
            arguments=arguments,
            judge=judge,
        )
        return _as_test(made)

    return decorate


def of(function: object) -> Control | None:
    """Return the control that a test function carries."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Control) else None


def _subject(name: str, arguments: tuple[str, ...]) -> str:
    subjects = [SUBJECT_FIXTURES[a] for a in arguments if a in SUBJECT_FIXTURES]
    if len(subjects) > 1:
        raise ControlError(f"control {name}: it is run for one subject, not {len(subjects)}")
    return subjects[0] if subjects else HOST


def _as_test(made: Control) -> Callable[..., None]:
    @functools.wraps(made.judge)
    def test(**fixtures: object) -> None:
        tell = cast("Callable[[], None]", fixtures[VERDICT_FIXTURE])
        tell()

    fixtures = [name for name in made.arguments if name not in (*GIVEN, VERDICT_FIXTURE)]
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for name in (*fixtures, VERDICT_FIXTURE)
    ]
    # pytest reads the signature to know which fixtures to make; the judge is not called here.
    del test.__wrapped__
    setattr(test, "__signature__", inspect.Signature(parameters))  # noqa: B010 - PEP 362; untyped
    setattr(test, ATTRIBUTE, made)
    # pytest then takes it for a test, whatever names the user's python_functions ask for.
    setattr(test, "__test__", True)  # noqa: B010 - as above
    return test
