"""The `lxc` commands that findings print; the one place that knows LXD's client. Pure.

Every command is quoted for a POSIX shell and names the project of its object, because the
operator's client may have switched to another project. Commands are texts; `remedy` joins them.
Another dialect of the client would replace this module.

    profile = lxc_commands.profile("default", project="tenants")
    lxc_commands.remedy(profile.unset("security.privileged"), touches=3)
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from ..verdict import Remedy

# The client takes the text before a colon for the name of a remote (lxc/config/remote.go,
# ParseRemote, 5.0.2 to 6.9; measured), so that a name with a colon needs one.
LOCAL = "local:"
FROZEN = "Frozen"


def lxc(subcommand: str, *arguments: str, project: str = "", target: str = "") -> str:
    """Return one command of the client.

    Args:
        subcommand: Its words, as in `profile device set`.
        arguments: Names of objects (see `name`), keys, or `KEY=VALUE`.
        project: The object's project; "" for an object that belongs to no project.
        target: The cluster member that is changed; "" for the whole server.
    """
    options = (*_option("--project", project), *_option("--target", target))
    words = ("lxc", *subcommand.split())
    if any(argument.startswith("-") for argument in arguments):
        # Everything after `--` is an argument, however it begins.
        return shlex.join((*words, *options, "--", *arguments))
    return shlex.join((*words, *arguments, *options))


def _option(flag: str, value: str) -> tuple[str, ...]:
    if value.startswith("-"):
        return (f"{flag}={value}",)
    return (flag, value) if value else ()


def name(text: str) -> str:
    """Return an object's name as the client reads it."""
    return f"{LOCAL}{text}" if ":" in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """An object with configuration keys, and with devices if it is an instance or a profile.

    Attributes:
        noun: The client's word: `config` for an instance or the server, `profile`, `network`.
        name: The object's name; "" for the server.
        project: The object's project; "" for the server.
        target: The cluster member whose own keys are meant; "" for all.
    """

    noun: str
    name: str = ""
    project: str = ""
    target: str = ""

    def set(self, settings: Mapping[str, str]) -> str:
        """Return the command that sets these keys."""
        return self._lxc("set", *self._name, *_assignments(settings))

    def unset(self, key: str) -> str:
        """Return the command that unsets a key."""
        return self._lxc("unset", *self._name, key)

    def add_device(self, device: str, kind: str, settings: Mapping[str, str]) -> str:
        """Return the command that adds a device of this type."""
        return self._lxc("device add", *self._name, device, kind, *_assignments(settings))

    def set_device(self, device: str, settings: Mapping[str, str]) -> str:
        """Return the command that sets keys of a device of its own."""
        return self._lxc("device set", *self._name, device, *_assignments(settings))

    def unset_device(self, device: str, key: str) -> str:
        """Return the command that unsets a key of a device of its own."""
        return self._lxc("device unset", *self._name, device, key)

    def override_device(self, device: str, settings: Mapping[str, str]) -> str:
        """Return the command that copies a profile's device to the instance with other keys."""
        return self._lxc("device override", *self._name, device, *_assignments(settings))

    def remove_device(self, device: str) -> str:
        """Return the command that removes a device of its own."""
        return self._lxc("device remove", *self._name, device)

    @property
    def _name(self) -> tuple[str, ...]:
        return (name(self.name),) if self.name else ()

    def _lxc(self, verb: str, *arguments: str) -> str:
        subcommand = f"{self.noun} {verb}"
        return lxc(subcommand, *arguments, project=self.project, target=self.target)


def _assignments(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in settings.items())


def server(*, target: str = "") -> Configured:
    """Return the server, or the settings that one cluster member has for itself."""
    return Configured(noun="config", target=target)


def instance(name: str, *, project: str) -> Configured:
    """Return an instance's own configuration."""
    return Configured(noun="config", name=name, project=project)


def profile(name: str, *, project: str) -> Configured:
    """Return a profile."""
    return Configured(noun="profile", name=name, project=project)


def network(name: str, *, project: str) -> Configured:
    """Return a network that LXD manages."""
    return Configured(noun="network", name=name, project=project)


def create_network(text: str, *, project: str) -> str:
    """Return the command that creates a bridge with LXD's defaults."""
    return lxc("network create", name(text), project=project)


def restart(text: str, *, project: str, status: str = "") -> str:
    """Return the command that restarts an instance.

    Args:
        text: The instance's name.
        project: The instance's project.
        status: Its status as LXD reports it: a frozen instance is thawed first, and paused again.
    """
    verbs = ("start", "restart", "pause") if status == FROZEN else ("restart",)
    return " && ".join(lxc(verb, name(text), project=project) for verb in verbs)


def isolate_all_running() -> str:
    """Return the command that gives every running container an ID map of its own.

    A loop over the client's list, for hosts with more containers than a finding can name.
    """
    return (
        "lxc list --all-projects --format csv --columns ne type=container status=running"
        " | while IFS=, read -r name project; do"
        ' lxc config set "local:$name" security.idmap.isolated=true --project "$project" &&'
        ' lxc restart "local:$name" --project "$project" < /dev/null; done'
    )


def query(method: str, path: str, body: Mapping[str, object] | None = None) -> str:
    """Return a raw request to the API, for changes that the client has no command for."""
    data = () if body is None else ("-d", json.dumps(body))
    return shlex.join(("lxc", "query", "-X", method, *data, path))


def remove_certificate(fingerprint: str) -> str:
    """Return the command that ends the trust in a certificate."""
    return lxc("config trust remove", fingerprint)


def delete_identity(method: str, identifier: str) -> str:
    """Return the command that deletes an identity, by its authentication method and id."""
    return lxc("auth identity delete", f"{method}/{identifier}")


def remove_identity_from_group(method: str, identifier: str, group: str) -> str:
    """Return the command that takes an identity out of a group."""
    return lxc("auth identity group remove", f"{method}/{identifier}", group)


def remedy(*commands: str, touches: int = 1, note: str = "") -> Remedy:
    """Return the remedy that runs these commands in order and stops at the first that fails."""
    return Remedy(command=" && ".join(filter(None, commands)), touches=touches, note=note)
