"""A running container's kernel facts, found and read; pure.

What LXD's configuration says holds from the next start; what is here holds now.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from . import idmap, lxdconf
from .evidence.hostfacts import ContainerFacts
from .evidence.model import Evidence
from .evidence.objects import Instance
from .verdict import CannotTell, NotApplicable

PRIVILEGED = "security.privileged"
KEPT = 64  # hosts whose look-up tables are kept


def facts(evidence: Evidence, instance: Instance) -> ContainerFacts:
    """What the kernel holds of a container.

    Raises:
        NotApplicable: it is a virtual machine or does not run.
        CannotTell: it runs, and its process was not found.
    """
    if not instance.is_container:
        raise NotApplicable(f"{instance.key} is a virtual machine: it has a kernel of its own")
    if not instance.is_running:
        raise NotApplicable(f"{instance.key} does not run ({instance.status})")
    server = evidence.server.environment
    if server.server_clustered and instance.location != server.server_name:
        raise CannotTell(
            f"{instance.key} runs on cluster member {instance.location}: "
            "name that member's host with --lxd-host"
        )
    found = _by_name(evidence).get(instance.internal_name)
    if found is None:
        raise CannotTell(f"{instance.key} runs by LXD's word, but no process of it was found")
    return found


@functools.lru_cache(maxsize=KEPT)
def _by_name(evidence: Evidence) -> Mapping[str, ContainerFacts]:
    return {found.lxc_name: found for found in evidence.containers}


def id_map(found: ContainerFacts) -> idmap.IdMap:
    """The id map in force.

    Raises:
        CannotTell: what /proc shows is none.
    """
    try:
        return idmap.parse_kernel(found.uid_map, found.gid_map)
    except ValueError as error:
        raise CannotTell(f"{found.lxc_name}: {error}") from error


@functools.lru_cache(maxsize=KEPT)
def all_id_maps(evidence: Evidence) -> Mapping[str, idmap.IdMap]:
    """The id maps of all running containers that have a user namespace, by `PROJECT/NAME`.

    Raises:
        CannotTell: one of them is not known, so nobody can say whom the others meet.
    """
    found = {}
    for instance in evidence.instances.complete():
        if instance.is_container and instance.is_running:
            own = facts(evidence, instance)
            if not has_host_user_namespace(evidence, own):
                found[instance.key] = id_map(own)
    return found


def is_configured_privileged(instance: Instance) -> bool:
    """Whether it is to be privileged; absent means no (LXD's default)."""
    return lxdconf.boolean(instance.expanded_config, PRIVILEGED, default=False)


def has_host_user_namespace(evidence: Evidence, found: ContainerFacts) -> bool:
    """Whether a container has no user namespace of its own, and so is privileged in fact.

    Raises:
        CannotTell: the kernel did not show one of the two namespaces.
    """
    own, host = found.namespaces.get("user"), evidence.daemon.namespaces.get("user")
    if own is None or host is None:
        raise CannotTell(f"{found.lxc_name}: its user namespace was not seen")
    return own == host


def is_isolated(instance: Instance) -> bool:
    """Whether it is to have an id map of its own; absent means no (LXD's default)."""
    return lxdconf.boolean(instance.expanded_config, "security.idmap.isolated", default=False)
