"""The host's rule set out of its evidence, decoded once for all controls; pure.

What a tool could not print is a reason to say nothing: rules that were not seen may let everything
pass, or nothing.
"""

from __future__ import annotations

import functools

from . import running
from .evidence.hostfacts import Text
from .evidence.model import Evidence
from .evidence.netfacts import Link, Saves
from .firewall import ebtables, iptables, nft, overlay, rules, xt_lines
from .verdict import CannotTell


@functools.lru_cache(maxsize=running.KEPT)
def ruleset(evidence: Evidence) -> rules.RuleSet:
    """Every packet filter in the daemon's network namespace.

    Raises:
        CannotTell: one of them was not printed, or cannot be read.
    """
    found = evidence.filters
    document, listing = _text(found.nft, "nft"), _text(found.listing, "nft --debug=netlink")
    try:
        known = nft.decode(document, listing)
    except nft.NotUnderstood as error:
        raise CannotTell(f"the host's packet filter cannot be read: {error}") from error
    shims = _saves(found.shims, "the nft shim")
    return overlay.overlay(known, shims) + _saves(found.legacy, "a legacy tool")


def _saves(saves: Saves, what: str) -> rules.RuleSet:
    try:
        return (
            iptables.decode(_text(saves.ip, what), "ip")
            + iptables.decode(_text(saves.ip6, what), "ip6")
            + ebtables.decode(_text(saves.bridge, what))
        )
    except xt_lines.NotUnderstood as error:
        raise CannotTell(f"what {what} printed cannot be read: {error}") from error


def _text(given: Text, what: str) -> str:
    if given.error:
        raise CannotTell(f"the host's packet filter is not known: {what}: {given.error}")
    return given.text


def link(evidence: Evidence, name: str) -> Link | None:
    """The interface of this name; None where the host has none."""
    return _links(evidence).get(name)


@functools.lru_cache(maxsize=running.KEPT)
def _links(evidence: Evidence) -> dict[str, Link]:
    return {each.name: each for each in evidence.links}
