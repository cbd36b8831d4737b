"""The host's rule set out of its evidence, decoded once for all controls; pure.

What a tool could not print is a reason to say nothing: rules that were not seen may let everything
pass, or nothing.
"""

from __future__ import annotations

import dataclasses
import functools

from ..evidence.host_facts import Text
from ..evidence.model import Evidence
from ..evidence.network_facts import Link, Saves
from ..firewall.model import rules
from ..firewall.parsers import ebtables, iptables, nft, nft_shims, xtables_save
from ..verdict import CannotTell
from . import containers

# Documentation/networking/ip-sysctl.rst: what br_netfilter hands over, by the rules' family.
_SETTINGS = {"ip": "bridge-nf-call-iptables", "ip6": "bridge-nf-call-ip6tables"}


@functools.lru_cache(maxsize=containers.KEPT)
def ruleset(evidence: Evidence) -> rules.RuleSet:
    """Return every packet filter in the daemon's network namespace.

    Raises:
        CannotTell: one of them was not printed, or cannot be read.
    """
    found = evidence.filters
    printed = (_text(found.nft, "nft"), _text(found.listing, "nft --debug=netlink"))
    shims, legacy = _texts(found.shims, "the nft shim"), _texts(found.legacy, "a legacy tool")
    handed_over = tuple(f for f, key in _SETTINGS.items() if found.bridge.get(key) == "1")
    try:
        return dataclasses.replace(_decoded(*printed, shims, legacy), handed_over=handed_over)
    except (nft.NotUnderstood, xtables_save.NotUnderstood) as error:
        raise CannotTell(f"the host's packet filter cannot be read: {error}") from error


@functools.lru_cache(maxsize=1)  # the same host once more: its evidence saved, or seen again
def _decoded(
    document: str, listing: str, shims: tuple[str, ...], legacy: tuple[str, ...]
) -> rules.RuleSet:
    known = nft.decode(document, listing)
    return nft_shims.overlay(known, _saved(*shims)) + _saved(*legacy)


def _saved(ip: str, ip6: str, bridge: str) -> rules.RuleSet:
    return iptables.decode(ip, "ip") + iptables.decode(ip6, "ip6") + ebtables.decode(bridge)


def _texts(saves: Saves, what: str) -> tuple[str, ...]:
    return tuple(_text(text, what) for text in (saves.ip, saves.ip6, saves.bridge))


def _text(given: Text, what: str) -> str:
    if given.error:
        raise CannotTell(f"the host's packet filter is not known: {what}: {given.error}")
    return given.text


def link(evidence: Evidence, name: str) -> Link | None:
    """Return the interface of this name; None where the host has none."""
    return _links(evidence).get(name)


@functools.lru_cache(maxsize=containers.KEPT)
def _links(evidence: Evidence) -> dict[str, Link]:
    return {each.name: each for each in evidence.links}
