"""Doors to LXD beside its API: debugging, metrics, and pages in a browser; pure.

Keys and defaults: lxd/node/config.go and lxd/cluster/config.go, the same from 5.0.2 to 6.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...evidence.objects import Server
from ...lxd import config_values, lxc_commands
from .listen_options import own_settings

DEBUG = "core.debug_address"
METRICS_AUTHENTICATION = "core.metrics_authentication"
ORIGIN, CREDENTIALS = "core.https_allowed_origin", "core.https_allowed_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryListener:
    """One that is open, and the command that closes it."""

    text: str
    repair: str


def open_doors(server: Server) -> Iterator[AuxiliaryListener]:
    """Yield the doors that a server's configuration opens.

    Raises:
        CannotTell: a value is hidden, or LXD's code reads it in two ways.
    """
    debug = config_values.string(server.config, DEBUG)
    if debug:
        text = f"{DEBUG} is {debug}: it gives the daemon's memory to every local client"
        yield AuxiliaryListener(text=text, repair=own_settings(server).unset(DEBUG))
    if not config_values.boolean(server.config, METRICS_AUTHENTICATION, default=True):
        # Unset, it stays off: 5.0.2 keeps the value of a key that is on by default.
        text = f"{METRICS_AUTHENTICATION} is off: anyone can read every instance's name and load"
        repair = lxc_commands.server().set({METRICS_AUTHENTICATION: "true"})
        yield AuxiliaryListener(text=text, repair=repair)
    credentials = config_values.boolean(server.config, CREDENTIALS, default=False)
    if _allows_every_origin(server) and credentials:
        text = f"{ORIGIN} is * with {CREDENTIALS}: any web page can use the visitor's certificate"
        yield AuxiliaryListener(text=text, repair=lxc_commands.server().unset(CREDENTIALS))


def _allows_every_origin(server: Server) -> bool:
    return "*" in config_values.string(server.config, ORIGIN)


def seen(server: Server) -> Iterator[str]:
    """Yield what is closed, and why."""
    origin = config_values.string(server.config, ORIGIN)
    yield f"{DEBUG} is not set"
    yield f"{METRICS_AUTHENTICATION} is on"
    yield f"{ORIGIN} is {origin}, without credentials" if origin else f"{ORIGIN} is not set"
