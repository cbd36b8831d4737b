"""The modules of the sweep, or of the injector, as one text that runs on the host.

Comments and the text of docstrings are left out, because all of it must fit into one command.
Statements keep their line numbers, so that a traceback on the host matches our files.
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
ON_HOST = "lxdsec_sweep"  # the name in `sweep.loader`
LOADER = "loader.py"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def text(package: str = SWEEP) -> str:
    """Return the text that makes all modules of a package importable on the host and runs `main`.

    Args:
        package: A package with a module `main`; it may have sub-packages.
    """
    texts = {
        module_name(path): stripped(source)
        for path, source in sources(package).items()
        if path != LOADER
    }
    loader = stripped(sources(SWEEP)[LOADER])
    return f"{loader}\n\nrun({json.dumps(texts)})\n"


def sources(package: str) -> dict[str, str]:
    """Return the sources of a package and its sub-packages by path, such as `common/files.py`."""
    return dict(sorted(_sources(importlib.resources.files(package), "")))


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield f"{path}{entry.name}", entry.read_text(encoding="utf-8")


def module_name(path: str) -> str:
    """Return the name of a file's module on the host."""
    stem = path.removesuffix(".py").removesuffix("__init__").rstrip("/")
    return ".".join((ON_HOST, *stem.split("/"))) if stem else ON_HOST


def stripped(source: str) -> str:
    """Return a source without comments and docstrings; each statement keeps its line."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            _empty(lines, node.body[0])
    return "\n".join(lines) + "\n"


def _empty(lines: list[str], docstring: ast.stmt) -> None:
    first, last = docstring.lineno - 1, docstring.end_lineno or docstring.lineno
    lines[first:last] = [" " * docstring.col_offset + '""', *[""] * (last - first - 1)]
