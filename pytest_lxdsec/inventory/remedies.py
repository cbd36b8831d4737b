"""Remedies for instances: what to change at which place, and which instances to restart. Pure.

The commands themselves are `lxd.lxc_commands`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..evidence.model import Evidence
from ..evidence.objects import Instance
from ..lxd import lxc_commands
from ..verdict import Remedy
from . import config_origin

ISOLATED = "security.idmap.isolated"


def restart_command(instance: Instance) -> str:
    """Return the command that restarts an instance; a frozen one is paused again."""
    return lxc_commands.restart(instance.name, project=instance.project, status=instance.status)


def restart(instance: Instance, *, note: str = "") -> Remedy:
    """Restart an instance."""
    return lxc_commands.remedy(restart_command(instance), note=note)


def restarts(instances: Iterable[Instance]) -> tuple[str, ...]:
    """Return the commands that restart those of the instances that run."""
    return tuple(restart_command(instance) for instance in instances if instance.is_running)


def unset(evidence: Evidence, instance: Instance, key: str, *, note: str = "") -> Remedy:
    """Unset a key where it is set, and restart the running instances that have it from there.

    Raises:
        CannotTell: the key is not set by the instance or by any known profile.
    """
    origin = config_origin.of_config(evidence, instance, key)
    return lxc_commands.remedy(
        origin.configured.unset(key),
        *restarts(origin.users),
        touches=len(origin.users),
        note=note,
    )


def unset_all(evidence: Evidence, instance: Instance, keys: Iterable[str]) -> Remedy:
    """Unset several keys, each where it is set, and restart once every instance that has one.

    Raises:
        CannotTell: one of the keys is not set by the instance or by any known profile.
    """
    origins = [(key, config_origin.of_config(evidence, instance, key)) for key in keys]
    users = {user.key: user for _, origin in origins for user in origin.users}
    return lxc_commands.remedy(
        *(origin.configured.unset(key) for key, origin in origins),
        *restarts(users.values()),
        touches=len(users),
    )


def remove_devices(
    evidence: Evidence, instance: Instance, devices: Iterable[str], *, note: str = ""
) -> Remedy:
    """Remove devices where they are configured; LXD detaches them from running instances.

    Raises:
        CannotTell: a device is not configured by the instance or by any known profile.
    """
    places = {
        device: config_origin.of_device(evidence, instance, device)
        for device in dict.fromkeys(devices)
    }
    users = {user.key for place in places.values() for user in place.users}
    commands = (place.configured.remove_device(device) for device, place in places.items())
    return lxc_commands.remedy(*commands, touches=len(users), note=note)


def set_device(  # noqa: PLR0913 - a change of one device, all of it by name but the place
    evidence: Evidence,
    instance: Instance,
    device: str,
    settings: Mapping[str, str],
    *,
    before: str = "",
    note: str = "",
) -> Remedy:
    """Set keys of a device where it is configured.

    Args:
        evidence: The evidence with the instance's profiles.
        instance: The instance that has the device.
        device: The device's name.
        settings: The keys and their new values.
        before: A command that must run first; "" for none.
        note: See `Remedy`.

    Raises:
        CannotTell: the device is not configured by the instance or by any known profile.
    """
    origin = config_origin.of_device(evidence, instance, device)
    command = origin.configured.set_device(device, settings)
    return lxc_commands.remedy(before, command, touches=len(origin.users), note=note)


def isolate(instances: tuple[Instance, ...]) -> Remedy:
    """Give each of these containers an ID map of its own."""
    steps: list[str] = []
    for each in instances:
        steps += [_own(each).set({ISOLATED: "true"}), *restarts([each])]
    return lxc_commands.remedy(*steps, touches=len(instances))


def set_base(instance: Instance, base: int) -> Remedy:
    """Give an isolated container the range of host IDs that starts here."""
    setting = {"security.idmap.base": str(base)}
    return lxc_commands.remedy(_own(instance).set(setting), restart_command(instance))


def rebuild_map(instance: Instance, *, is_isolated: bool) -> Remedy:
    """Have LXD compute an ID map anew, which it does when a key of it changes; then restart."""
    own = _own(instance)
    configured = instance.config.get(ISOLATED)
    back = own.unset(ISOLATED) if configured is None else own.set({ISOLATED: configured})
    other = own.set({ISOLATED: "false" if is_isolated else "true"})
    return lxc_commands.remedy(other, back, restart_command(instance))


def _own(instance: Instance) -> lxc_commands.Configured:
    return lxc_commands.instance(instance.name, project=instance.project)
