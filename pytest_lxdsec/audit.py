"""One audit: what the user asked for, the hosts, and the way from a test to its result."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Sequence

import pytest

from . import catalogue, control, hosts, options, outcomes, policy, selection, subjects, targets
from . import waivers as accepted
from .connections import Host, Trust
from .control import Control, Severity
from .errors import Unreachable
from .evidence import replay
from .guide import releases
from .outcomes import Result
from .verdict import CannotTell, Outcome

RESULT = pytest.StashKey[Result]()
SUBJECT = "lxd_subject"
WORKER_INPUT = "lxdsec_hosts"


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
            policy.load(settings.policy, known_controls=None)
            if settings.policy
            else policy.Policy()
        )
        self.releases = releases.load(settings.releases or None)
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
        self.policy.check_controls({made.id for made in known})

    def gather(self) -> None:
        """Reach every target and ask it everything; the only time a server is asked by us."""
        resolved = hosts.resolve(self.targets, self.trust, self._stack)
        self.hosts = hosts.gather_all(resolved)
        if self.settings.save_evidence:
            self._save(pathlib.Path(self.settings.save_evidence))

    def _save(self, path: pathlib.Path) -> None:
        seen = [host.evidence for host in self.hosts if host.evidence is not None]
        if len(self.hosts) == 1:
            for evidence in seen:
                replay.save(evidence, path)
            return
        for evidence in seen:
            replay.save(evidence, path / f"{_file_name(evidence.header.target)}.json")

    @functools.cached_property
    def _directory(self) -> pathlib.Path:
        made = tempfile.TemporaryDirectory(prefix="lxdsec-")
        self._stack.callback(made.cleanup)
        return pathlib.Path(made.name)

    def to_worker(self) -> str:
        """What a worker of xdist needs to know."""
        return hosts.to_worker(self.hosts, self._directory)

    def from_controller(self, text: str) -> None:
        """Take over, in a worker, what the controller has gathered."""
        self.hosts = hosts.from_controller(text, self.trust, self._stack)

    def close(self) -> None:
        """Let go of every connection; end the labs that this run began."""
        self._stack.close()

    # --- from tests to subjects and results -----------------------------------------------

    def subjects_of(self, kind: str) -> tuple[subjects.Subject, ...]:
        """Every host's subjects of a kind, in the order the hosts were named."""
        if kind not in self._subjects:
            self._subjects[kind] = tuple(
                subject
                for host in self.hosts
                if host.evidence is not None
                for subject in subjects.of(kind, host.evidence, host.connection, self.objects)
            )
        return self._subjects[kind]

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for one of our fixtures once for each subject.

        Raises:
            ControlError: it asks for two kinds of subjects.
        """
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
        """The subject of a test; a test that is no control hears of its problems here."""
        subject: subjects.Subject = request.param
        if control.of(request.function) is None and subject.problem is not None:
            outcomes.tell_problem(subject.problem)
        return subject

    def live_host(self, subject: subjects.Subject) -> Host:
        """The host of a test's server, as testinfra knows it."""
        try:
            return subject.connection.host()
        except (CannotTell, Unreachable) as problem:
            outcomes.tell_problem(problem)

    def verdict(
        self, request: pytest.FixtureRequest, subject: subjects.Subject
    ) -> Callable[[], None]:
        """Judge the control that a test is, and give what tells its result."""
        made = control.of(request.function)
        if made is None:
            raise control.ControlError("lxd_verdict is for tests that are made by @control")
        result = self._result(made, subject, request)
        request.node.stash[RESULT] = result
        outcomes.tell_setup(result)
        return functools.partial(outcomes.tell_call, result)

    def _result(
        self, made: Control, subject: subjects.Subject, request: pytest.FixtureRequest
    ) -> Result:
        arguments = {name: request.getfixturevalue(name) for name in made.arguments}
        result = outcomes.tolerate_below(outcomes.evaluate(made, subject, arguments), self.fail_on)
        if result.outcome is not Outcome.FAIL:
            return result
        waiver = accepted.match(
            self.policy.waivers,
            control=made.id,
            subject=subject.id,
            host=subject.host,
            on=subject.evidence.header.taken.date(),
        )
        return outcomes.waive(result, waiver.text()) if waiver else result


def _kind(metafunc: pytest.Metafunc, made: Control | None) -> str:
    if made is not None:
        return made.subject
    kinds = [k for f, k in control.SUBJECT_FIXTURES.items() if f in metafunc.fixturenames]
    if len(kinds) > 1:
        raise control.ControlError(f"{metafunc.function.__name__}: it asks for {kinds}: take one")
    return kinds[0] if kinds else control.HOST


def _file_name(target: str) -> str:
    return "".join(c if c.isalnum() or c in ".-_" else "_" for c in target)
