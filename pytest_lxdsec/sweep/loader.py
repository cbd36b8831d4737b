"""Makes the modules of the sweep importable on the host, where there are no files of ours.

It is the first thing that runs there, as text and by itself; imports the standard library only.
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
    """Finds modules in a mapping of names, such as `lxdsec_sweep.common.files`, to texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  importlib's signature
        target: types.ModuleType | None = None,  # noqa: ARG002  as above
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where a module is: here, or None."""
        if fullname not in self._texts:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self._texts)
        return importlib.util.spec_from_loader(fullname, self, is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a module's text in it; a traceback names the module."""
        code = compile(self._texts[module.__name__], f"<{module.__name__}>", "exec")
        exec(code, module.__dict__)  # noqa: S102  this is what a loader does


def run(texts: Mapping[str, str]) -> None:
    """Run the sweep whose modules have these texts."""
    sys.meta_path.insert(0, Texts(texts))
    importlib.import_module(f"{PACKAGE}.main").main()
