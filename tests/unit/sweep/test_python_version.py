"""Sweep and injector use Python 3.7 and its standard library only, which hosts have."""

from __future__ import annotations

import ast
import importlib.resources
import subprocess
import sys

import pytest

from pytest_lxdsec.evidence import payload
from pytest_lxdsec.probe import injector_call

PACKAGES = (payload.SWEEP, injector_call.INJECTOR)
TEXTS = {
    f"{package}/{name}": source
    for package in PACKAGES
    for name, source in payload.sources(package).items()
}
NAMES = tuple(sorted(TEXTS))
OLDEST = (3, 7)
# Newer than 3.7: methods, functions and modules that no parser complains of.
TOO_NEW = {
    "cache",
    "cached_property",
    "graphlib",
    "is_relative_to",
    "pairwise",
    "Protocol",
    "randbytes",
    "removeprefix",
    "removesuffix",
    "shlex.join",
    "to_thread",
    "tomllib",
    "TypedDict",
    "unparse",
    "zoneinfo",
}
VERMIN = "import vermin; vermin.main()"
NEW_PARAMETERS = {"missing_ok", "dirs_exist_ok", "strict", "kw_only", "slots"}


@pytest.mark.parametrize("name", NAMES)
def test_syntax_is_that_of_the_oldest_python(name: str) -> None:
    ast.parse(TEXTS[name], feature_version=OLDEST)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_newer_than_the_oldest_python_is_used(name: str) -> None:
    found = set()
    for node in ast.walk(ast.parse(TEXTS[name])):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found |= {node.name, node.name.partition(".")[0]}
        elif isinstance(node, ast.keyword):
            assert node.arg not in NEW_PARAMETERS, f"{name}:{node.value.lineno}: {node.arg}="
    assert not found & TOO_NEW


@pytest.mark.parametrize("name", NAMES)
def test_annotations_are_not_evaluated(name: str) -> None:
    # Python 3.7 knows no `list[str]` and no `str | None`.
    tree = ast.parse(TEXTS[name])
    if len(tree.body) > 1:
        assert "annotations" in {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "__future__"
            for alias in node.names
        }


@pytest.mark.parametrize("name", NAMES)
def test_only_the_standard_library_and_each_other_are_imported(name: str) -> None:
    for node in ast.walk(ast.parse(TEXTS[name])):
        if isinstance(node, ast.Import):
            tops = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            tops = [str(node.module).partition(".")[0]]
        else:
            continue
        assert set(tops) <= {*sys.stdlib_module_names, "_typeshed"}


@pytest.mark.parametrize("package", PACKAGES)
def test_vermin_finds_nothing_newer_than_the_oldest_python(package: str) -> None:
    pytest.importorskip("vermin", reason="vermin is not installed")
    directory = str(importlib.resources.files(package))
    done = subprocess.run(
        [sys.executable, "-c", VERMIN, "-t=3.7-", "--violations", "--no-tips", directory],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
