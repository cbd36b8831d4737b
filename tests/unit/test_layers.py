"""Who may import what: read from the source, whatever is really run."""

from __future__ import annotations

import ast
import pathlib
import sys
from collections.abc import Iterator

import pytest

from pytest_lxdsec import control, options

PACKAGE = "pytest_lxdsec"
ROOT = pathlib.Path(options.__file__).parent
SUITES = options.suites_dir()

REMOTE = {"pylxd", "testinfra", "requests", "requests_toolbelt", "urllib3", "ws4py"}
# Pure: these, and whatever the suites think with.
PURE = (
    "errors",
    "evidence.containerfacts",
    "evidence.hostfacts",
    "evidence.localfacts",
    "evidence.model",
    "evidence.netfacts",
    "evidence.objects",
    "evidence.osfacts",
    "evidence.parts",
    "evidence.redact",
    "evidence.remotefacts",
    "guide.sections",
    "targets",
    "texts",
    "verdict",
    "waivers",
)
# What a suite may import beside that: its decorator, and the policy, which knows its file.
DECLARED = ("control", "policy")
OUTSIDE = {
    "asyncio",
    "ctypes",
    "http",
    "io",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "pytest",
}
# Package: those of ours that it must not reach for, at whatever depth.
FORBIDDEN = {
    "evidence": ("audit", "control", "hooks", "lab", "outcomes", "plugin", "reports", "suites"),
    "guide": ("audit", "control", "evidence", "lab", "transport"),
    "lab": ("audit", "connections", "control", "evidence", "transport", "reports"),
    "injector": ("errors", "evidence", "transport", "verdict"),
    "probe": ("audit", "connections", "control", "hooks", "lab", "outcomes", "reports", "suites"),
    "reports": ("transport", "lab", "connections"),
    "sweep": ("errors", "evidence", "transport", "verdict"),
    "transport": ("audit", "connections", "control", "evidence", "lab", "reports"),
}


def modules() -> dict[str, pathlib.Path]:
    """Every module of the package by its name in it; the package itself is ""."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def sources() -> dict[str, pathlib.Path]:
    """The modules, and the suites as `suites.NAME`."""
    return modules() | {f"suites.{path.stem}": path for path in sorted(SUITES.glob("*.py"))}


def imports(path: pathlib.Path) -> set[str]:
    """What a module names in imports, wherever: `pytest_lxdsec.errors`, `json`."""
    return {name for node in ast.walk(_tree(path)) for name in _names(node, path)}


def imports_at_run_time(path: pathlib.Path) -> set[str]:
    """As `imports`, without what is for type checkers only."""
    return {name for node in ast.walk(_stripped(path)) for name in _names(node, path)}


def imports_at_import(path: pathlib.Path) -> set[str]:
    """As `imports_at_run_time`, without what functions import when they are called."""
    return {name for node in _stripped(path).body for name in _names(node, path)}


def _tree(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


class _WithoutTypes(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)


def _stripped(path: pathlib.Path) -> ast.Module:
    tree = _WithoutTypes().visit(_tree(path))
    assert isinstance(tree, ast.Module)
    return tree


def _names(node: ast.AST, path: pathlib.Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        base = _base(node, path)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, path: pathlib.Path) -> str:
    if not node.level:
        return node.module or ""
    package = [PACKAGE, *path.relative_to(ROOT).parent.parts]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def is_below(name: str, *tops: str) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def test_layers_are_read() -> None:
    """Else every law below would hold of nothing."""
    assert {"", "plugin", "transport.api", "evidence.model"} <= set(modules())
    assert "pytest_lxdsec.transport.shell" in imports(ROOT / "hosts.py")
    assert {"pylxd", "testinfra"} <= {
        name.partition(".")[0] for path in modules().values() for name in imports(path)
    }


@pytest.mark.parametrize("name", [n for n in sources() if not is_below(n, "transport")])
def test_only_transport_speaks_to_the_world(name: str) -> None:
    found = imports(sources()[name])
    assert {one for one in found if one.partition(".")[0] in REMOTE} == set()


@pytest.mark.parametrize("name", ["", "plugin", "options"])
def test_what_pytest_always_loads_imports_next_to_nothing(name: str) -> None:
    allowed = {"pytest", "pathlib", PACKAGE, f"{PACKAGE}.options"}
    found = imports_at_import(modules()[name])
    assert {
        one
        for one in found
        if not is_below(one, "__future__", "collections.abc", "dataclasses", "typing")
    } <= allowed


def helpers() -> tuple[str, ...]:
    """The modules that the suites think with, and all that those build on."""
    known = {f"{PACKAGE}.{name}": name for name in modules() if name}
    waiting = {one for path in SUITES.glob("test_*.py") for one in imports(path)} & set(known)
    found = set(PURE)
    while waiting:
        name = known[waiting.pop()]
        if name not in (*DECLARED, *found):
            found.add(name)
            waiting |= imports(modules()[name]) & set(known)
    return tuple(sorted(found))


def test_helpers_are_found() -> None:
    assert {"idmap", "lxdconf", "overlaps"} <= set(helpers())


@pytest.mark.parametrize("name", helpers())
def test_pure_modules_reach_for_nothing_outside(name: str) -> None:
    """So what a control's thinking is made of can be tested without a server."""
    found = imports(modules()[name])
    assert {one for one in found if is_below(one, *OUTSIDE)} == set()


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.py")), ids=lambda path: path.stem)
def test_suites_import_this_package_and_the_standard_library_only(path: pathlib.Path) -> None:
    allowed = {PACKAGE, *sys.stdlib_module_names}
    assert {one.partition(".")[0] for one in imports(path)} <= allowed


@pytest.mark.parametrize("path", sorted(SUITES.glob("test_*.py")), ids=lambda path: path.stem)
def test_suites_do_not_import_each_other(path: pathlib.Path) -> None:
    """Their names differ between a checkout and a wheel."""
    assert {one for one in imports(path) if "suites" in one} == set()


@pytest.mark.parametrize("name", [n for n in modules() if is_below(n, "sweep", "injector")])
def test_what_runs_on_a_host_has_nothing_of_ours_there(name: str) -> None:
    allowed = {PACKAGE, *sys.stdlib_module_names}
    found = imports_at_run_time(modules()[name])
    assert {one.partition(".")[0] for one in found} <= allowed
    ours = {one for one in found if is_below(one, PACKAGE)}
    own = f"{PACKAGE}.{name.partition('.')[0]}"
    assert {one for one in ours if not is_below(one, own)} == set()


@pytest.mark.parametrize("package", FORBIDDEN)
def test_lower_layers_know_nothing_of_higher_ones(package: str) -> None:
    forbidden = [f"{PACKAGE}.{name}" for name in FORBIDDEN[package]]
    mine = [name for name in modules() if is_below(name, package)]
    assert mine
    faults = {
        (name, one)
        for name in mine
        for one in imports(modules()[name])
        if is_below(one, *forbidden)
    }
    assert faults == set()


@pytest.mark.parametrize("name", sources())
def test_nothing_leans_on_the_inside_of_pytest(name: str) -> None:
    found = imports(sources()[name])
    assert {one for one in found if is_below(one, "_pytest", "pluggy")} == set()


def test_every_control_is_in_the_suites() -> None:
    """A control elsewhere would be in no catalogue."""
    decorator = f"{PACKAGE}.control.{control.control.__name__}"
    users = {name for name, path in sources().items() if decorator in imports(path)}
    assert {name for name in users if not name.startswith("suites.")} == set()
