"""Options for testinfra's ssh: one lasting connection, no prompts, and causes of failures.

testinfra asks ssh to keep a connection (`ControlMaster`, `ControlPersist`) but names no control
socket, and without a socket ssh opens a connection for every command. Our control socket is in a
private directory that is removed with the session, however the session ends.
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

# ssh uses the first value of an option, so these precede the user's files and options.
OPTIONS = (
    "BatchMode=yes",  # a password prompt would stop a pipeline for ever
    "ControlMaster=auto",
    "ControlPersist=60",
    "ServerAliveInterval=15",  # a lost host is noticed after a minute
    "ServerAliveCountMax=4",
    "RequestTTY=no",  # a terminal changes bytes
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
)
# ssh binds the socket under a temporary name that is 17 characters longer; sun_path has 108.
PATH_LIMIT = 80
END_SECONDS = 10.0

# Texts of ssh with the advice for each. The last line that contains one of them is the cause.
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
        # It also runs without a call of `close`: when this object is collected, or Python exits.
        self._finish = weakref.finalize(self, _end, self._socket, os.getpid())

    def options(self) -> str:
        """Return ssh's options, quoted for a shell."""
        path = str(self._socket).replace("%", "%%")
        return shlex.join(
            word for option in (*OPTIONS, f"ControlPath={path}") for word in ("-o", option)
        )

    def close(self) -> None:
        """End the connection if it is open, and remove the directory."""
        self._finish()


def _base() -> str:
    directory = tempfile.gettempdir()
    return directory if len(directory) < PATH_LIMIT else "/tmp"  # noqa: S108  mkdtemp makes it private


def _end(path: pathlib.Path, owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child ends; the connection belongs to its parent
    if path.exists():
        _stop_master(path)
    shutil.rmtree(path.parent, ignore_errors=True)


def _stop_master(path: pathlib.Path) -> None:
    # ssh needs some host name here, but it finds the master by the socket alone.
    command = ["ssh", "-F", "/dev/null", "-o", f"ControlPath={path}", "-O", "exit", "any"]
    # A master that hangs ends by itself, a minute after its last command.
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
    """Return the reason why ssh itself failed, from its error output."""
    lines = stderr[-8192:].decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        for words, advice in ADVICE.items():
            if words in line.lower():
                return f"{one_line.one_line(line).rstrip('.')}: {advice}"
    return one_line.last_line(stderr) or "ssh failed without an error message"
