"""LXD's seccomp policy: what a policy file refuses, against what LXD's own default does; pure.

That a filter is active says nothing of what it refuses: `raw.seccomp`, an allow list, an
interception each give a filter too. The default is lxd/seccomp/seccomp.go, defaultSeccompPolicy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...lxd import versions

# liblxc's own word for umount2 with MNT_FORCE: src/lxc/seccomp.c.
FORCED_UMOUNT = "reject_force_umount"
UMOUNT = "umount2"
DEFAULT = (FORCED_UMOUNT, "kexec_load", "open_by_handle_at", "init_module", "delete_module")
# The default refuses it up to here; later LXD may let a container ask for modules by it, and
# what is left is the capability (linux.kernel_modules.load).
FINIT_MODULE = "finit_module"
WITHOUT_FINIT_MODULE = (5, 21, 2)
DENY_LISTS = ("denylist", "blacklist")
ALLOW_LISTS = ("allowlist", "whitelist")
# Of a rule: these let the call through.
ALLOWING = ("allow", "notify")
_RULE = re.compile(r"(?P<name>[a-z0-9_]+)(?:\s+(?P<action>[a-z]+))?(?:\s.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy file: whether what it does not name is let through, and what it names."""

    allows_others: bool
    refused: frozenset[str]
    allowed: frozenset[str]

    def refuses(self, call: str) -> bool:
        """Return whether a container cannot make this call."""
        if call == FORCED_UMOUNT:
            return call in self.refused or (not self.allows_others and self.refuses(UMOUNT))
        if call in self.refused:
            return True
        return not self.allows_others and call not in self.allowed


def parse(text: str) -> Policy:
    """Read a policy of liblxc's, version 2 (src/lxc/seccomp.c, parse_config).

    Rules for one architecture only, and those with conditions on arguments, count for nothing:
    what they refuse may be done otherwise.

    Raises:
        ValueError: it is none.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) < 2 or lines[0] != "2":  # noqa: PLR2004 - the version and the kind of list
        raise ValueError(f"no seccomp policy of version 2: {text[:60]!r}")
    kind, *default = lines[1].split()
    if kind not in (*DENY_LISTS, *ALLOW_LISTS):
        raise ValueError(f"neither an allow list nor a deny list: {lines[1]!r}")
    is_deny_list = kind in DENY_LISTS
    refused, allowed = _rules(lines[2:], is_deny_list=is_deny_list)
    allows_others = is_deny_list or default[:1] == ["allow"]
    return Policy(allows_others=allows_others, refused=refused - allowed, allowed=allowed)


def _rules(lines: list[str], *, is_deny_list: bool) -> tuple[frozenset[str], frozenset[str]]:
    refused, allowed, everywhere = set(), set(), True
    for line in lines:
        if line.startswith("["):
            everywhere = line.lower() == "[all]"
            continue
        found = _RULE.fullmatch(line)
        if found is None:
            raise ValueError(f"no rule of a seccomp policy: {line!r}")
        name, action = found["name"], found["action"] or ""
        lets_through = action in ALLOWING or (not action and not is_deny_list)
        if name == FORCED_UMOUNT:
            lets_through = False
        if lets_through:
            allowed.add(name)
        elif everywhere and "[" not in line:
            refused.add(name)
    return frozenset(refused), frozenset(allowed)


def default(version: versions.Version) -> tuple[str, ...]:
    """Return what LXD's default policy refuses in this release."""
    return DEFAULT if version.numbers >= WITHOUT_FINIT_MODULE else (*DEFAULT, FINIT_MODULE)


def missing(text: str, version: versions.Version) -> tuple[str, ...]:
    """Return what LXD's default policy refuses and this one does not; raises as `parse`."""
    policy = parse(text)
    return tuple(call for call in default(version) if not policy.refuses(call))
