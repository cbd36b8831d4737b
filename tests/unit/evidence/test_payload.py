"""The command that runs the sweep on the host, and its answer."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types

import pytest

from pytest_lxdsec.evidence import (
    access_facts,
    container_facts,
    host_facts,
    host_sweep,
    model,
    network_facts,
    payload,
    remote_facts,
    system_facts,
)
from pytest_lxdsec.sweep import loader, main
from pytest_lxdsec.transport import Output

QUESTION = host_sweep.Question(server_pid=0, socket="", endpoints=("/1.0",), paths=("/nowhere",))
TEXTS = payload.sources(payload.SWEEP)
NAMES = tuple(sorted(TEXTS))
FACTS = (container_facts, host_facts, access_facts, network_facts, system_facts, remote_facts)
LOADER = TEXTS["loader.py"]


def modules() -> list[types.ModuleType]:
    names = [payload.module_name(name).removeprefix(payload.ON_HOST) for name in NAMES]
    return [importlib.import_module(f"{payload.SWEEP}{name}") for name in names]


def test_command_is_far_below_the_longest_argument() -> None:
    # Half of it: devices' paths and the facts of more controls must fit in too.
    assert len(host_sweep.command(QUESTION)) < host_sweep.LONGEST_COMMAND / 2


def test_too_many_paths_for_one_command_are_refused() -> None:
    paths = tuple(os.urandom(20).hex() for _ in range(10_000))
    with pytest.raises(host_sweep.SweepError, match="devices name 10000 paths"):
        host_sweep.command(dataclasses.replace(QUESTION, paths=paths))


def test_loader_stands_between_single_quotes() -> None:
    assert "'" not in host_sweep.LOADER
    assert "\n" not in host_sweep.LOADER


@pytest.mark.parametrize("name", NAMES)
def test_modules_are_sent_without_comments_and_docstrings(name: str) -> None:
    sent = payload.stripped(TEXTS[name])
    assert code(sent) == code(TEXTS[name])
    assert "#" not in re.sub(r"\"[^\"\n]*\"", "", sent)


def code(text: str) -> str:
    """Return a module's statements with their lines, without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [one for one in node.body if not is_text(one)]
    lines = [getattr(node, "lineno", 0) for node in ast.walk(tree)]
    return f"{ast.dump(tree)} {lines}"


def is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def test_comment_sign_within_a_text_is_no_comment() -> None:
    source = (
        'A = "# not one"  # one\n\n\ndef f():\n    """Words.\n\n    More.\n    """\n    return A\n'
    )
    assert payload.stripped(source) == (
        'A = "# not one"\n\n\ndef f():\n    ""\n\n\n\n    return A\n'
    )


def test_loader_and_payload_agree_on_the_package() -> None:
    assert payload.ON_HOST == loader.PACKAGE


def run(python: str = sys.executable, **environment: str) -> Output:
    command = host_sweep.command(QUESTION).replace("python3", python, 1)
    done = subprocess.run(
        ["sh", "-c", command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=False,
        timeout=150,
    )
    return Output(exit_status=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_command_returns_every_part_of_the_host() -> None:
    output = run()
    assert output.stderr == b""
    assert set(host_sweep.read(output)) == set(model.HOST_PARTS)


def test_modules_of_the_working_directory_are_not_imported(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    assert host_sweep.read(run(PYTHONPATH=str(tmp_path)))


def test_every_part_has_a_section() -> None:
    sections = {name for name, _ in (*main.BESIDE, *main.SECTIONS)}
    assert sections == {part.section for part in model.PARTS.values() if part.section}


def test_types_of_the_sweep_are_those_of_the_evidence() -> None:
    ours = {
        match[1]: kind
        for module in modules()
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind)
        if isinstance(kind, type)
        if (match := re.match(r"Decoded as `evidence\.[a-z]+_facts\.(\w+)`", kind.__doc__ or ""))
    }
    theirs = {
        name: fields(kind)
        for module in FACTS
        for name, kind in vars(module).items()
        if dataclasses.is_dataclass(kind)
    }
    assert {name: fields(kind) for name, kind in ours.items()} == theirs


def fields(kind: object) -> set[str]:
    assert dataclasses.is_dataclass(kind)
    return {field.name for field in dataclasses.fields(kind)}


def python(version: str) -> str:
    """Return an interpreter of this version on this machine; skip if there is none."""
    found = shutil.which(f"python{version}")
    # A version manager's stand-in may be there and fail.
    if (
        found
        and not subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode
    ):
        return found
    pytest.skip(f"this machine has no Python {version}")


def test_sweep_runs_on_the_oldest_python() -> None:
    assert set(host_sweep.read(run(python("3.7")))) == set(model.HOST_PARTS)


def test_older_python_is_an_error_with_the_needed_version() -> None:
    with pytest.raises(host_sweep.SweepError, match=r"its python3 is older than 3\.7$"):
        host_sweep.read(run(python("3.6")))


def test_host_without_python_is_an_error_with_the_needed_version() -> None:
    with pytest.raises(host_sweep.SweepError, match=r"no python3.*3\.7 or later"):
        host_sweep.read(run("nonexistent-python"))


def test_loader_makes_relative_imports_work() -> None:
    script = "from .below import one\ndef main():\n    print(one.WORD, __name__)\n"
    texts = {
        "lxdsec_sweep": "",
        "lxdsec_sweep.main": script,
        "lxdsec_sweep.below": "",
        "lxdsec_sweep.below.one": "from . import other\nWORD = other.WORD\n",
        "lxdsec_sweep.below.other": "WORD = 'it works'\n",
    }
    source = f"{LOADER}\nrun({json.dumps(texts)})\n"
    done = subprocess.run(
        [sys.executable, "-IS", "-c", source], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "it works lxdsec_sweep.main\n"


def test_traceback_names_the_module_of_the_sweep() -> None:
    texts = {"lxdsec_sweep": "", "lxdsec_sweep.main": "\n\ndef main():\n    1 / 0\n"}
    source = f"{LOADER}\nrun({json.dumps(texts)})\n"
    done = subprocess.run(
        [sys.executable, "-IS", "-c", source], stderr=subprocess.PIPE, text=True, check=False
    )
    assert 'File "<lxdsec_sweep.main>", line 4' in done.stderr
