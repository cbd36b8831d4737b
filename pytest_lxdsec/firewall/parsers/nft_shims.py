"""The rules of iptables-nft and ebtables-nft, of which two tools each print a part.

nft cannot say what a module of xtables asks, and prints `xt`; the save commands of the nft shim
forget conditions that came twice (`-m tcp --dport 8443 -m tcp --dport 1:1023`, seen with 1.8.9).
Both are true as far as they go, so a rule has the conditions of both.
"""

from __future__ import annotations

import dataclasses

from ..model import rules


def overlay(ruleset: rules.RuleSet, saved: rules.RuleSet) -> rules.RuleSet:
    """Return the rule set of nft, its doubtful rules completed by a save of the nft shim.

    Tables of the legacy commands are other ones: add those with `+`.
    """
    known = {(table.family, table.name): table for table in saved.tables}
    tables = (
        _table(table, known[table.family, table.name])
        if (table.family, table.name) in known
        else table
        for table in ruleset.tables
    )
    return rules.RuleSet(tables=tuple(tables))


def _table(table: rules.Table, saved: rules.Table) -> rules.Table:
    return dataclasses.replace(
        table, chains=tuple(_chain(chain, saved.chain(chain.name)) for chain in table.chains)
    )


def _chain(chain: rules.Chain, saved: rules.Chain | None) -> rules.Chain:
    """Rule by rule; where the two do not even count alike, nft's doubts stay."""
    if saved is None or len(saved.rules) != len(chain.rules):
        return chain
    pairs = zip(chain.rules, saved.rules, strict=True)
    return dataclasses.replace(chain, rules=tuple(_rule(one, other) for one, other in pairs))


def _rule(rule: rules.Rule, saved: rules.Rule) -> rules.Rule:
    if not any(
        isinstance(step, rules.UnknownCondition | rules.UnknownStatement) for step in rule.steps
    ):
        return rule
    known = tuple(
        step for step in rule.steps if isinstance(step, rules.Match | rules.AmbiguousMatch)
    )
    return dataclasses.replace(rule, steps=(*known, *saved.steps), text=saved.text)
