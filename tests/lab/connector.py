"""Connects to a host with a packet filter from several sources, for one rule set after another.

It runs in a network namespace of its own (`unshare --net`), as text on an interpreter's command
line, with the standard library, `ip` and the filters' tools only. Each input line is a JSON
document with a rule set and the connections to try; each output line holds the rule set as printed
by the tools, and which connections succeeded.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import pathlib
import select
import socket
import subprocess
import sys
import threading
import time
from typing import Any

CLONE_NEWNET = 0x40000000
SO_BINDTODEVICE = 25


def run(*argv: str, text: str = "") -> str:
    """Run a command and return its output; raise an error with its error output if it fails."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def inside(pid: int, make: object) -> socket.socket:
    """Call `make` in the network namespace of a process; return its socket, which stays there."""
    made: list[socket.socket] = []

    def enter() -> None:
        with open(f"/proc/{pid}/ns/net", "rb") as space:  # noqa: PTH123 - a short program
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) == 0:
                made.append(make())  # type: ignore[operator]  # a function without arguments

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return made[0]


def build(plan: dict[str, list[list[str]]], pid: int) -> None:
    """Connect the two namespaces by veth pairs, with addresses and routes for every source."""
    run("ip", "link", "set", "lo", "up")
    for near, far in plan["wires"]:
        run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", str(pid))
        run("ip", "link", "set", near, "up")
        run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "set", far, "up")
    for space, *command in plan["commands"]:
        where = [] if space == "host" else ["nsenter", f"--net=/proc/{pid}/ns/net"]
        run(*where, *command)


def connect(pid: int, tries: list[list[object]], patience: float) -> list[bool]:
    """Try connections (source, device, destination, port); return which of them succeeded."""
    pending: dict[socket.socket, int] = {}
    through = [False] * len(tries)
    for number, (source, device, destination, port) in enumerate(tries):
        family = socket.AF_INET6 if ":" in str(source) else socket.AF_INET
        made = inside(pid, lambda family=family: socket.socket(family, socket.SOCK_STREAM))
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, str(device).encode())
        made.bind((source, 0))
        made.connect_ex((destination, port))
        pending[made] = number
    while pending:
        _, ready, _ = select.select([], list(pending), [], patience)
        if not ready:
            break
        for each in ready:
            through[pending.pop(each)] = each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            each.close()
    for each in pending:
        each.close()
    return through


def serve(ports: list[int]) -> list[socket.socket]:
    """Listen on all addresses, and close every connection at once."""
    found = []
    for port in ports:
        listener = socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512
        )
        found.append(listener)
        threading.Thread(target=close_all, args=(listener,), daemon=True).start()
    return found


def close_all(listener: socket.socket) -> None:
    """Accept and close connections until the socket is closed."""
    with contextlib.suppress(OSError):
        while True:
            accepted, _ = listener.accept()
            accepted.close()


def answer(pid: int, asked: dict[str, Any]) -> dict[str, Any]:
    """Apply and print a rule set, and try connections; return the error if a tool refuses it."""
    try:
        for argv, text in asked.get("apply", ()):
            run(*argv, text=text)
    except RuntimeError as refusal:
        return {"refused": str(refusal)}
    printed = [run(*argv) for argv in asked.get("print", ())]
    return {"printed": printed, "through": connect(pid, asked["tries"], asked["patience"])}


def main() -> None:
    """Serve rule sets until the input ends."""
    plan = json.loads(sys.argv[1])
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as other:
        try:
            while pathlib.Path(f"/proc/{other.pid}/ns/net").samefile("/proc/self/ns/net"):
                time.sleep(0.001)
            build(plan, other.pid)
            listeners = serve(plan["ports"])
            for line in sys.stdin:
                asked = json.loads(line)
                sys.stdout.write(json.dumps(answer(other.pid, asked)) + "\n")
                sys.stdout.flush()
            del listeners
        finally:
            other.kill()


if __name__ == "__main__":
    main()
