"""The daemon behind the audited API, and the groups that daemons serve."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from ..common import commands, context, lxd_daemons, procfs, sockets
from . import accounts

SNAP_CONFIG = "/var/snap/lxd/common/config"
SNAP_GROUP = "lxd"  # the snap's default for daemon.group


@dataclasses.dataclass(frozen=True)
class AdminGroup:
    """Decoded as `evidence.access_facts.AdminGroup`."""

    daemon: int
    name: str
    source: str


def find(facts: context.Context) -> lxd_daemons.Daemon:
    """Section: find the daemon behind the audited API.

    The API reports its ID in its own process namespace, so the last of NSpid is compared.

    Raises:
        LookupError: not exactly one of the host's daemons has the ID, so that nothing the kernel
            shows can be attributed to the audited one.
    """
    question = facts.question
    every: Sequence[lxd_daemons.Daemon] = facts.require("daemons")
    found = [daemon for daemon in every if _own_id(daemon.pid) == question.server_pid]
    if len(found) > 1 and question.socket:
        found = [daemon for daemon in found if question.socket in sockets.api_paths(daemon.pid)]
    if len(found) != 1:
        raise LookupError(
            f"{len(found) or 'none'} of this host's LXD daemons ({len(every)}) has the process ID "
            f"that the API reports ({question.server_pid}): was it restarted, or is this another "
            "host?"
        )
    return found[0]


def _own_id(pid: int) -> int:
    return procfs.ids_by_namespace(procfs.status(pid))[-1]


def admin_groups(facts: context.Context) -> tuple[AdminGroup, ...]:
    """Section: find the group that each daemon gives its socket to, and its source."""
    return tuple(_admin_group(facts, daemon) for daemon in facts.require("daemons"))


def _admin_group(facts: context.Context, daemon: lxd_daemons.Daemon) -> AdminGroup:
    if daemon.is_snap:
        name, source = snap_group(commands.read(SNAP_CONFIG)), "snap get lxd daemon.group"
    elif "LISTEN_FDS" in daemon.environment:
        # systemd made the socket, and LXD does not change its owner.
        printed = commands.succeed(
            "systemctl", "show", "lxd.socket", "-p", "SocketGroup", "--value"
        )
        name, source = printed.strip() or "root", "SocketGroup of lxd.socket"
    else:
        option = group_option(daemon.arguments)
        name, source = option or "", "lxd --group"
        if option is None:
            # It keeps that of its own process: lxd/endpoints/local.go, localSetAccess.
            name, source = _group_name(facts, daemon.gid), "group of the lxd process"
    return AdminGroup(daemon=daemon.pid, name=name, source=source)


def snap_group(config: str) -> str:
    """Return the group in the snap's configuration, a list of shell assignments."""
    match = re.search(r"^daemon_group=[\"']?([^\"'\n]*)", config, re.MULTILINE)
    return match.group(1) if match else SNAP_GROUP


def group_option(arguments: Sequence[str]) -> str | None:
    """Return the value of `--group` on the daemon's command line; None if it is not given."""
    for index, word in enumerate(arguments):
        if word.startswith("--group="):
            return word[len("--group=") :]
        if word == "--group" and index + 1 < len(arguments):
            return arguments[index + 1]
    return None


def _group_name(facts: context.Context, gid: int) -> str:
    found: accounts.Accounts = facts.require("accounts")
    return next((group.name for group in found.groups if group.gid == gid), str(gid))
