"""pytest's hooks for a run with hosts; registered only then. Each delegates."""

from __future__ import annotations

import contextlib
import pathlib
import sys
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from .. import errors, options
from ..policy.waiver_audit import Judged
from ..reports import report_files
from . import (
    audit,
    catalogue,
    collection,
    document_builder,
    other_tests,
    outcomes,
    progress,
    record,
    terminal,
    waiver_items,
)

WORKER_INPUT = "lxdsec_hosts"
WORKER_MISTAKE = "lxdsec_mistake"
HYPOTHESIS = "hypothesispytest"


def _leave_out_hypothesis(config: pytest.Config) -> None:
    """Unregister Hypothesis' plugin if nothing has used Hypothesis: its summary imports it all."""
    if "hypothesis" not in sys.modules and config.pluginmanager.has_plugin(HYPOTHESIS):
        config.pluginmanager.unregister(name=HYPOTHESIS)


def configure(config: pytest.Config, key: pytest.StashKey[audit.Audit]) -> None:
    """Read what the user asked for.

    `--help` and `--version` work whatever else is wrong: they get no audit.

    Raises:
        pytest.UsageError: the user's mistake, in one line; pytest exits with 4.
    """
    if config.getoption("help", default=False) or config.getoption("version", default=0):
        return
    is_worker = hasattr(config, "workerinput")
    with _usage_errors():
        settings = options.from_config(config)
        try:
            made = audit.Audit(settings, catalogue.packaged())
            if options.runs_suites_only(config):
                made.check(made.known)
        finally:  # after a mistake too: who looks for reports must not find yesterday's
            if settings.report and not is_worker and not config.getoption("collectonly"):
                report_files.clear(pathlib.Path(settings.report), keep=settings.baseline)
        if made.settings.report and not is_worker:
            report_files.prepare(pathlib.Path(made.settings.report))
    config.stash[key] = made
    if config.pluginmanager.has_plugin("terminal"):  # its reporter is not there yet; no workers
        terminal.configure(config)
    config.pluginmanager.register(Hooks(made, is_worker=is_worker), "lxdsec-hooks")


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Inside, the user's mistakes become pytest's usage errors."""
    try:
        yield
    except errors.UserError as mistake:
        raise pytest.UsageError(str(mistake)) from mistake


class Hooks:
    """What we do in a session that audits hosts."""

    def __init__(self, made: audit.Audit, *, is_worker: bool) -> None:
        self.audit = made
        self.is_worker = is_worker  # of xdist: it sends its reports, and hears of no other's
        # By node, since a plugin may run a test once more: its last answer holds.
        self.records: dict[str, record.Record] = {}
        self.others = other_tests.Others()
        self.ended: set[str] = set()
        self.waivers: tuple[Judged, ...] = ()
        self.is_complete = False
        self.reported = ""

    @pytest.hookimpl(tryfirst=True)  # before xdist starts its workers and the header is printed
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Gather, in the controller; take over what it gathered, in a worker."""
        given = getattr(session.config, "workerinput", {}).get(WORKER_INPUT)
        with _usage_errors():
            if given is None:
                self._gather(session.config)
            else:
                self.audit.from_controller(given)

    def _gather(self, config: pytest.Config) -> None:
        line = progress.of(config, [target.name for target in self.audit.targets])
        try:
            self.audit.gather(line.gathered, line.does)
        finally:
            line.end()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's, untyped here
        """Tell a worker of xdist what was gathered."""
        node.workerinput[WORKER_INPUT] = self.audit.to_worker()

    def pytest_report_header(self) -> list[str]:
        """Say what was gathered, of whom, and in how long."""
        return terminal.header(self.audit)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(
        self, path: pathlib.Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Collect our suites, whatever the user calls test files of their own."""
        return collection.suites(path, parent)

    # The outermost: the mistakes are found before -k, -m and --lf take tests away, and a host
    # that cannot be reached is put in after they have, for it is never deselected.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Take out what was not chosen, and put in the hosts that cannot be reached."""
        with self._mistakes_of(session, items):
            collection.choose(self.audit, session, items)
        yield
        collection.add_unreached(self.audit, session, items)

    @contextlib.contextmanager
    def _mistakes_of(self, session: pytest.Session, items: list[pytest.Item]) -> Iterator[None]:
        """Turn mistakes into usage errors; a worker of xdist leaves that to the controller."""
        told = getattr(session.config, "workeroutput", None)
        try:
            with _usage_errors():
                yield
        except pytest.UsageError as mistake:
            if told is None:
                raise
            told[WORKER_MISTAKE] = str(mistake)
            items.clear()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's, untyped here
        """End the run for the mistake that a worker of xdist has found.

        Raises:
            pytest.UsageError: the user's mistake, as the worker says it.
        """
        mistake = getattr(node, "workeroutput", {}).get(WORKER_MISTAKE)
        if mistake is not None:
            raise pytest.UsageError(mistake)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Tell every report which control a test is, and what its subject lacks."""
        record.describe(item)
        with outcomes.as_pytest_outcome():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Tell what a site's own test could not see."""
        with outcomes.as_pytest_outcome():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell every report what came of it."""
        record.conclude(item, call)
        report = yield
        record.attach(item, report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the summary needs; in the controller, of all workers."""
        if self.is_worker:
            return
        if report.when not in ("setup", "call"):  # xdist tells so of one whose worker died, too
            self.ended.add(report.nodeid)
        if (found := record.take(report)) is not None:
            self.records[report.nodeid] = found
            self.others.forget(report.nodeid)
        else:
            self.others.take(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed and not self.is_worker:
            self.others.take(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Audit the waivers when all controls are judged, in whichever process."""
        done = yield
        self.is_complete = 0 < session.testscollected <= len(self.ended)
        is_run = session.testscollected and not session.config.getoption("collectonly")
        if is_run and not self.is_worker:
            self.waivers = waiver_items.judge(self.audit, list(self.records.values()))
            waiver_items.tell(session, self.waivers)
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports, in the process that heard of all results."""
        _leave_out_hypothesis(session.config)
        directory = self.audit.settings.report
        is_run = not session.config.getoption("collectonly")
        if directory and is_run and not self.is_worker:
            self.reported = self._report(session, pathlib.Path(directory))

    def _report(self, session: pytest.Session, directory: pathlib.Path) -> str:
        """Write the reports; what is to be said of it."""
        whole = document_builder.compose(
            [self.records[node] for node in sorted(self.records)],  # whichever worker was first
            self.audit.hosts,
            self.waivers,
            others=self.others.in_order(),
            complete=self.is_complete,
            baseline=self.audit.baseline,
        )
        try:
            report_files.write(whole, directory)
        except errors.UserError as mistake:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
            return str(mistake)
        return f"reports: {directory / 'report.html'} and {len(report_files.WRITERS) - 1} more"

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the findings in the guide's order, and the state of each section."""
        found = record.in_order(self.records.values())
        terminal.summary(terminalreporter, found, verbose=config.get_verbosity() > 0)
        terminal.waivers(terminalreporter, self.waivers)
        terminal.reported(terminalreporter, self.reported)
