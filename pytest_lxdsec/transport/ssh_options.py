"""What we add to testinfra's ssh: one connection kept, no prompts, causes; imports nothing of it.

testinfra asks ssh to keep a connection (`ControlMaster`, `ControlPersist`) but names no control
socket, and without one ssh opens a connection per command. Ours lies in a private directory and
goes with the session, whatever way it ends.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import weakref

from . import one_line

# ssh lets the first value win, so these stand before what the user's files and options say.
OPTIONS = (
    "BatchMode=yes",  # a password prompt would stop a pipeline for ever
    "ControlMaster=auto",
    "ControlPersist=60",
    "ServerAliveInterval=15",  # a host that vanishes is noticed after a minute
    "ServerAliveCountMax=4",
    "RequestTTY=no",  # a terminal changes bytes
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
)
# ssh binds the socket under a temporary name of 17 characters more, and sun_path has 108.
PATH_LIMIT = 80
END_SECONDS = 10.0

# Words of ssh's, and what to do about them. The last line that says one of them is the cause.
ADVICE = {
    "host key verification failed": "accept it once by hand: ssh HOST",
    "permission denied": "load a key that the host accepts, or name it: ?ssh_identity_file=FILE",
    "could not resolve hostname": "is the name right?",
    "connection refused": "is sshd running, on this port?",
    "timed out": "is the host up, and the port open?",
    "no route to host": "is the host up?",
}


class Control:
    """The directory of one connection's control socket."""

    def __init__(self) -> None:
        directory = tempfile.mkdtemp(prefix="lxdsec-", dir=_base())
        self._socket = pathlib.Path(directory) / "ssh"
        # Also runs where nobody calls `close`: when this object goes, or Python ends.
        self._finish = weakref.finalize(self, _end, self._socket, os.getpid())

    def options(self) -> str:
        """Return ssh's options as words for a shell."""
        path = str(self._socket).replace("%", "%%")
        return shlex.join(
            word for option in (*OPTIONS, f"ControlPath={path}") for word in ("-o", option)
        )

    def close(self) -> None:
        """End the connection, if there is one, and remove the directory."""
        self._finish()


def _base() -> str:
    directory = tempfile.gettempdir()
    return directory if len(directory) < PATH_LIMIT else "/tmp"  # noqa: S108  mkdtemp makes it private


def _end(path: pathlib.Path, owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child ends; the connection is its parent's
    if path.exists():
        _tell_master_to_end(path)
    shutil.rmtree(path.parent, ignore_errors=True)


def _tell_master_to_end(path: pathlib.Path) -> None:
    # The master answers through the socket; which host it is connected to is its affair.
    command = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={path}", "-O", "exit", "any"]
    # One that hangs ends by itself, a minute after its last command.
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=END_SECONDS,
            check=False,
        )


def cause(stderr: bytes) -> str:
    """Return why ssh itself failed, from its error output."""
    lines = stderr[-8192:].decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        for words, advice in ADVICE.items():
            if words in line.lower():
                return f"{one_line.one_line(line).rstrip('.')}: {advice}"
    return one_line.last_line(stderr) or "ssh failed without a word"
