"""The modules of the sweep, or of the injector, as one text that runs on the host.

What is meant for readers is left out, for one command must carry it all: every comment, and the
text of every docstring. The lines stay where they were, so that a traceback on the host names
the lines of our files.
"""

from __future__ import annotations

import ast
import importlib.resources
import io
import json
import tokenize
from collections.abc import Iterator
from importlib.resources.abc import Traversable

SWEEP = "pytest_lxdsec.sweep"
ON_HOST = "lxdsec_sweep"  # as `sweep.loader` expects it
LOADER = "loader.py"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def text(package: str = SWEEP) -> str:
    """Return all modules of a package, and what makes them importable on the host and runs them.

    Args:
        package: A package whose `main` answers an order; it may have sub-packages.
    """
    texts = {
        module_name(path): without_words(source)
        for path, source in sources(package).items()
        if path != LOADER
    }
    loader = without_words(sources(SWEEP)[LOADER])
    return f"{loader}\n\nrun({json.dumps(texts)})\n"


def sources(package: str) -> dict[str, str]:
    """Return the modules of a package and its sub-packages: `common/files.py` to its source."""
    return dict(sorted(_sources(importlib.resources.files(package), "")))


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{path}{entry.name}", entry.read_text(encoding="utf-8")


def module_name(path: str) -> str:
    """Return what a file of the sweep is imported as on the host."""
    stem = path.removesuffix(".py").removesuffix("__init__").rstrip("/")
    return ".".join((ON_HOST, *stem.split("/"))) if stem else ON_HOST


def without_words(source: str) -> str:
    """Return a module without comments and docstrings; each statement keeps its line."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            _silence(lines, node.body[0])
    return "\n".join(lines) + "\n"


def _silence(lines: list[str], docstring: ast.stmt) -> None:
    first, last = docstring.lineno - 1, docstring.end_lineno or docstring.lineno
    lines[first:last] = [" " * docstring.col_offset + '""', *[""] * (last - first - 1)]
