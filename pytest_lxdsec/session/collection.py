"""From pytest's collected tests to those of this audit."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator

import pytest

from .. import control, options, printable
from ..errors import UserError
from ..guide import sections
from . import audit, subjects
from .hosts import Host


def is_packaged_only(config: pytest.Config) -> bool:
    """Return whether nothing but our own suites is run, whose controls are known beforehand."""
    return options.runs_suites_only(config)


class Suites(pytest.Package):
    """The packaged suites: a user's `python_files` must not make one of them vanish."""

    def collect(self) -> Iterator[pytest.Module]:
        """Yield the suites in the guide's order, without those that the user ignores by name."""
        for path in (self.path / name for name in sections.SUITES):
            if not self.ihook.pytest_ignore_collect(collection_path=path, config=self.config):
                yield pytest.Module.from_parent(self, path=path)


def suites(path: pathlib.Path, parent: pytest.Collector) -> Suites | None:
    """Our collector, for our own directory."""
    if path.name != options.SUITES or path.resolve() != options.suites_dir():
        return None
    return Suites.from_parent(parent, path=path)


def choose(made: audit.Audit, session: pytest.Session, items: list[pytest.Item]) -> None:
    """Keep what was chosen.

    Raises:
        UserError: two controls have one id, or an option or a waiver names none of them.
    """
    if not is_packaged_only(session.config):
        made.check((*made.known, *_site_controls(made, items)))
    kept, dropped = _split(made, items)
    if dropped:
        session.config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def _site_controls(made: audit.Audit, items: Iterable[pytest.Item]) -> tuple[control.Control, ...]:
    """Return the controls that are not ours, each once."""
    # pytest imports the suites apart from the catalogue, so that ours are not the same objects.
    ours, places = options.suites_dir(), {one.id: "pytest_lxdsec" for one in made.known}
    found: dict[str, control.Control] = {}
    for item in items:
        one = control.of(getattr(item, "function", None))
        if one is None or one is found.get(one.id) or item.path.parent.resolve() == ours:
            continue
        if one.id in places:
            raise UserError(
                f"control {one.id} is declared twice: in {places[one.id]} and in "
                f"{item.path.name}: give one of them another id"
            )
        found[one.id], places[one.id] = one, item.path.name
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


def add_unreached(made: audit.Audit, session: pytest.Session, items: list[pytest.Item]) -> None:
    """Begin with an item for each host that cannot be reached."""
    items[:0] = [Unreached.of(session, host) for host in made.hosts if host.error]


class Unreached(pytest.Item):
    """A host that could not be gathered: one error, with the reason."""

    host: Host

    @classmethod
    def of(cls, session: pytest.Session, host: Host) -> Unreached:
        """Make the item."""
        name = printable.printable(host.name)
        item: Unreached = cls.from_parent(session, name=f"lxd-host[{name}]")
        item.host = host
        item.user_properties += [("lxd.host", name), ("lxd.verdict", "error")]
        return item

    def setup(self) -> None:
        """Fail here and not in the call: it is an error, and no finding."""
        pytest.fail(printable.printable(self.host.error), pytrace=False)

    def runtest(self) -> None:
        """Never reached.

        Raises:
            AssertionError: pytest went on after a failed setup.
        """
        raise AssertionError(self.name)

    def reportinfo(self) -> tuple[str, None, str]:
        """Return where reports say that it is."""
        return "lxd-host", None, self.name
