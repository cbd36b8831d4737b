"""Where an instance's setting comes from, and the command that changes it there; pure.

LXD expands profiles in their order and then the instance: a key of configuration is overridden
one by one, a device as a whole (lxd/db/cluster/profiles.go, ExpandInstanceConfig and
ExpandInstanceDevices). So a command at the wrong place would change nothing.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..evidence.model import Evidence
from ..evidence.objects import Instance, Profile
from ..verdict import CannotTell, Remedy

KEPT = 64  # hosts whose look-up tables are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The instance itself, or the profile that gives it a setting.

    Attributes:
        instance: Whose setting it is.
        profile: The profile that sets it; None where the instance does.
        users: The instances that the profile's change would reach.
    """

    instance: Instance
    profile: Profile | None
    users: tuple[Instance, ...]

    @property
    def text(self) -> str:
        """As findings say it."""
        if self.profile is None:
            return f"instance {self.instance.key}"
        others = len(self.users) - 1
        shared = f", which {others} more use" if others else ""
        return f"profile {self.profile.key}{shared}"

    def config_command(self, verb: str, argument: str) -> str:
        """`lxc config set|unset` or `lxc profile set|unset`, at this place."""
        if self.profile is None:
            return _lxc("config", verb, self.instance.name, argument, project=self._project)
        return _lxc("profile", verb, self.profile.name, argument, project=self._project)

    def device_command(self, verb: str, device: str, *arguments: str) -> str:
        """`lxc config device VERB` or `lxc profile device VERB`, at this place."""
        where = ("config", self.instance.name)
        if self.profile is not None:
            where = ("profile", self.profile.name)
        return _lxc(where[0], "device", verb, where[1], device, *arguments, project=self._project)

    def restarts(self) -> str:
        """The commands that restart the running instances among the users, "" for none."""
        return "".join(f" && {restart(user)}" for user in self.users if user.is_running)

    @property
    def _project(self) -> str:
        return self.instance.project if self.profile is None else self.profile.project


def _lxc(*words: str, project: str) -> str:
    return shlex.join(("lxc", *words, "--project", project))


def restart(instance: Instance) -> str:
    """The command that restarts an instance; a frozen one thaws for it, and is paused again."""
    verbs = ("start", "restart", "pause") if instance.status == "Frozen" else ("restart",)
    return " && ".join(_lxc(verb, instance.name, project=instance.project) for verb in verbs)


def of_config(evidence: Evidence, instance: Instance, key: str) -> Origin:
    """Who sets this key.

    Raises:
        CannotTell: neither the instance nor a profile that is in the evidence does.
    """
    return _origin(evidence, instance, key, lambda profile: profile.config, instance.config)


def of_device(evidence: Evidence, instance: Instance, device: str) -> Origin:
    """Who brings this device.

    Raises:
        CannotTell: neither the instance nor a profile that is in the evidence does.
    """
    return _origin(evidence, instance, device, lambda profile: profile.devices, instance.devices)


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
    raise CannotTell(f"{instance.key}: nobody in the evidence sets {name}")


def _profiles_project(evidence: Evidence, instance: Instance) -> str:
    """A project without profiles of its own uses the default project's."""
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


def unset(origin: Origin, key: str) -> Remedy:
    """Take a key away at its origin, and restart who runs with it."""
    command = origin.config_command("unset", key) + origin.restarts()
    return Remedy(command=command, touches=len(origin.users))


def unset_all(evidence: Evidence, instance: Instance, keys: Iterable[str]) -> Remedy:
    """Take several keys away, each at its origin, then restart once whoever runs with one.

    Raises:
        CannotTell: nobody in the evidence sets one of them.
    """
    origins = [(key, of_config(evidence, instance, key)) for key in keys]
    users = {user.key: user for _, origin in origins for user in origin.users}
    steps = [origin.config_command("unset", key) for key, origin in origins]
    steps += [restart(user) for user in users.values() if user.is_running]
    return Remedy(command=" && ".join(steps), touches=len(users))


def isolate(instances: tuple[Instance, ...]) -> Remedy:
    """Give every one of these containers an id map of its own."""
    steps = [
        _lxc("config", "set", i.name, "security.idmap.isolated=true", project=i.project)
        + (f" && {restart(i)}" if i.is_running else "")
        for i in instances
    ]
    return Remedy(command=" && ".join(steps), touches=len(instances))


def set_base(instance: Instance, base: int) -> Remedy:
    """Give an isolated container a range of host ids that starts here."""
    setting = f"security.idmap.base={base}"
    command = _lxc("config", "set", instance.name, setting, project=instance.project)
    return Remedy(command=f"{command} && {restart(instance)}")


def work_out_map(instance: Instance, *, is_isolated: bool) -> Remedy:
    """Have LXD work an id map out anew, which it does when a key of it changes; then restart."""
    key = "security.idmap.isolated"
    other = f"{key}={'false' if is_isolated else 'true'}"
    steps = [
        _lxc("config", "set", instance.name, other, project=instance.project),
        _lxc(
            "config",
            "set",
            instance.name,
            f"{key}={instance.config[key]}",
            project=instance.project,
        )
        if key in instance.config
        else _lxc("config", "unset", instance.name, key, project=instance.project),
    ]
    return Remedy(command=" && ".join([*steps, restart(instance)]))
