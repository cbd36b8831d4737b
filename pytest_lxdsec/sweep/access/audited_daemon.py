"""Which daemon is the one that was asked, and whom it serves."""

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


def find(facts: context.Known) -> lxd_daemons.Daemon:
    """Section: the daemon behind the API that was asked.

    It tells its id in its own process namespace, so the last of NSpid is compared. Where several
    have it, or none, nothing of the kernel's view can be told.

    Raises:
        LookupError: not exactly one of the host's daemons has the id.
    """
    question = facts.question
    every: Sequence[lxd_daemons.Daemon] = facts.require("daemons")
    found = [daemon for daemon in every if _own_id(daemon.pid) == question.server_pid]
    if len(found) > 1 and question.socket:
        found = [daemon for daemon in found if question.socket in sockets.api_paths(daemon.pid)]
    if len(found) != 1:
        raise LookupError(
            f"{len(found) or 'none'} of this host's LXD daemons ({len(every)}) has the process id "
            f"{question.server_pid} that the API gave: was it restarted, or is this another host?"
        )
    return found[0]


def _own_id(pid: int) -> int:
    return procfs.ids_by_namespace(procfs.status(pid))[-1]


def admin_groups(facts: context.Known) -> tuple[AdminGroup, ...]:
    """Section: the group that each daemon was told to give its socket to, and by whom."""
    return tuple(_admin_group(facts, daemon) for daemon in facts.require("daemons"))


def _admin_group(facts: context.Known, daemon: lxd_daemons.Daemon) -> AdminGroup:
    if daemon.is_snap:
        name, source = snap_group(commands.read(SNAP_CONFIG)), "snap get lxd daemon.group"
    elif "LISTEN_FDS" in daemon.environment:
        # systemd made the socket, and LXD leaves its owner alone.
        told = commands.succeed("systemctl", "show", "lxd.socket", "-p", "SocketGroup", "--value")
        name, source = told.strip() or "root", "SocketGroup of lxd.socket"
    else:
        option = group_option(daemon.arguments)
        name, source = option or "", "lxd --group"
        if option is None:
            # Then it keeps that of its own process: lxd/endpoints/local.go, localSetAccess.
            name, source = _group_name(facts, daemon.gid), "group of the lxd process"
    return AdminGroup(daemon=daemon.pid, name=name, source=source)


def snap_group(config: str) -> str:
    """Return the group in the snap's configuration, which is a list of shell assignments."""
    match = re.search(r"^daemon_group=[\"']?([^\"'\n]*)", config, re.MULTILINE)
    return match.group(1) if match else SNAP_GROUP


def group_option(arguments: Sequence[str]) -> str | None:
    """Return the value of `--group` on the daemon's command line; None where it is not given."""
    for index, word in enumerate(arguments):
        if word.startswith("--group="):
            return word[len("--group=") :]
        if word == "--group" and index + 1 < len(arguments):
            return arguments[index + 1]
    return None


def _group_name(facts: context.Known, gid: int) -> str:
    found: accounts.Accounts = facts.require("accounts")
    return next((group.name for group in found.groups if group.gid == gid), str(gid))
