"""One audit: what the user asked for, the hosts, and the way from a test to its result."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import functools
import pathlib
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NoReturn

import pytest

from .. import control, options
from ..control import Control, Severity
from ..errors import UserError
from ..evidence import evidence_file
from ..guide import releases
from ..policy import policy_file
from ..policy import waivers as accepted
from ..reports import baseline, finding_identity
from ..reports.document import Result
from ..transport import targets
from ..transport.connection import Trust
from ..verdict import Outcome
from . import hosts, outcomes, selection, subjects

RESULT = pytest.StashKey[Result]()
SUBJECT = "lxd_subject"
OURS = "LXD-"  # how the ids of the packaged controls begin
NEAR = 0.7  # how alike two ids are of which one is a slip of the other


class Audit:
    """The state of one run; made in `pytest_configure`, filled when the session starts."""

    def __init__(self, settings: options.Settings, known: tuple[Control, ...]) -> None:
        """Read everything that the user named.

        Raises:
            UserError: something of it is wrong.
        """
        self.settings = settings
        self.known = known
        self.targets = targets.parse_all(settings.hosts)
        self.trust = Trust(cert=settings.cert, key=settings.key, server_cert=settings.server_cert)
        self.controls = selection.controls(
            ids=settings.controls,
            anchors=settings.sections,
            severity=settings.min_severity,
            levels=settings.levels,
        )
        self.objects = selection.Objects(instances=settings.instances, projects=settings.projects)
        self.fail_on = (
            selection.choice("--lxd-fail-on", settings.fail_on, Severity)
            if settings.fail_on
            else None
        )
        self.policy = (
            policy_file.load(settings.policy, known_controls=None)
            if settings.policy
            else policy_file.Policy()
        )
        self.baseline = baseline.load(settings.baseline) if settings.baseline else None
        self.releases = releases.load(settings.releases or None)
        self.day = selection.day("--lxd-now", settings.now)
        self.hosts: tuple[hosts.Host, ...] = ()
        self._stack = contextlib.ExitStack()
        self._subjects: dict[str, tuple[subjects.Subject, ...]] = {}

    def check(self, controls: Iterable[Control]) -> None:
        """Refuse names that none of these controls has.

        Raises:
            UserError: of `--lxd-control`, `--lxd-section` or a waiver.
        """
        known = tuple(controls)
        self.controls.check(known)
        ids = {made.id for made in known}
        self.policy.check_controls(ids | self._elsewhere(ids))

    def _elsewhere(self, ids: Collection[str]) -> set[str]:
        """Return the waived controls of the site's own that this run does not collect.

        A site has one policy for all its runs, of which each collects some of its files: only
        what should be one of ours, or nearly is, is known to be wrong.
        """
        ours = [made.id for made in self.known]
        waived = {waiver.control for waiver in self.policy.waivers} - set(ids)
        return {
            name
            for name in waived
            if not name.startswith(OURS)
            and not difflib.get_close_matches(name, ours, n=1, cutoff=NEAR)
        }

    def gather(
        self,
        gathered: Callable[[str], None] = lambda _: None,
        does: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """Reach every target and ask it everything; the only time a server is asked by us."""
        resolved = hosts.resolve(self.targets, self.trust, self._stack)
        self.hosts = self._for_the_day(
            hosts.gather_all(resolved, gathered, does, probes=self.settings.probe)
        )
        if self.settings.save_evidence:
            self.hosts = tuple(self._saved(pathlib.Path(self.settings.save_evidence)))

    def _for_the_day(self, found: Sequence[hosts.Host]) -> tuple[hosts.Host, ...]:
        """Return the same, to be judged for `--lxd-now`.

        What was seen, and when, stays as it is.
        """
        if self.day is None:
            return tuple(found)
        return tuple(
            dataclasses.replace(host, evidence=host.evidence.on(self.day))
            if host.evidence
            else host
            for host in found
        )

    def _saved(self, path: pathlib.Path) -> Iterator[hosts.Host]:
        names = _file_names(self.hosts)
        places = [path] if len(names) == 1 else [path / name for name in names]
        for host, place in zip(self.hosts, places, strict=True):
            if host.evidence is not None:
                evidence_file.save(host.evidence, place)
                yield dataclasses.replace(host, kept=str(place))
            else:
                _forget(place)
                yield host

    @functools.cached_property
    def _directory(self) -> pathlib.Path:
        made = tempfile.TemporaryDirectory(prefix="lxdsec-")
        self._stack.callback(made.cleanup)
        return pathlib.Path(made.name)

    def to_worker(self) -> str:
        """Return what a worker of xdist needs to know."""
        return hosts.to_worker(self.hosts, self._directory)

    def from_controller(self, text: str) -> None:
        """Take over, in a worker, what the controller has gathered."""
        self.hosts = self._for_the_day(hosts.from_controller(text, self.trust, self._stack))

    def close(self) -> None:
        """Let go of every connection; end the labs that this run began."""
        self._stack.close()

    # --- from tests to subjects and results -----------------------------------------------

    def subjects_of(self, kind: str) -> tuple[subjects.Subject, ...]:
        """Return every host's subjects of a kind, in the order the hosts were named."""
        if kind not in self._subjects:
            self._subjects[kind] = tuple(
                subject
                for host in self.hosts
                if host.evidence is not None
                for subject in subjects.of(kind, host.evidence, host.connection, self.objects)
            )
        return self._subjects[kind]

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for one of our fixtures once for each subject."""
        if SUBJECT not in metafunc.fixturenames:
            return
        made = control.of(metafunc.function)
        found: Sequence[subjects.Subject | None] = (None,)
        if made is None or self.controls.has(made):
            found = self.subjects_of(_kind(metafunc, made)) or (None,)
        prefix = f"{made.id}@" if made else ""
        ids = [f"{prefix}{s.host}:{s.id}" if s else f"{prefix}-" for s in found]
        metafunc.parametrize(SUBJECT, found, indirect=True, ids=ids)

    def subject(self, request: pytest.FixtureRequest) -> subjects.Subject:
        """Return the subject of a test.

        The first that it asks for, so its problems are told here.
        """
        subject: subjects.Subject | None = getattr(request, "param", None)
        if subject is None:
            _refuse_late_question(request)
        if subject.problem is not None:
            made = control.of(request.function)
            if made is None:
                raise subject.problem
            self._conclude(request, made, outcomes.evaluate(made, subject, {}))
        return subject

    def content(self, subject: subjects.Subject, request: pytest.FixtureRequest) -> subjects.Value:
        """Return the object of a subject, for the fixture that is named after its kind."""
        kind = control.SUBJECT_FIXTURES[str(request.fixturename)]
        if subject.id.partition("/")[0] != kind:
            _refuse_late_question(request)
        return subject.content

    def verdict(
        self, request: pytest.FixtureRequest, subject: subjects.Subject
    ) -> Callable[[], None]:
        """Judge the control that a test is, and give what tells its result."""
        made = control.of(request.function)
        if made is None:
            raise control.ControlError("lxd_verdict is for tests that are made by @control")
        result = self._result(made, subject, request)
        self._conclude(request, made, result)
        return functools.partial(outcomes.raise_in_call, result, made)

    def _conclude(self, request: pytest.FixtureRequest, made: Control, result: Result) -> None:
        request.node.stash[RESULT] = result
        outcomes.raise_in_setup(result, made)

    def _result(
        self, made: Control, subject: subjects.Subject, request: pytest.FixtureRequest
    ) -> Result:
        arguments = {name: self._argument(name, subject, request) for name in made.arguments}
        judged = outcomes.evaluate(made, subject, arguments)
        result = outcomes.tolerate_below(judged, made.severity, self.fail_on)
        if result.verdict is not Outcome.FAIL:
            return result
        waiver = accepted.match(
            self.policy.waivers,
            control=made.id,
            subject=subject.id,
            host=subject.host,
            on=subject.evidence.now.date(),
        )
        return outcomes.waive(result, waiver.text()) if waiver else self._known(result, made)

    def _argument(
        self, name: str, subject: subjects.Subject, request: pytest.FixtureRequest
    ) -> object:
        """Return what a control asks for.

        Of `control.GIVEN`, without pytest's making a fixture of it.
        """
        if name in control.SUBJECT_FIXTURES:
            return subject.content
        match name:
            case "lxd_evidence":
                return subject.evidence
            case "lxd_policy":
                return self.policy
            case "lxd_releases":
                return self.releases
            case _:
                return request.getfixturevalue(name)

    def _known(self, result: Result, made: Control) -> Result:
        """Tolerate a failure that the baseline has."""
        identity = finding_identity.of_result(result)
        if self.baseline is None or not self.baseline.knows(outcomes.described(made), identity):
            return result
        return outcomes.tolerate_known(result, baseline.TEXT)


def _kind(metafunc: pytest.Metafunc, made: Control | None) -> str:
    """Return what a test is run for, by the fixtures that it asks for, be it through others."""
    asked = [f for f in control.SUBJECT_FIXTURES if f in metafunc.fixturenames]
    if len(asked) > 1:
        name = metafunc.function.__name__
        pytest.fail(
            f"{name} asks for {' and '.join(asked)}, but a test is run for one kind of object: "
            "take one of them, and reach the others through lxd_evidence",
            pytrace=False,
        )
    if made is not None and not asked:
        return made.subject
    kind = control.SUBJECT_FIXTURES[asked[0]] if asked else control.HOST
    if made is not None and kind != made.subject:
        pytest.fail(
            f"control {made.id} is about a {made.subject}, but a fixture of it asks for "
            f"{asked[0]}: let the control itself ask for it",
            pytrace=False,
        )
    return kind


def _refuse_late_question(request: pytest.FixtureRequest) -> NoReturn:
    name = request.node.name
    pytest.fail(
        f"{name} asks for {request.fixturename} while it runs, too late to be run for each: "
        "name it, or another fixture of ours, among the test's arguments",
        pytrace=False,
    )


def _forget(path: pathlib.Path) -> None:
    """Remove what an earlier run saved: what was not seen must not be taken for what was."""
    try:
        if path.is_file():
            path.resolve().unlink()
    except OSError as error:
        raise UserError(
            f"--lxd-save-evidence: cannot remove {str(path)!r}, which an earlier run saved: "
            f"{error.strerror}: name another file"
        ) from error


def _file_names(found: Sequence[hosts.Host]) -> list[str]:
    """Return a file for each host, named after it; two that would have the same are numbered."""
    names: list[str] = []
    for host in found:
        target = host.evidence.header.target if host.evidence else host.name
        stem = "".join(c if c.isalnum() or c in ".-_" else "_" for c in target)
        taken = sum(name.partition("~")[0] == stem for name in names)
        names.append(f"{stem}~{taken + 1}" if taken else stem)
    return [f"{name}.json" for name in names]
