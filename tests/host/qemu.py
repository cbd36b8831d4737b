"""One QEMU process: software emulation, loopback ports, a monitor; it dies with its parent.

`/dev/kvm` is never used: not every nested KVM runs Debian's kernel, and the tests must behave in
the same way on every machine.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import IO, Any

from tests.host.host_errors import HostBroken

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 2048
# Only an identical machine can load saved memory: all of this goes into its cache key.
MACHINE = (
    *("-nodefaults", "-no-user-config", "-display", "none"),
    *("-accel", "tcg,thread=multi,tb-size=1024"),
    *("-cpu", "max", "-smp", "2", "-m", str(MEMORY_MIB)),
    *("-device", "virtio-rng-pci"),
)
# An emulated processor needs no mitigations, which would cost a tenth of its time.
KERNEL_LINE = "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off quiet"
SSH, API = 22, 8443  # in the guest
_ANSWER_SECONDS = 60.0
_MEMORY_SECONDS = 180.0
_END_SECONDS = 10.0


class Qemu:
    """A running virtual machine; `ports` are forwarded ports on this machine's loopback."""

    def __init__(
        self, image: pathlib.Path, disk: pathlib.Path, memory: pathlib.Path | None = None
    ) -> None:
        """Start the machine, which boots or resumes from `memory`.

        Raises:
            HostBroken: QEMU does not start; the text is QEMU's.
        """
        # One unlinked file for the serial console and QEMU's own messages.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        ours, theirs = socket.socketpair()
        with theirs:
            command = _command(image, disk, theirs.fileno(), memory)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the run, which ends QEMU itself
            )
        ours.settimeout(_ANSWER_SECONDS)
        self._monitor = ours
        self._lines = ours.makefile("rb")
        try:
            self._read()  # the greeting
            self.ask("qmp_capabilities")
            if memory is not None:
                self._go_on()
            self.ports = self._forwarded()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The id of the QEMU process."""
        return self._process.pid

    def ask(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """Send one command to the monitor, and return its answer.

        Raises:
            HostBroken: QEMU refuses the command, or has ended; the text is QEMU's.
        """
        request = {"execute": command, "arguments": dict(arguments or {})}
        try:
            self._monitor.sendall(json.dumps(request).encode())
            answer = self._read()
            while "event" in answer:
                answer = self._read()
        except OSError as error:
            raise HostBroken(f"host: QEMU: {command}: {error}: {self.console()}") from error
        if "error" in answer:
            raise HostBroken(f"host: QEMU: {command}: {answer['error'].get('desc')}")
        return answer["return"]

    def save(self, path: pathlib.Path) -> None:
        """Stop the machine and write its memory and devices to `path`, but not its disk."""
        self.ask("stop")
        self.ask("migrate-set-parameters", {"max-bandwidth": 1 << 34})
        self.ask("migrate", {"uri": f"exec:cat > '{path}'"})
        self._await_migration()

    def pause(self) -> None:
        """Stop the processors, so that clients get neither an answer nor a refusal."""
        self.ask("stop")

    def go_on(self) -> None:
        """Undo `pause`."""
        self.ask("cont")

    def console(self) -> str:
        """Return the last lines of the console, for a message."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-3:]) or "the console is empty"

    def close(self) -> None:
        """End the machine without a shutdown."""
        with contextlib.suppress(HostBroken):  # it has ended already
            self.ask("quit")
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._lines.close()
        self._monitor.close()
        self._log.close()

    def _go_on(self) -> None:
        self._await_migration()
        self.ask("cont")

    def _await_migration(self) -> None:
        deadline = time.monotonic() + _MEMORY_SECONDS
        while (status := self.ask("query-migrate").get("status")) != "completed":
            if status == "failed" or time.monotonic() > deadline:
                raise HostBroken(f"host: QEMU: memory: {status}: {self.console()}")
            time.sleep(0.05)

    def _forwarded(self) -> Mapping[int, int]:
        output = self.ask("human-monitor-command", {"command-line": "info usernet"})
        rows = re.findall(
            r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)", output
        )
        return {int(inside): int(outside) for outside, inside in rows}

    def _read(self) -> Any:
        line = self._lines.readline()
        if not line:
            raise HostBroken(f"host: QEMU ended: {self.console()}")
        return json.loads(line)


def version() -> str:
    """Return QEMU's version."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return done.stdout


def _command(
    image: pathlib.Path, disk: pathlib.Path, monitor: int, memory: pathlib.Path | None
) -> list[str]:
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:0-:{port}" for port in (SSH, API))
    command = ["setpriv", "--pdeathsig", "KILL", PROGRAM, *MACHINE]
    command += ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img")]
    command += ["-append", KERNEL_LINE]
    command += ["-drive", f"file={disk},format=qcow2,if=virtio,cache=unsafe,discard=unmap"]
    command += ["-netdev", f"user,id=net,restrict=on,ipv6=off{forwards}"]
    command += ["-device", "virtio-net-pci,netdev=net"]
    command += ["-chardev", f"socket,id=monitor,fd={monitor}"]
    command += ["-mon", "chardev=monitor,mode=control"]
    command += ["-chardev", "file,id=console,path=/dev/stdout,append=on"]
    command += ["-serial", "chardev:console"]
    return command if memory is None else [*command, "-incoming", f"exec:cat '{memory}'"]
