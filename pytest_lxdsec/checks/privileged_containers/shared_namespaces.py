"""Which namespaces a container shares with the host or with another container; pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...evidence.container_facts import ContainerFacts
from ...evidence.model import Evidence
from ...inventory import containers
from ...verdict import CannotTell

# The user namespace has controls of its own, and that of time is shared by design: liblxc makes
# one only for `lxc.time.offset.*` (src/lxc/start.c, resolve_clone_flags).
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "uts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A namespace that is not a container's own."""

    kind: str
    identity: str
    other: str

    @property
    def text(self) -> str:
        """The sharing as findings describe it."""
        return f"its {self.kind} namespace ({self.identity}) is that of {self.other}"


def shared(evidence: Evidence, own: ContainerFacts) -> Iterator[Shared]:
    """Yield the namespaces that a container has in common with somebody, in order of their kinds.

    The host's are the daemon's, and those in which its shell runs: the two differ for a snap.

    Raises:
        CannotTell: a namespace of its own, of the host or of another container was not seen.
    """
    for kind in KINDS:
        identity = _identity(own.namespaces, kind, own.lxc_name)
        others = [
            "the LXD daemon" * (identity == _identity(evidence.daemon.namespaces, kind, "LXD")),
            "the host" * (identity == _identity(evidence.view.namespaces, kind, "the host")),
            *(name for name in _by_identity(evidence)[identity] if name != own.lxc_name),
        ]
        found = [other for other in others if other]
        if found:
            yield Shared(kind=kind, identity=identity, other=" and ".join(found))


@functools.lru_cache(maxsize=containers.KEPT)
def _by_identity(evidence: Evidence) -> Mapping[str, list[str]]:
    """Namespaces to the containers of this host that are in them."""
    found: dict[str, list[str]] = {}
    for name, facts in _everybody(evidence):
        for kind in KINDS:
            identity = _identity(facts.namespaces, kind, name)
            found.setdefault(identity, []).append(name)
    return found


def _everybody(evidence: Evidence) -> Iterator[tuple[str, ContainerFacts]]:
    for instance in containers.all_here(evidence):
        facts = containers.facts(evidence, instance)
        yield facts.lxc_name, facts
    yield from containers.unlisted(evidence).items()


def _identity(namespaces: Mapping[str, str], kind: str, whose: str) -> str:
    identity = namespaces.get(kind)
    if not identity:
        raise CannotTell(f"the {kind} namespace of {whose} was not seen")
    return identity
