"""Keeps what our own commands print out of the logs; imports only the standard library.

testinfra logs every command with its complete output at DEBUG, and a host's facts or an answer
of the API may hold secrets. Only records that our own calls cause are dropped: a site's own
tests, in other threads or between our calls, keep their log.
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
def own_command() -> Iterator[None]:
    """Drop what testinfra logs in this thread while the context lasts."""
    # Adding the same filter again changes nothing, so nobody has to remember that it is there.
    logging.getLogger("testinfra").addFilter(_is_foreign)
    token = _IS_OWN.set(True)
    try:
        yield
    finally:
        _IS_OWN.reset(token)
