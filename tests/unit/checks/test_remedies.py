"""Laws of remedies: they never decide a verdict, and one module knows LXD's client."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

from pytest_lxdsec import options, verdict
from pytest_lxdsec.verdict import CannotTell, Outcome
from tests.support import evidence_documents, evidence_failing, judging

PACKAGE = pathlib.Path(options.__file__).parent
JUDGING = [
    *PACKAGE.glob("checks/**/*.py"),
    *PACKAGE.glob("inventory/*.py"),
    *options.suites_dir().glob("*.py"),
]
CLIENT = re.compile(
    r"\blxc (auth|config|delete|image|launch|list|network|pause|profile|project|query|restart"
    r"|start|stop|storage)\b"
)


def test_finding_stands_if_no_remedy_can_be_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each control passes a function to `verdict.failed` unless its remedy is a constant."""
    evidence = evidence_documents.evidence(evidence_failing.failing())
    before = judging.judge(evidence)
    failed = {key for key, result in before.items() if result.verdict is Outcome.FAIL}
    make = verdict.Remedy.__init__

    def refuse(self: verdict.Remedy, *, command: str, touches: int = 1, note: str = "") -> None:
        if not command.startswith("# cannot be computed"):
            raise CannotTell("the remedy's own facts are missing")
        make(self, command=command, touches=touches, note=note)

    monkeypatch.setattr(verdict.Remedy, "__init__", refuse)
    after = judging.judge(evidence)
    assert failed
    assert {key: after[key].verdict for key in failed} == dict.fromkeys(failed, Outcome.FAIL)


@pytest.mark.parametrize("path", sorted(JUDGING), ids=lambda path: "/".join(path.parts[-2:]))
def test_commands_of_the_client_are_made_in_one_module(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    }
    found = [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in docstrings and CLIENT.search(node.value)
    ]
    assert found == []
