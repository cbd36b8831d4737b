"""The packaged controls, read from the suites that carry them."""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Iterator

from .. import control, options
from ..guide import sections


def packaged() -> tuple[control.Control, ...]:
    """Return every control of the packaged suites, in the guide's order and then by id.

    The suites are loaded by path and apart from pytest's own import of them, whose module names
    differ between a checkout and a wheel.
    """
    found = [
        made for name in sections.SUITES for made in _controls_of(options.suites_dir() / name)
    ]
    return tuple(sorted(found, key=lambda made: (sections.place(made.section), made.id)))


def _controls_of(path: pathlib.Path) -> Iterator[control.Control]:
    spec = importlib.util.spec_from_file_location(f"_lxdsec_catalogue_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load the suite {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for member in vars(module).values():
        if (made := control.of(member)) is not None:
            yield made
