"""A real sshd inside the lab, with keys of its own, reached from outside through a relay."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_lxdsec.lab import Lab

from . import relay, waiting

PORT = 2222
CONFIG = f"""
ListenAddress 127.0.0.1:{PORT}
HostKey /root/sshd/host
PidFile none
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /root/sshd/authorized
StrictModes no
LogLevel VERBOSE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sshd:
    """A running sshd.

    Attributes:
        port: The port of the relay to it, on 127.0.0.1 of this machine.
        directory: The client's files: `key`, `other` (a key that it does not accept), `known`.
        log: The file of its log.
    """

    port: int
    directory: pathlib.Path
    log: pathlib.Path

    def spec(self, *, key: str = "key", known: str = "known", port: int = 0) -> str:
        """Return the testinfra host spec of the lab behind this sshd."""
        config = self.directory / f"config-{known}"
        config.write_text(
            f"Host *\n  UserKnownHostsFile {self.directory / known}\n"
            "  GlobalKnownHostsFile none\n  IdentityAgent none\n  IdentitiesOnly yes\n"
        )
        files = {"ssh_config": config, "ssh_identity_file": self.directory / key}
        return f"ssh://root@127.0.0.1:{port or self.port}?{urllib.parse.urlencode(files)}"

    def logins(self) -> int:
        """Return the number of successful logins."""
        return self.log.read_text().count("Accepted publickey")


@contextlib.contextmanager
def running(lab: Lab, directory: pathlib.Path) -> Iterator[Sshd]:
    """Run an sshd in the lab for the length of a `with` block."""
    for name in ("key", "other", "host"):
        _keygen(directory / name)
    _install(lab, directory)
    log = directory / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            lab.command("/usr/sbin/sshd", "-D", "-e", "-f", "/root/sshd/config"),
            stdin=subprocess.DEVNULL,
            stderr=stream,
            start_new_session=True,
        )
    try:
        waiting.until(lambda: "Server listening" in log.read_text())
        with relay.into(lab.pid, f"127.0.0.1:{PORT}") as port:
            host = (directory / "host.pub").read_text()
            (directory / "known").write_text(f"[127.0.0.1]:{port} {host}")
            (directory / "unknown").write_text("")
            other = (directory / "other.pub").read_text()
            (directory / "changed").write_text(f"[127.0.0.1]:{port} {other}")
            yield Sshd(port=port, directory=directory, log=log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        lab.shell("rm -rf /root/sshd")


def _keygen(path: pathlib.Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)


def _install(lab: Lab, directory: pathlib.Path) -> None:
    lab.shell("mkdir -p -m 755 /run/sshd && mkdir -m 700 /root/sshd")
    files = {
        "config": CONFIG,
        "host": (directory / "host").read_text(),
        "authorized": (directory / "key.pub").read_text(),
    }
    for name, content in files.items():
        lab.run("sh", "-c", f"umask 077; cat >/root/sshd/{name}", input=content.encode())
