"""The modules of the sweep, or of the injector, as one text for the host; imports none of ours.

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

SWEEP = "pytest_lxdsec.sweep"
ON_HOST = "lxdsec_sweep"  # as `sweep.loader` expects it
LOADER = "loader.py"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def text(package: str = SWEEP) -> str:
    """All modules of a package, and what makes them importable on the host and runs them."""
    files = {file.name: file for file in importlib.resources.files(package).iterdir()}
    texts = {
        name: without_words(files[name].read_text("utf-8"))
        for name in sorted(files)
        if name.endswith(".py") and name != LOADER
    }
    loader = without_words(
        importlib.resources.files(SWEEP).joinpath(LOADER).read_text(encoding="utf-8")
    )
    modules = {module_name(name): text for name, text in texts.items()}
    return f"{loader}\n\nrun({json.dumps(modules)})\n"


def module_name(file: str) -> str:
    """What a file of the sweep is imported as on the host."""
    stem = file.removesuffix(".py")
    return ON_HOST if stem == "__init__" else f"{ON_HOST}.{stem}"


def without_words(source: str) -> str:
    """A module without its comments and docstrings, line by line what it was."""
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
