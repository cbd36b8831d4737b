"""What can be held of the project's English: how docstrings begin, and what titles say."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest

from pytest_lxdsec import options
from pytest_lxdsec.control import Control
from tests.support import judging

ROOT = pathlib.Path(options.__file__).parents[1]
FOLDERS = ("pytest_lxdsec", "suites", "tests")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# A docstring begins with a verb: Return, Yield, Raise, Read, Write ...
NOT_A_VERB = re.compile(r"(As|How|What|When|Where|Whether|Which|Who|Whom|Whose|Why)\b")
LONGEST_TITLE = 70
# Words of a private language, for which the field has others.
PRIVATE = re.compile(
    r"\b(doors?|errands?|nobody|strangers?|whom|whoever|walls?|roads?)\b", re.IGNORECASE
)


def functions(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the docstring of every function of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", docstring


def test_docstrings_are_read() -> None:
    """Else the law below would hold of nothing."""
    assert sum(1 for path in FILES for _ in functions(path)) > 1000


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = [
        f"{place}: {docstring.splitlines()[0]}"
        for path in FILES
        for place, docstring in functions(path)
        if NOT_A_VERB.match(docstring)
    ]
    assert found == []


@pytest.mark.parametrize("made", judging.controls(), ids=lambda made: made.id)
def test_title_and_rationale_are_short_and_in_the_fields_words(made: Control) -> None:
    assert len(made.title) <= LONGEST_TITLE
    assert not made.title.endswith(".")
    assert PRIVATE.findall(f"{made.title} {made.rationale}") == []
