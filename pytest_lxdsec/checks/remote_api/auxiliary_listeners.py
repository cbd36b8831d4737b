"""Doors to LXD beside its API: debugging, metrics, and pages in a browser; pure.

Keys and defaults: lxd/node/config.go and lxd/cluster/config.go, the same from 5.0.2 to 6.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...evidence.objects import Server
from ...lxd import config_values

DEBUG = "core.debug_address"
METRICS_AUTHENTICATION = "core.metrics_authentication"
ORIGIN, CREDENTIALS = "core.https_allowed_origin", "core.https_allowed_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryListener:
    """One that is open, and the command that closes it."""

    text: str
    repair: str


def open_doors(server: Server) -> Iterator[AuxiliaryListener]:
    """The doors that a server's configuration opens.

    Raises:
        CannotTell: a value is hidden, or LXD's code reads it in two ways.
    """
    debug = config_values.string(server.config, DEBUG)
    if debug:
        text = f"{DEBUG} is {debug}: it gives the daemon's memory to whoever asks"
        yield AuxiliaryListener(text=text, repair=f"lxc config unset {DEBUG}{target(server)}")
    if not config_values.boolean(server.config, METRICS_AUTHENTICATION, default=True):
        # Unset, it stays off: 5.0.2 keeps the value of a key that is on by default.
        text = f"{METRICS_AUTHENTICATION} is off: anybody reads every instance's name and load"
        yield AuxiliaryListener(text=text, repair=f"lxc config set {METRICS_AUTHENTICATION}=true")
    credentials = config_values.boolean(server.config, CREDENTIALS, default=False)
    if _allows_every_origin(server) and credentials:
        text = f"{ORIGIN} is * with {CREDENTIALS}: any page uses the visitor's certificate"
        yield AuxiliaryListener(text=text, repair=f"lxc config unset {CREDENTIALS}")


def _allows_every_origin(server: Server) -> bool:
    return "*" in config_values.string(server.config, ORIGIN)


def target(server: Server) -> str:
    """What an option of one cluster member adds to a command."""
    environment = server.environment
    return f" --target {environment.server_name}" if environment.server_clustered else ""


def seen(server: Server) -> Iterator[str]:
    """What is closed, and why."""
    origin = config_values.string(server.config, ORIGIN)
    yield f"{DEBUG} is not set"
    yield f"{METRICS_AUTHENTICATION} is on"
    yield f"{ORIGIN} is {origin}, without credentials" if origin else f"{ORIGIN} is not set"
