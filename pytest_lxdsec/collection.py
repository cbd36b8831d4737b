"""From pytest's collected tests to those of this audit."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from . import audit, control, options, subjects
from .errors import UserError
from .hosts import Host


def is_packaged_only(config: pytest.Config) -> bool:
    """Whether nothing but our own suites is run, whose controls are known beforehand."""
    return list(config.args) == [str(options.suites_dir())]


def choose(made: audit.Audit, session: pytest.Session, items: list[pytest.Item]) -> None:
    """Keep what was chosen, and add an item for each host that cannot be reached.

    Raises:
        UserError: two controls have one id, or an option or a waiver names none of them.
    """
    if not is_packaged_only(session.config):
        made.check((*made.known, *_controls(items)))
    kept, dropped = _split(made, items)
    if dropped:
        session.config.hook.pytest_deselected(items=dropped)
    unreachable = [Unreached.of(session, host) for host in made.hosts if host.error]
    items[:] = [*unreachable, *kept]


def _controls(items: Iterable[pytest.Item]) -> tuple[control.Control, ...]:
    found: dict[str, control.Control] = {}
    for item in items:
        one = control.of(getattr(item, "function", None))
        if one is not None and found.setdefault(one.id, one) is not one:
            other = found[one.id].judge
            raise UserError(
                f"control {one.id} is declared twice: by {one.judge.__module__}."
                f"{one.judge.__name__} and {other.__module__}.{other.__name__}: rename one"
            )
    return tuple(found.values())


def _split(
    made: audit.Audit, items: Iterable[pytest.Item]
) -> tuple[list[pytest.Item], list[pytest.Item]]:
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        one = control.of(getattr(item, "function", None))
        if one is not None and not made.controls.has(one):
            dropped.append(item)
        elif _has_subject(item):  # without one, no host was reached: that is told by its own item
            kept.append(item)
    return kept, dropped


def _has_subject(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params if callspec is not None else {}
    return audit.SUBJECT not in parameters or isinstance(
        parameters[audit.SUBJECT], subjects.Subject
    )


class Unreached(pytest.Item):
    """A host that could not be gathered: one error, with the reason."""

    host: Host

    @classmethod
    def of(cls, session: pytest.Session, host: Host) -> Unreached:
        """Make the item."""
        item: Unreached = cls.from_parent(session, name=f"lxd-host[{host.name}]")
        item.host = host
        item.user_properties += [("lxd.host", host.name), ("lxd.verdict", "error")]
        return item

    def setup(self) -> None:
        """Fail here and not in the call: it is an error, and no finding."""
        pytest.fail(self.host.error, pytrace=False)

    def runtest(self) -> None:
        """Never reached.

        Raises:
            AssertionError: pytest went on after a failed setup.
        """
        raise AssertionError(self.name)

    def reportinfo(self) -> tuple[str, None, str]:
        """Where reports say that it is."""
        return "lxd-host", None, self.name
