"""Where an instance's setting comes from: the instance or one of its profiles. Pure.

LXD expands profiles in their order and then the instance: a key of configuration is overridden
one by one, a device as a whole (lxd/db/cluster/profiles.go, ExpandInstanceConfig and
ExpandInstanceDevices). A command at the wrong place would change nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..evidence.model import Evidence
from ..evidence.objects import Instance, Profile
from ..lxd import lxc_commands
from ..verdict import CannotTell

KEPT = 64  # hosts whose look-up tables are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The instance itself, or the profile that gives it a setting.

    Attributes:
        instance: The instance that has the setting.
        profile: The profile that sets it; None if the instance does.
        users: The instances that a change at this place reaches.
    """

    instance: Instance
    profile: Profile | None
    users: tuple[Instance, ...]

    @property
    def text(self) -> str:
        """The source as findings name it."""
        if self.profile is None:
            return f"instance {self.instance.key}"
        others = len(self.users) - 1
        shared = f", which {others} more use" if others else ""
        return f"profile {self.profile.key}{shared}"

    @property
    def configured(self) -> lxc_commands.Configured:
        """The object to change, for the client's commands."""
        if self.profile is None:
            return lxc_commands.instance(self.instance.name, project=self.instance.project)
        return lxc_commands.profile(self.profile.name, project=self.profile.project)


def of_config(evidence: Evidence, instance: Instance, key: str) -> Origin:
    """Return where this key is set.

    Raises:
        CannotTell: neither the instance nor a profile in the evidence sets it.
    """
    return _origin(evidence, instance, key, lambda profile: profile.config, instance.config)


def of_device(evidence: Evidence, instance: Instance, device: str) -> Origin:
    """Return where this device is configured.

    Raises:
        CannotTell: neither the instance nor a profile in the evidence has it.
    """
    return _origin(evidence, instance, device, lambda profile: profile.devices, instance.devices)


def source_of_config(evidence: Evidence, instance: Instance, key: str) -> str:
    """Return where this key is set, in words; the reason if that is not known."""
    return _in_words(lambda: of_config(evidence, instance, key))


def source_of_device(evidence: Evidence, instance: Instance, device: str) -> str:
    """Return where this device is configured, in words; the reason if that is not known."""
    return _in_words(lambda: of_device(evidence, instance, device))


def _in_words(find: Callable[[], Origin]) -> str:
    try:
        return find().text
    except CannotTell as reason:
        return f"not known: {reason}"


def _origin(
    evidence: Evidence,
    instance: Instance,
    name: str,
    settings: Callable[[Profile], Mapping[str, object]],
    own: Mapping[str, object],
) -> Origin:
    if name in own:
        return Origin(instance=instance, profile=None, users=(instance,))
    project = _profiles_project(evidence, instance)
    profiles = {p.name: p for p in evidence.profiles.complete() if p.project == project}
    for wanted in reversed(instance.profiles):
        profile = profiles.get(wanted)
        if profile is not None and name in settings(profile):
            users = _users(evidence, profile)
            return Origin(instance=instance, profile=profile, users=users)
    raise CannotTell(f"{instance.key}: {name} is not set by the instance or by any known profile")


def _profiles_project(evidence: Evidence, instance: Instance) -> str:
    """Return the project whose profiles the instance uses: its own, or the default project."""
    for project in evidence.projects.complete():
        if project.name == instance.project:
            return project.name if project.has_own("profiles") else "default"
    raise CannotTell(f"project {instance.project} is not in the evidence")


def _users(evidence: Evidence, profile: Profile) -> tuple[Instance, ...]:
    return tuple(_users_by_profile(evidence).get((profile.project, profile.name), ()))


@functools.lru_cache(maxsize=KEPT)
def _users_by_profile(evidence: Evidence) -> Mapping[tuple[str, str], list[Instance]]:
    found: dict[tuple[str, str], list[Instance]] = {}
    for instance in evidence.instances:
        project = _profiles_project(evidence, instance)
        for name in dict.fromkeys(instance.profiles):
            found.setdefault((project, name), []).append(instance)
    return found
