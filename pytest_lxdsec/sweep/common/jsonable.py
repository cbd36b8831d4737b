"""Values of sections as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


def encode(value: object) -> Any:  # noqa: ANN401  a JSON document
    """Return dataclasses and mappings as objects, sequences as arrays, and text as valid UTF-8.

    File names of the host are any bytes, which Python keeps as surrogates: they are not valid in
    UTF-8, and an evidence file with them could not be written.

    Raises:
        TypeError: JSON has no form for a value.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {encode(key): encode(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(entry) for entry in value]
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: encode(getattr(value, name)) for name in names}
    raise TypeError(f"{type(value).__name__} is not a value for JSON")
