"""A running Debian host for tests: ssh on a loopback port, started from a snapshot.

Each host has a thin disk of its own on top of the cached one, so hosts can run in parallel without
changing the snapshot.
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

from tests.host.host_errors import HostBroken
from tests.host.qemu import API, SSH, Qemu

from . import image

BOOT_SECONDS = 240.0
_KNOCK_SECONDS = 10.0
_BOOT = "cat /proc/sys/kernel/random/boot_id"


@dataclass(slots=True, kw_only=True)
class Vm:
    """A running host.

    Attributes:
        qemu: The virtual machine.
        image: The image in the cache, which holds the login key and the expected host key.
        directory: The files of this run: ssh's configuration, and the connection's socket.
    """

    qemu: Qemu
    image: pathlib.Path
    directory: pathlib.Path
    _master: subprocess.Popen[bytes] | None = None

    @property
    def processes(self) -> tuple[int, ...]:
        """Return the ids of its processes on this machine: QEMU, and the ssh connection."""
        assert self._master is not None, "not connected"
        return self.qemu.pid, self._master.pid

    @property
    def api(self) -> str:
        """Return the `https://` target of its LXD."""
        return f"https://127.0.0.1:{self.qemu.ports[API]}"

    def ssh(self, user: str = "root", *, address: str = "", **options: str) -> str:
        """Return its `ssh://` target; any other `address` leads to it, too."""
        files = {"ssh_config": self._config, "ssh_identity_file": self.image / "key"}
        query = urllib.parse.urlencode(files | options)
        return f"ssh://{user}@{address or f'127.0.0.1:{self.qemu.ports[SSH]}'}?{query}"

    def name(self, user: str = "root") -> str:
        """Return the target's name in reports, for a target of `ssh`."""
        return self.ssh(user).partition("?")[0]

    def run(
        self,
        script: str,
        *,
        input: bytes = b"",  # noqa: A002  # subprocess's name for it
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a POSIX shell script as root; the caller checks its exit status."""
        return subprocess.run(
            [*self._client(), "root@127.0.0.1", f"sh -c {shlex.quote(script)}"],
            input=input,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def shell(self, script: str, *, input: bytes = b"", timeout: float = 240) -> str:  # noqa: A002  # likewise
        """Run a script that must succeed; return its output."""
        done = self.run(f"set -e\n{script}", input=input, timeout=timeout)
        if done.returncode:
            raise HostBroken(f"host: {script}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def connect(self) -> None:
        """Wait until a login succeeds, and keep one connection for `run`.

        Raises:
            HostBroken: The login does not succeed in time; the text is the end of the console.
        """
        self.disconnect()
        deadline = time.monotonic() + BOOT_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                raise HostBroken(f"host: no ssh in {BOOT_SECONDS:g} s: {self.qemu.console()}")
            time.sleep(0.05)
        # It is a child of this process, not a daemon, and ends with it at the latest.
        master = ["setpriv", "--pdeathsig", "KILL", *self._client(), "-M", "-N", "root@127.0.0.1"]
        self._master = subprocess.Popen(master, stdin=subprocess.DEVNULL, start_new_session=True)
        while not self._socket.exists():
            if self._master.poll() is not None or time.monotonic() > deadline:
                raise HostBroken(f"host: ssh does not log in: {self.qemu.console()}")
            time.sleep(0.02)

    def disconnect(self) -> None:
        """End the connection of `run`."""
        if self._master is not None:
            self._master.kill()  # SIGTERM between two checks of its flag would be missed
            self._master.wait()
            self._master = None
        self._socket.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lxd_socket(self) -> Iterator[str]:
        """Forward LXD's unix socket to a socket on this machine; yield its path."""
        path = self.directory / "lxd"
        forward = ["-L", f"{path}:/var/lib/lxd/unix.socket", "root@127.0.0.1"]
        subprocess.run([*self._client(), "-O", "forward", *forward], check=True)
        try:
            yield str(path)
        finally:
            subprocess.run([*self._client(), "-O", "cancel", *forward], check=True)
            path.unlink(missing_ok=True)

    def set_clock(self) -> None:
        """Set the host's clock, which stood still in the cache."""
        # A little ahead: new certificates are valid from this very second.
        self.shell(f"date --set=@{time.time() + 5:.3f}")

    def reboot(self) -> None:
        """Reboot the host, and wait until all services of the boot are started."""
        before = self.shell(_BOOT)
        self.run("systemctl reboot")
        deadline = time.monotonic() + BOOT_SECONDS
        while self._boot() in ("", before):
            if time.monotonic() > deadline:
                raise HostBroken(f"host: no reboot in {BOOT_SECONDS:g} s: {self.qemu.console()}")
            time.sleep(0.5)
        self.shell("systemctl --wait is-system-running || true")

    def _boot(self) -> str:
        """Return the id of the boot; "" if the host is not up."""
        try:
            self.connect()
        except HostBroken:
            return ""  # the login reached the host before it went down
        done = self.run(_BOOT)
        return "" if done.returncode else done.stdout.decode()

    def close(self) -> None:
        """End the host."""
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
        """Return True if sshd sends its banner; QEMU itself accepts connections from the start."""
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
    """Run a host for the length of a `with` block: boot it, or resume it from `memory`.

    Args:
        base: The image in the cache.
        backing: The disk to start from, which is not changed.
        directory: A private directory for the files of this run.
        memory: The file that `Qemu.save` wrote for exactly this disk.
    """
    disk = directory / "disk.qcow2"
    with contextlib.ExitStack() as stack:
        overlay(backing, disk)
        stack.callback(disk.unlink, missing_ok=True)
        vm = Vm(qemu=Qemu(base, disk, memory), image=base, directory=directory)
        stack.callback(vm.close)
        # QEMU has it open; the unlinked file disappears with the last process that has it open.
        disk.unlink()
        vm.connect()
        if memory is not None:
            vm.set_clock()
        yield vm


def overlay(backing: pathlib.Path, disk: pathlib.Path) -> None:
    """Make a thin disk on top of `backing`."""
    kind = "raw" if backing.suffix == ".raw" else "qcow2"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(backing)]
    subprocess.run([*command, str(disk)], check=True)
