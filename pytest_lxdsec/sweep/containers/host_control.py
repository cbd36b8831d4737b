"""The control run of the probe's script, by the host's root and without confinement.

It has a mount namespace with its own /proc and memory for its nodes: no other process sees what
it makes there, and all of it ends with the run.
"""

from __future__ import annotations

from ..common import commands, context

DIRECTORY = "/tmp"  # noqa: S108  what is mounted there is private
SECONDS = 20.0
SETUP = (
    f"mount -t tmpfs -o mode=0700 tmpfs {DIRECTORY} && mount -t proc proc /proc && "
    f'exec sh -c "$1" sh {DIRECTORY}'
)


def run(facts: context.Context) -> str:
    """Section: run the script; return its output.

    Raises:
        OSError, TimeoutError, RuntimeError: it could not be run.
    """
    if not facts.question.probe:
        raise context.Missing("the question has no script of the probe")
    return commands.succeed(
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        SETUP,
        "sh",
        facts.question.probe,
        seconds=SECONDS,
    )
