"""One line that tells a person at a terminal what the run waits for; a pipe and CI see nothing."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence

import pytest

from .. import printable


class Progress:
    """The line; `out` is None where nobody looks."""

    def __init__(self, out: pytest.TerminalReporter | None, names: Sequence[str]) -> None:
        """Show that these hosts are waited for."""
        self._out = out
        self._waiting = [printable.printable(name) for name in names]
        self._all = len(names)
        self._doing: dict[str, str] = {}
        self._lock = threading.Lock()  # hosts are gathered in threads
        self._show()

    def gathered(self, name: str) -> None:
        """Count a host that was gathered."""
        told = printable.printable(name)
        if told in self._waiting:  # a group of hosts has one name, and its hosts have theirs
            self._waiting.remove(told)
        self._show()

    def does(self, name: str, what: str) -> None:
        """Show what is being done on a host."""
        self._doing[printable.printable(name)] = printable.printable(what)
        self._show()

    def end(self) -> None:
        """Leave an empty line behind, to be written over."""
        if self._out is not None:
            self._out.rewrite("", erase=True)
            self._out.rewrite("")

    def _show(self) -> None:
        if self._out is None:
            return
        done = f"{self._all - len(self._waiting)} of {self._all}"
        width = shutil.get_terminal_size().columns - 1
        waiting = ", ".join(map(self._with_work, list(self._waiting)))
        line = f"lxd: {done} gathered, waiting for {waiting or 'nobody'}"
        with self._lock:
            self._out.rewrite(line[:width], erase=True)

    def _with_work(self, name: str) -> str:
        return f"{name} ({self._doing[name]})" if name in self._doing else name


def of(config: pytest.Config, names: Sequence[str]) -> Progress:
    """Return the line of a session: only for a terminal, and not where quiet is asked for."""
    found = config.pluginmanager.get_plugin("terminalreporter")
    is_seen = (
        isinstance(found, pytest.TerminalReporter)
        and found.isatty
        and config.get_verbosity() >= 0
        and not os.environ.get("CI")
    )
    return Progress(found if is_seen else None, names)
