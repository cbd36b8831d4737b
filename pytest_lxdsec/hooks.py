"""pytest's hooks for a run with hosts; registered only then. Each delegates."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from . import audit, catalogue, collection, options
from .errors import UserError
from .reports import record, terminal

WORKER_INPUT = "lxdsec_hosts"


def configure(config: pytest.Config, key: pytest.StashKey[audit.Audit]) -> None:
    """Read what the user asked for.

    `--help` and `--version` work whatever else is wrong: they get no audit.

    Raises:
        pytest.UsageError: the user's mistake, in one line; pytest exits with 4.
    """
    if config.getoption("help", default=False) or config.getoption("version", default=0):
        return
    with _mistakes_as_usage_errors():
        made = audit.Audit(options.from_config(config), catalogue.packaged())
        if collection.is_packaged_only(config):
            made.check(made.known)
    config.stash[key] = made
    terminal.configure(config)
    config.pluginmanager.register(Hooks(made), "lxdsec-hooks")


class Hooks:
    """What we do in a session that audits hosts."""

    def __init__(self, made: audit.Audit) -> None:
        self.audit = made
        self.records: list[record.Record] = []

    @pytest.hookimpl(tryfirst=True)  # before xdist starts its workers and the header is printed
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Gather, in the controller; take over what it gathered, in a worker."""
        given = getattr(session.config, "workerinput", {}).get(WORKER_INPUT)
        with _mistakes_as_usage_errors():
            if given is None:
                self.audit.gather()
            else:
                self.audit.from_controller(given)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist's, untyped here
        """Tell a worker of xdist what was gathered."""
        node.workerinput[WORKER_INPUT] = self.audit.to_worker()

    def pytest_report_header(self) -> list[str]:
        """Say what was gathered, of whom, and in how long."""
        return terminal.header(self.audit)

    @pytest.hookimpl(trylast=True)  # after -k and -m: an unreachable host is never deselected
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Take out what was not chosen, and put in the hosts that cannot be reached."""
        with _mistakes_as_usage_errors():
            collection.choose(self.audit, session, items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Tell every report which control a test is."""
        record.describe(item)

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
        if (found := record.of(report)) is not None:
            self.records.append(found)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the findings in the guide's order, and the state of each section."""
        terminal.summary(terminalreporter, self.records, verbose=config.get_verbosity() > 0)


class _mistakes_as_usage_errors:  # noqa: N801 - used as a verb
    """Inside, the user's mistakes become pytest's usage errors."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Translate."""
        if isinstance(error, UserError):
            raise pytest.UsageError(str(error)) from error
