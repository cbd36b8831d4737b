"""Values of sections as what JSON holds; imports the standard library only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


def plain(value: object) -> Any:  # noqa: ANN401  a JSON document
    """Data classes and mappings as objects, sequences as arrays, and text that is UTF-8.

    File names of the host are any bytes, which Python holds as surrogates: no UTF-8 has them, and
    a file of evidence could not be written.

    Raises:
        TypeError: a value has no such form.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: plain(getattr(value, name)) for name in names}
    raise TypeError(f"{type(value).__name__} is no value of a section")
