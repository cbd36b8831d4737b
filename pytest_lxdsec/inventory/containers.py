"""A running container's kernel facts, found and read; pure.

What LXD's configuration says holds from the next start; what is here holds now.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from ..evidence.container_facts import Confinement, ContainerFacts
from ..evidence.model import Evidence
from ..evidence.objects import Instance
from ..lxd import config_values, idmap
from ..verdict import CannotTell, NotApplicable

PRIVILEGED = "security.privileged"
ISOLATED = "security.idmap.isolated"
KEPT = 64  # hosts whose look-up tables are kept


def facts(evidence: Evidence, instance: Instance) -> ContainerFacts:
    """Return what the kernel holds of a container.

    Raises:
        NotApplicable: it is a virtual machine or does not run.
        CannotTell: it runs, and its process was not found.
    """
    if not instance.is_container:
        raise NotApplicable(f"{instance.key} is a virtual machine: it has a kernel of its own")
    if found := _seen(evidence, instance):
        return found
    if not may_run(evidence, instance):
        raise NotApplicable(f"{instance.key} does not run ({instance.status})")
    if not is_here(evidence, instance):
        raise CannotTell(
            f"{instance.key} runs on cluster member {instance.location}: "
            "add that member's host with --lxd-host"
        )
    said = "runs" if instance.is_running else f"may run ({instance.status})"
    raise CannotTell(f"{instance.key} {said} by LXD's word, but no process of it was found")


def may_run(evidence: Evidence, instance: Instance) -> bool:
    """Return whether a container runs by LXD's word, or it does not know, or its init was seen.

    LXD says Error of whatever does not answer it in five seconds (driver_lxc.go, getLxcState).
    """
    is_known_to = instance.is_running or instance.is_unknown
    return is_known_to or _seen(evidence, instance) is not None


def _seen(evidence: Evidence, instance: Instance) -> ContainerFacts | None:
    """Return the facts of its init, whatever LXD says; None where the host did not show one."""
    is_asked = instance.is_running or not evidence.absent("host.containers")
    if not is_asked or not is_here(evidence, instance):
        return None
    return _by_name(evidence).get(instance.internal_name)


def is_here(evidence: Evidence, instance: Instance) -> bool:
    """Return whether an instance is on the host that was asked, of a cluster's hosts."""
    server = evidence.server.environment
    return not server.server_clustered or instance.location == server.server_name


def all_here(evidence: Evidence) -> tuple[Instance, ...]:
    """Return the daemon's running containers of this host.

    One whose state LXD does not know, and of which no process was seen, is none of them.

    Raises:
        CannotTell: an instance cannot be read: it may be one of them.
    """
    return tuple(
        instance
        for instance in evidence.instances.complete()
        if instance.is_container
        and is_here(evidence, instance)
        and (instance.is_running or _seen(evidence, instance))
    )


@functools.lru_cache(maxsize=KEPT)
def unlisted(evidence: Evidence) -> Mapping[str, ContainerFacts]:
    """Return the running containers of this host that LXD does not list, by their label.

    Raises:
        CannotTell: another daemon runs, and nobody looked for its containers.
    """
    others = evidence.view.neighbours
    if others is None and len(evidence.daemons) > 1:
        raise CannotTell("another LXD daemon runs on this host: its containers were not looked at")
    listed = {instance.internal_name for instance in evidence.instances.complete()}
    unlisted = [found for found in evidence.containers if found.lxc_name not in listed]
    return {
        f"{found.lxc_name} of {found.lxc_path} (pid {found.pid})": found
        for found in (*(others or ()), *unlisted)
    }


def confinement(evidence: Evidence, instance: Instance) -> Confinement:
    """Return what stands between a running container and the host; raises as `facts`."""
    facts(evidence, instance)
    found = _confinement_by_name(evidence).get(instance.internal_name)
    if found is None:
        raise CannotTell(f"{instance.key} runs, but nothing of what confines it was read")
    if found.error:
        raise CannotTell(f"{instance.key}: {found.error}")
    return found


@functools.lru_cache(maxsize=KEPT)
def _confinement_by_name(evidence: Evidence) -> Mapping[str, Confinement]:
    return {found.lxc_name: found for found in evidence.confinement}


def lxc_conf(found: Confinement) -> tuple[tuple[str, str], ...]:
    """Return the lines of liblxc's configuration that bear on confinement: keys and values.

    Raises:
        CannotTell: LXD's file was not read.
    """
    text = found.lxc_conf
    if text is None or text.error:
        why = text.error if text else "it was not looked for"
        raise CannotTell(f"{found.lxc_name}: what liblxc was told is not known: {why}")
    pairs = (line.partition("=") for line in text.text.split("\n") if line)
    return tuple((key.strip().lower(), value.strip()) for key, _, value in pairs)


def told_liblxc(found: Confinement, key: str) -> str:
    """Return the last value of a key, which wins; "" where it has none. Raises as `lxc_conf`."""
    values = [value for told, value in lxc_conf(found) if told == key]
    return values[-1] if values else ""


@functools.lru_cache(maxsize=KEPT)
def _by_name(evidence: Evidence) -> Mapping[str, ContainerFacts]:
    return {found.lxc_name: found for found in evidence.containers}


def id_map(found: ContainerFacts) -> idmap.IdMap:
    """Return the id map in force.

    Raises:
        CannotTell: what /proc shows is none.
    """
    try:
        return idmap.parse_kernel(found.uid_map, found.gid_map)
    except ValueError as error:
        raise CannotTell(f"{found.lxc_name}: {error}") from error


@functools.lru_cache(maxsize=KEPT)
def all_id_maps(evidence: Evidence) -> Mapping[str, idmap.IdMap]:
    """Return the id maps of this host's running containers that have a user namespace, by key.

    Members of a cluster allocate each for itself, so those of others say nothing here.

    Raises:
        CannotTell: one of them is not known, so nobody can say whom the others meet.
    """
    found = {}
    for instance in all_here(evidence):
        own = facts(evidence, instance)
        if not has_host_user_namespace(evidence, own):
            found[instance.key] = id_map(own)
    return found


@functools.lru_cache(maxsize=KEPT)
def unlisted_id_maps(evidence: Evidence) -> Mapping[str, idmap.IdMap]:
    """Return the id maps of `unlisted` that have a user namespace.

    Raises as it, and as `id_map`.
    """
    return {
        name: id_map(found)
        for name, found in unlisted(evidence).items()
        if not has_host_user_namespace(evidence, found)
    }


def is_configured_privileged(instance: Instance) -> bool:
    """Return whether it is to be privileged; absent means no (LXD's default)."""
    return config_values.boolean(instance.expanded_config, PRIVILEGED, default=False)


def has_host_user_namespace(evidence: Evidence, found: ContainerFacts) -> bool:
    """Return whether a container has no user namespace of its own, and so is privileged in fact.

    Raises:
        CannotTell: the kernel did not show one of the two namespaces.
    """
    own, host = found.namespaces.get("user"), evidence.daemon.namespaces.get("user")
    if own is None or host is None:
        raise CannotTell(f"{found.lxc_name}: its user namespace was not seen")
    return own == host


def is_root_of_host(evidence: Evidence, found: ContainerFacts) -> bool:
    """Return whether root inside is the host's root, by the map in force.

    Raises:
        CannotTell: the map or the namespaces were not seen.
    """
    if has_host_user_namespace(evidence, found):
        return True
    own = id_map(found)
    return any(own.host_id(kind, 0) == 0 for kind in idmap.Kind)


def privileged_facts(evidence: Evidence, instance: Instance) -> ContainerFacts:
    """Return the facts of a container whose root is the host's; see `facts`.

    Raises:
        NotApplicable: also where root inside is somebody else outside.
    """
    found = facts(evidence, instance)
    if not is_root_of_host(evidence, found):
        raise NotApplicable(f"{instance.key} runs unprivileged: its root is not the host's")
    return found


def is_isolated(instance: Instance) -> bool:
    """Return whether it is to have an id map of its own; absent means no (LXD's default)."""
    return config_values.boolean(instance.expanded_config, ISOLATED, default=False)
