"""The probe's script, run by the host's root: what it could do, had nobody confined it.

In a mount namespace of its own, with a /proc of its own and memory for its nodes: what is made
there is seen by nobody and gone with it.
"""

from __future__ import annotations

from ..common import commands, context

DIRECTORY = "/tmp"  # noqa: S108  what is mounted there is private
SECONDS = 20.0
SETUP = (
    f"mount -t tmpfs -o mode=0700 tmpfs {DIRECTORY} && mount -t proc proc /proc && "
    f'exec sh -c "$1" sh {DIRECTORY}'
)


def run(facts: context.Known) -> str:
    """Section: what the script printed.

    Raises:
        OSError, TimeoutError, RuntimeError: it could not be run.
    """
    if not facts.question.probe:
        raise context.Missing("the probe was not given")
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
