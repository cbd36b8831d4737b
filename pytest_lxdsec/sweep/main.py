"""The plan of the sweep, and its answer."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import json
import os
import signal
import sys
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .access import (
    accounts,
    audited_daemon,
    data_directories,
    group_holders,
    group_processes,
    setgid_files,
)
from .common import commands, context, files, jsonable, lxd_daemons, paths, procfs, sockets
from .containers import confinement, containers, host_control, socket_mounts
from .network import dhcp_reservations, dnsmasq, interfaces, links, packet_filters, routes
from .remote import anonymous_requests, pki, resolved_names, tls_versions
from .system import boot_units, os_release, packages, pending_restarts

if TYPE_CHECKING:
    Section = tuple[str, Callable[[context.Context], object]]

SWEEP_SECONDS = 140.0
SECTION_SECONDS = 60.0
# They take longest and need no other section, so they run beside the others.
BESIDE: tuple[Section, ...] = (
    ("packages", packages.packages),
    ("setgid_files", setgid_files.every),
)
# In this order, because a section may need the value of an earlier one.
SECTIONS: tuple[Section, ...] = (
    ("os", os_release.operating_system),
    ("restarts", pending_restarts.every),
    ("distribution", pending_restarts.distribution),
    ("daemons", lxd_daemons.every),
    ("server", audited_daemon.find),
    ("sockets", sockets.api_sockets),
    ("accounts", accounts.every),
    ("group_holders", group_holders.every),
    ("admin_groups", audited_daemon.admin_groups),
    ("subordinate_ids", accounts.subordinate_ids),
    ("listeners", sockets.listeners),
    ("resolved_names", resolved_names.resolved),
    ("anonymous_requests", anonymous_requests.ask_all),
    ("handshakes", tls_versions.every),
    ("kernel_files", files.kernel_files),
    ("network", interfaces.network),
    ("links", links.every),
    ("filters", packet_filters.find),
    ("reservations", dhcp_reservations.every),
    ("routes", routes.every),
    ("name_servers", dnsmasq.every),
    ("containers", containers.every),
    ("paths", paths.named),
    ("mounts", socket_mounts.every),
    ("data_directories", data_directories.every),
    ("pki", pki.find),
    ("group_processes", group_processes.every),
    ("confinement", confinement.every),
    ("view", confinement.view),
    ("at_boot", boot_units.every),
    ("control", host_control.run),
)


class Sweep:
    """One run of the sections, each in a thread of its own, so that none waits for one that hangs.

    Attributes:
        document: Section names to `{"value": ...}` or `{"error": reason}`.
    """

    def __init__(self, question: context.Question, *, seconds: float = SWEEP_SECONDS) -> None:
        self.document: dict[str, dict[str, Any]] = {}
        self._facts = context.Context(question)
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def run(
        self, sections: tuple[Section, ...] = SECTIONS, beside: tuple[Section, ...] = BESIDE
    ) -> bool:
        """Run every section; return whether all have ended."""
        # It is never shut down: that would wait for a thread that hangs.
        pool = concurrent.futures.ThreadPoolExecutor(len(sections) + len(beside))
        begun = [(name, pool.submit(section, self._facts)) for name, section in beside]
        threads: list[concurrent.futures.Future[object]] = [thread for _, thread in begun]
        for name, section in sections:
            threads.append(pool.submit(section, self._facts))
            self._take(name, threads[-1], SECTION_SECONDS)
        for name, thread in begun:
            self._take(name, thread, SWEEP_SECONDS)
        return all(thread.done() for thread in threads)

    def _take(self, name: str, thread: concurrent.futures.Future[object], seconds: float) -> None:
        left = max(self._until - time.monotonic(), 0)
        concurrent.futures.wait([thread], timeout=min(seconds, left))
        if not thread.done():
            if seconds < left:
                self._fail(name, f"it did not end within {seconds:g} s")
            else:
                self._fail(
                    name, f"it had not ended when the sweep's {self._seconds:g} s were over"
                )
            return
        try:
            value = thread.result()
            self.document[name] = {"value": jsonable.encode(value)}
        except Exception as error:  # noqa: BLE001  a section may fail; the reason is evidence
            self._fail(name, commands.reason(error))
        else:
            self._facts.add(name, value)

    def _fail(self, name: str, reason: str) -> None:
        self.document[name] = {"error": reason}
        self._facts.fail(name, reason)


def main() -> None:
    """Answer the question in the first argument on standard output, and exit."""
    packed = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])).decode())
    sweep = Sweep(context.Question(**packed))
    has_ended = sweep.run()
    answer = {"time": int(time.time()), "uid": os.geteuid(), "sections": sweep.document}
    text = json.dumps(answer, separators=(",", ":"))
    packed_answer = base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    sys.stdout.write(f"<lxdsec\n{packed_answer}\nlxdsec>\n")
    sys.stdout.flush()
    if not has_ended:
        _end_commands()
    os._exit(0)  # without waiting for a thread that hangs


def _end_commands() -> None:
    """Kill the commands that still run; each leads a process group."""
    for pid in procfs.every():
        with contextlib.suppress(OSError):
            if procfs.parent_and_start(pid)[0] == os.getpid():
                os.killpg(pid, signal.SIGKILL)
