"""The importer of the sweep's modules on the host, where none of our files are.

It runs first and is sent in front of the other modules.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Mapping, Sequence

PACKAGE = "lxdsec_sweep"


class Texts(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Importer of modules from a mapping of names, `lxdsec_sweep.common.files`, to sources."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  importlib's signature
        target: types.ModuleType | None = None,  # noqa: ARG002  importlib's signature
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of the mapping; None for others."""
        if fullname not in self._texts:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self._texts)
        return importlib.util.spec_from_loader(fullname, self, is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's source; tracebacks name the module."""
        code = compile(self._texts[module.__name__], f"<{module.__name__}>", "exec")
        exec(code, module.__dict__)  # noqa: S102  this is what a loader does


def run(texts: Mapping[str, str]) -> None:
    """Run `main` of the package whose modules have these sources."""
    sys.meta_path.insert(0, Texts(texts))
    importlib.import_module(f"{PACKAGE}.main").main()
