"""A rule of nft's JSON as one line for people, much as nft would print it.

Never read back: what decides is in `rules`. Imports nothing of ours.
"""

from __future__ import annotations

from typing import Any

_SHAPES: dict[str, type] = {
    **dict.fromkeys(("payload", "meta", "prefix", "fib", "exthdr", "ct"), dict),
    **dict.fromkeys(("set", "range", "concat", "&", "|", "^"), list),
}
_BARE_META = {"iifname", "oifname", "iif", "oif"}


def rule(expressions: Any) -> str:  # noqa: ANN401 - JSON as it came
    """Return one line."""
    return " ".join(_statement(each) for each in expressions or ())


def _statement(given: Any) -> str:  # noqa: ANN401 - as above
    if not isinstance(given, dict) or len(given) != 1:
        return str(given)
    [(kind, content)] = given.items()
    if kind == "match" and isinstance(content, dict):
        op = content.get("op")
        shown = "" if op in {"==", "in"} else f"{op} "
        return f"{value(content.get('left'))} {shown}{value(content.get('right'))}"
    if kind in {"jump", "goto"} and isinstance(content, dict):
        return f"{kind} {content.get('target')}"
    if kind == "vmap" and isinstance(content, dict):
        return f"{value(content.get('key'))} vmap {value(content.get('data'))}"
    if kind == "counter" or content is None:
        return str(kind)
    return f"{kind} {value(content)}"


def value(given: Any) -> str:  # noqa: ANN401 - as above
    """Return one side of a match."""
    if isinstance(given, list):
        return ",".join(value(each) for each in given)
    if not isinstance(given, dict):
        return str(given).lower() if isinstance(given, bool) else str(given)
    if len(given) != 1:
        return " ".join(f"{key} {value(each)}" for key, each in given.items())
    [(kind, content)] = given.items()
    return _shown(kind, content)


def _shown(kind: str, content: Any) -> str:  # noqa: ANN401, C901, PLR0911 - one line a kind
    expected = _SHAPES.get(kind)
    if expected is not None and not isinstance(content, expected):
        return f"{kind} {content}"
    match kind:
        case "payload" if "base" in content:
            return f"@{content['base']},{content.get('offset')},{content.get('len')}"
        case "payload":
            return f"{content.get('protocol')} {content.get('field')}"
        case "meta":
            key = str(content.get("key"))
            return key if key in _BARE_META else f"meta {key}"
        case "set":
            return "{ " + ", ".join(_element(each) for each in content) + " }"
        case "prefix":
            return f"{content.get('addr')}/{content.get('len')}"
        case "range":
            return "-".join(value(each) for each in content)
        case "concat":
            return " . ".join(value(each) for each in content)
        case "fib":
            return f"fib {' . '.join(content.get('flags', ()))} {content.get('result')}"
        case "&" | "|" | "^":
            return f" {kind} ".join(value(each) for each in content)
        case "exthdr" | "ct":
            return f"{kind} {' '.join(str(each) for each in content.values())}"
        case _:
            return _statement({kind: content})


def _element(given: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(given, list) and len(given) == 2:  # noqa: PLR2004 - key and value of a map
        return f"{value(given[0])} : {value(given[1])}"
    return value(given)
