"""A running Debian host, as tests hold it: ssh on a loopback port, a snapshot to begin from.

Each has a thin disk of its own on the one in the cache, so several run side by side and none
changes what the next one starts from.
"""

from __future__ import annotations

import contextlib
import pathlib
import shlex
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from tests.host.faults import HostBroken
from tests.host.qemu import API, SSH, Qemu

from . import image

BOOT_SECONDS = 240.0
_KNOCK_SECONDS = 10.0
_BOOT = "cat /proc/sys/kernel/random/boot_id"


@dataclass(slots=True, kw_only=True)
class Vm:
    """A running host.

    Attributes:
        qemu: Its machine.
        image: Its image in the cache: the key to log in with, the host key to expect.
        directory: Files of this run: ssh's configuration, and the socket of its connection.
    """

    qemu: Qemu
    image: pathlib.Path
    directory: pathlib.Path
    _master: subprocess.Popen[bytes] | None = None

    @property
    def processes(self) -> tuple[int, ...]:
        """The processes of this machine that it consists of: QEMU, and our connection."""
        assert self._master is not None, "not connected"
        return self.qemu.pid, self._master.pid

    @property
    def api(self) -> str:
        """The `https://` target of its LXD."""
        return f"https://127.0.0.1:{self.qemu.ports[API]}"

    def ssh(self, user: str = "root", *, address: str = "", **options: str) -> str:
        """Return the `ssh://` target of it; any `address` in place of its own leads to it, too."""
        files = {"ssh_config": self._config, "ssh_identity_file": self.image / "key"}
        query = urllib.parse.urlencode(files | options)
        return f"ssh://{user}@{address or f'127.0.0.1:{self.qemu.ports[SSH]}'}?{query}"

    def name(self, user: str = "root") -> str:
        """Return what reports call the target `ssh_options`."""
        return self.ssh(user).partition("?")[0]

    def run(
        self,
        script: str,
        *,
        input: bytes = b"",  # noqa: A002  # the name subprocess gave it
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a POSIX shell script as root; its exit status is the caller's to judge."""
        return subprocess.run(
            [*self._client(), "root@127.0.0.1", f"sh -c {shlex.quote(script)}"],
            input=input,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def shell(self, script: str, *, input: bytes = b"", timeout: float = 240) -> str:  # noqa: A002  # as above
        """Run a script that must succeed; return what it printed."""
        done = self.run(f"set -e\n{script}", input=input, timeout=timeout)
        if done.returncode:
            raise HostBroken(f"host: {script}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def connect(self) -> None:
        """Wait until it lets us in, and keep one connection for `run`.

        Raises:
            HostBroken: it does not in time; the text is the end of its console.
        """
        self.disconnect()
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise HostBroken(f"host: no ssh in {BOOT_SECONDS:g} s: {self.qemu.console()}")
            time.sleep(0.05)
        # It is our child, not a daemon of its own, and ends with us at the latest.
        master = ["setpriv", "--pdeathsig", "KILL", *self._client(), "-M", "-N", "root@127.0.0.1"]
        self._master = subprocess.Popen(master, stdin=subprocess.DEVNULL, start_new_session=True)
        while not self._socket.exists():
            if self._master.poll() is not None or time.monotonic() > deadline:
                raise HostBroken(f"host: ssh does not log in: {self.qemu.console()}")
            time.sleep(0.02)

    def disconnect(self) -> None:
        """End the connection of `run`."""
        if self._master is not None:
            self._master.kill()  # SIGTERM between two looks at its flag would wait for ever
            self._master.wait()
            self._master = None
        self._socket.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lxd_socket(self) -> Iterator[str]:
        """Forward LXD's unix socket of the host to a socket here."""
        path = self.directory / "lxd"
        forward = ["-L", f"{path}:/var/lib/lxd/unix.socket", "root@127.0.0.1"]
        subprocess.run([*self._client(), "-O", "forward", *forward], check=True)
        try:
            yield str(path)
        finally:
            subprocess.run([*self._client(), "-O", "cancel", *forward], check=True)
            path.unlink(missing_ok=True)

    def set_clock(self) -> None:
        """Tell it the time: it slept in the cache."""
        # A little ahead: certificates that are made meanwhile are valid from the very second.
        self.shell(f"date --set=@{time.time() + 5:.3f}")

    def reboot(self) -> None:
        """Boot it anew, and wait until all is started that is started at boot."""
        before = self.shell(_BOOT)
        self.run("systemctl reboot")
        deadline = time.monotonic() + BOOT_SECONDS
        while self._boot() in ("", before):
            if time.monotonic() > deadline:
                raise HostBroken(f"host: no reboot in {BOOT_SECONDS:g} s: {self.qemu.console()}")
            time.sleep(0.5)
        self.shell("systemctl --wait is-system-running || true")

    def _boot(self) -> str:
        """Return which boot this is; "" where it is not up."""
        try:
            self.connect()
        except HostBroken:
            return ""  # let in by what is going down
        done = self.run(_BOOT)
        return "" if done.returncode else done.stdout.decode()

    def close(self) -> None:
        """End it."""
        self.disconnect()
        self.qemu.close()

    @property
    def _config(self) -> pathlib.Path:
        path = self.directory / "config"
        if not path.exists():
            path.write_text(
                f"Host *\n  HostName 127.0.0.1\n  Port {self.qemu.ports[SSH]}\n"
                f"  HostKeyAlias {image.ALIAS}\n"
                f"  UserKnownHostsFile {self.image / 'known_hosts'}\n"
                "  GlobalKnownHostsFile none\n  IdentityAgent none\n  IdentitiesOnly yes\n"
            )
        return path

    @property
    def _socket(self) -> pathlib.Path:
        return self.directory / "ssh"

    def _client(self) -> list[str]:
        command = ["ssh", "-F", str(self._config), "-i", str(self.image / "key")]
        command += ["-p", str(self.qemu.ports[SSH]), "-o", "BatchMode=yes"]
        return [*command, "-o", "LogLevel=ERROR", "-S", str(self._socket)]

    def _answers(self) -> bool:
        """Return whether sshd says who it is; QEMU itself accepts connections from the start."""
        with contextlib.suppress(OSError):
            address = ("127.0.0.1", self.qemu.ports[SSH])
            with socket.create_connection(address, _KNOCK_SECONDS) as knock:
                return knock.recv(4) == b"SSH-"
        return False


@contextlib.contextmanager
def running(
    base: pathlib.Path,
    backing: pathlib.Path,
    directory: pathlib.Path,
    memory: pathlib.Path | None = None,
) -> Iterator[Vm]:
    """Have a host for the length of a `with` block: booted, or going on from `memory`.

    Args:
        base: The image in the cache.
        backing: The disk to begin from, which is not changed.
        directory: A private directory for the files of this run.
        memory: What `Qemu.save` wrote for exactly this disk.
    """
    disk = directory / "disk.qcow2"
    with contextlib.ExitStack() as stack:
        overlay(backing, disk)
        stack.callback(disk.unlink, missing_ok=True)
        vm = Vm(qemu=Qemu(base, disk, memory), image=base, directory=directory)
        stack.callback(vm.close)
        # QEMU has it open; without a name it goes with the last process that has.
        disk.unlink()
        vm.connect()
        if memory is not None:
            vm.set_clock()
        yield vm


def overlay(backing: pathlib.Path, disk: pathlib.Path) -> None:
    """Make a thin disk that begins as `backing`."""
    kind = "raw" if backing.suffix == ".raw" else "qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(backing)]
    subprocess.run([*command, str(disk)], check=True)
