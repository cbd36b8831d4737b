"""What the rules of xtables do: `-j` and `-g` with their options."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from ..model import rules
from ..model.rules import Action, Kind, Statement
from .xtables_save import Option

_VERDICTS = {
    "ACCEPT": Kind.ACCEPT,
    "DROP": Kind.DROP,
    "REJECT": Kind.DROP,
    "RETURN": Kind.RETURN,
    "CONTINUE": Kind.CONTINUE,
    "QUEUE": Kind.STOLEN,
    "NFQUEUE": Kind.STOLEN,
    "SYNPROXY": Kind.STOLEN,
}
_NEUTRAL = {
    "LOG",
    "NFLOG",
    "TRACE",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "IDLETIMER",
    "LED",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TEE",
}
_ALL_BITS = 0xFFFFFFFF
_ALTERING = {"TOS", "DSCP", "TTL", "HL", "ECN"}
_SOURCES = {"SNAT", "MASQUERADE", "NETMAP"}


def split(options: Sequence[Option]) -> tuple[Sequence[Option], Sequence[Option]]:
    """Return the conditions of a rule, and its `-j` or `-g` with what follows."""
    at = next((i for i, each in enumerate(options) if each.name in {"-j", "-g"}), len(options))
    return options[:at], options[at:]


def steps(  # noqa: PLR0911 - one for each kind
    options: Sequence[Option], chains: frozenset[str], family: str
) -> tuple[Statement, ...]:
    """Return what a rule does once it matches; nothing where it only counts."""
    _, own = split(options)
    if not own:
        return ()
    first, given = own[0], {option.name: option for option in own[1:]}
    name = first.value
    if name in chains:
        kind = Kind.GOTO if first.name == "-g" else Kind.JUMP
        return (Action(kind=kind, target=name, text=first.text),)
    if name in _VERDICTS:
        return (Action(kind=_VERDICTS[name], text=first.text),)
    if name in _NEUTRAL:
        return ()
    if name in _ALTERING:
        return (rules.Modify(text=first.text),)
    if name in _SOURCES:
        return (rules.Modify(text=first.text), Action(kind=Kind.ACCEPT, text=first.text))
    return (_other(name, given, first.text, family),)


def _other(name: str, given: dict[str, Option], text: str, family: str) -> Statement:
    if name == "NOTRACK" or (name == "CT" and "--notrack" in given):
        return rules.Untrack()
    if name == "CT":
        return Action(kind=Kind.CONTINUE)
    if name in {"MARK", "CONNMARK"}:
        return _mark(name, given)
    if name == "REDIRECT":
        return _translate(given.get("--to-ports"), "", is_local=True)
    if name == "DNAT" and family == "ip":
        address, _, port = _value(given, "--to-destination").partition(":")
        return _translate(Option(name="", values=(port,)) if port else None, address)
    return rules.UnknownStatement(text=text)


def _value(given: dict[str, Option], name: str) -> str:
    return given[name].value if name in given else ""


def _mark(name: str, given: dict[str, Option]) -> Statement:
    value, _, mask = _value(given, "--set-xmark").partition("/")
    is_whole = name == "MARK" and bool(value) and (not mask or int(mask, 0) == _ALL_BITS)
    if is_whole:
        return rules.SetMark(key="mark", value=int(value, 0))
    is_mark = name == "MARK" or "--restore-mark" in given
    return rules.SetMark(key="mark" if is_mark else "ct mark", value=None)


def _translate(ports: Option | None, address: str, *, is_local: bool = False) -> Statement:
    port = ports.value if ports is not None else ""
    try:
        number = int(ipaddress.ip_address(address)) if address else None
    except ValueError:
        number = None
    is_known = (not port or port.isdigit()) and (not address or number is not None)
    return rules.Translate(
        address=number,
        port=int(port) if port.isdigit() else None,
        is_local=is_local,
        is_known=is_known,
    )
