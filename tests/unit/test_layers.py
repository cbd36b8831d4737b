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
# Top to bottom. A folder imports from its own floor and from those below it.
FLOORS = (
    ("cli", "plugin"),
    ("session",),
    ("probe",),
    ("suites",),
    ("checks", "reports"),
    ("inventory", "control"),
    ("evidence", "guide", "policy"),
    ("lxd", "transport", "lab", "toml_reader"),
    ("firewall", "verdict", "errors", "printable", "options"),
)
# They run on the audited host, where nothing of ours is installed.
ON_HOST = ("sweep", "injector")
# Folders that read no file, socket or clock, so that judgement can be tested without a server.
PURE = ("checks", "firewall", "inventory", "lxd", "verdict", "errors", "printable")
# Within `evidence` and `guide`: the types of the evidence and what is data.
PURE_MODULES = (
    "evidence.access_facts",
    "evidence.container_facts",
    "evidence.host_facts",
    "evidence.model",
    "evidence.network_facts",
    "evidence.objects",
    "evidence.parts",
    "evidence.redact",
    "evidence.remote_facts",
    "evidence.system_facts",
    "evidence.trial_facts",
    "guide.sections",
    "policy.waivers",
    "transport.targets",
)
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


def modules() -> dict[str, pathlib.Path]:
    """Return every module of the package by its name in it; the package itself is ""."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def sources() -> dict[str, pathlib.Path]:
    """Return the modules, and the suites as `suites.NAME`."""
    return modules() | {f"suites.{path.stem}": path for path in sorted(SUITES.glob("*.py"))}


def imports(path: pathlib.Path) -> set[str]:
    """Return what a module names in imports, wherever: `pytest_lxdsec.errors`, `json`."""
    return {name for node in ast.walk(_tree(path)) for name in _names(node, path)}


def imports_at_run_time(path: pathlib.Path) -> set[str]:
    """Return the imports without those for type checkers only."""
    return {name for node in ast.walk(_stripped(path)) for name in _names(node, path)}


def imports_at_import(path: pathlib.Path) -> set[str]:
    """Return the imports at run time, without those inside functions."""
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
    """Else every guarantee below would hold of nothing."""
    assert {"", "plugin", "transport.lxd_api", "evidence.model"} <= set(modules())
    assert "pytest_lxdsec.transport.connection" in imports(ROOT / "session" / "hosts.py")
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


def pure() -> list[str]:
    return [name for name in modules() if is_below(name, *PURE) or name in PURE_MODULES]


def test_pure_modules_are_found() -> None:
    assert {*PURE_MODULES, "lxd.idmap", "checks.remote_api.tls", "errors"} <= set(pure())


@pytest.mark.parametrize("name", pure())
def test_pure_modules_reach_for_nothing_outside(name: str) -> None:
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


def floor(name: str) -> int:
    """Return the number of the floor that a module is on, from the top."""
    top = name.partition(".")[0]
    (found,) = [number for number, rooms in enumerate(FLOORS) if top in rooms]
    return found


def folder(name: str) -> str:
    """Return the folder of a module; each section of `checks` is one of its own."""
    top, _, rest = name.partition(".")
    return f"{top}.{rest.partition('.')[0]}" if top == "checks" else top


def edges() -> set[tuple[str, str]]:
    """Return who imports whom, by module; those that run on the host are judged apart."""
    known = set(modules())
    return {
        (name, target)
        for name, path in sources().items()
        if name and not is_below(name, *ON_HOST)
        for one in imports(path)
        if (target := one.removeprefix(f"{PACKAGE}.")) in known
    }


def test_nobody_imports_from_a_floor_above() -> None:
    # What `plugin` names are types for readers; it imports them once a host is named.
    assert {
        (a, b) for a, b in edges() if not is_below(b, *ON_HOST) if floor(a) > floor(b)
    } == set()


def test_rooms_of_one_floor_do_not_import_each_other_both_ways() -> None:
    between = {(folder(a), folder(b)) for a, b in edges() if folder(a) != folder(b)}
    assert {(a, b) for a, b in between if (b, a) in between} == set()


def test_sections_do_not_import_each_other() -> None:
    between = {(folder(a), folder(b)) for a, b in edges() if folder(a) != folder(b)}
    assert {
        (a, b) for a, b in between if a.startswith("checks") and b.startswith("checks")
    } == set()


def test_nobody_imports_what_runs_on_the_host() -> None:
    assert {(a, b) for a, b in edges() if is_below(b, *ON_HOST)} == set()


@pytest.mark.parametrize("name", sources())
def test_nothing_leans_on_the_inside_of_pytest(name: str) -> None:
    found = imports(sources()[name])
    assert {one for one in found if is_below(one, "_pytest", "pluggy")} == set()


def test_every_control_is_in_the_suites() -> None:
    """A control elsewhere would be in no catalogue."""
    decorator = f"{PACKAGE}.control.{control.control.__name__}"
    users = {name for name, path in sources().items() if decorator in imports(path)}
    assert {name for name in users if not name.startswith("suites.")} == set()
