"""A log filter that keeps the output of our own commands out of testinfra's log.

testinfra logs every command with its complete output at DEBUG, and a host's facts or an answer
of the API may hold secrets. Only the records of our own calls are dropped: the tests of a site, in
other threads or between our calls, keep their log.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
from collections.abc import Iterator

_IS_OWN = contextvars.ContextVar("lxdsec_own_command", default=False)


def _is_foreign(_record: logging.LogRecord) -> bool:
    return not _IS_OWN.get()


@contextlib.contextmanager
def own_commands() -> Iterator[None]:
    """Drop testinfra's log records of this thread inside the `with` block."""
    # logging adds the same filter only once, so it need not be removed or remembered.
    logging.getLogger("testinfra").addFilter(_is_foreign)
    token = _IS_OWN.set(True)
    try:
        yield
    finally:
        _IS_OWN.reset(token)
